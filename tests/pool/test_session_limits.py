"""What a session may take, and how many crashes a profile may have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pool.intensity import Intensity, IntensityLimits
from engine.pool.session_limits import MIB, SAMPLE_S, SETTLED_S, SLOPE_S, Level, MemoryLimit, MemoryLimitSettings, slope

LIMITS = MemoryLimitSettings(
    memory_soft=500 * MIB, memory_hard=1000 * MIB, cpu_soft=50.0, cpu_hard=90.0, cpu_for=60.0, slope=10 * MIB
)
CRASHES = IntensityLimits(crashes=3, period=60.0, hold=2.0, longest_hold=30.0)


@pytest.mark.parametrize(
    ("mib", "level", "name"),
    [(500, Level.FINE, ""), (501, Level.SOFT, "memory_soft"), (1001, Level.HARD, "memory_hard")],
)
def test_memory_is_judged_at_once_and_the_limit_named(mib: int, level: Level, name: str) -> None:
    verdict = MemoryLimit().judge(0.0, mib * MIB, 0.0, LIMITS, idle=0.0)
    assert verdict.level is level
    assert name in verdict.reason
    assert bool(verdict.reason) == bool(name)


def test_a_limit_of_zero_is_no_limit() -> None:
    quota = MemoryLimit()
    verdicts = [quota.judge(60.0 * n, n * 1000 * MIB, 900.0, MemoryLimitSettings(), idle=60.0) for n in range(20)]
    assert {verdict.level for verdict in verdicts} == {Level.FINE}


def test_cpu_counts_only_when_it_stays_above_its_limit() -> None:
    quota = MemoryLimit()
    levels = [quota.judge(float(now), 0, 95.0, LIMITS, idle=0.0).level for now in range(0, 60, 2)]
    assert set(levels) == {Level.FINE}
    verdict = quota.judge(60.0, 0, 95.0, LIMITS, idle=0.0)
    assert (verdict.level, verdict.reason) == (Level.HARD, "CPU above 90 % for 60 s")
    assert quota.judge(62.0, 0, 10.0, LIMITS, idle=0.0).level is Level.FINE
    assert quota.judge(64.0, 0, 95.0, LIMITS, idle=0.0).level is Level.FINE


def test_cpu_between_the_levels_is_soft_from_the_first_second_above_the_soft_one() -> None:
    quota = MemoryLimit()
    for now in range(0, 60, 2):
        quota.judge(float(now), 0, 95.0 if now % 4 else 60.0, LIMITS, idle=0.0)
    assert quota.judge(60.0, 0, 60.0, LIMITS, idle=0.0).level is Level.SOFT


def grown(quota: MemoryLimit, mib_a_minute: float, seconds: float, *, since: float = SETTLED_S) -> Level:
    """The level after `seconds` of samples, one a second, of a session that was idle for `since` at the first."""
    level = Level.FINE
    for second in range(int(seconds) + 1):
        memory = int(100 * MIB + mib_a_minute * MIB * second / 60)
        level = quota.judge(float(second), memory, 0.0, LIMITS, idle=since + second if since else 0.0).level
    return level


def test_memory_that_grows_while_idle_is_soft_once_it_did_so_for_long() -> None:
    assert grown(MemoryLimit(), 20.0, SLOPE_S - SAMPLE_S) is Level.FINE
    assert grown(MemoryLimit(), 20.0, SLOPE_S) is Level.SOFT
    assert grown(MemoryLimit(), 9.0, 10 * SLOPE_S) is Level.FINE


def test_what_a_turn_left_is_not_followed_until_the_session_settled() -> None:
    """A JavaScript engine collects and compiles for some seconds after a turn: sessions used now and then lived
    ten seconds before this.
    """
    quota = MemoryLimit()
    for second in range(600):
        verdict = quota.judge(float(second), second * 10 * MIB // 2 % (200 * MIB), 0.0, LIMITS, idle=second % 12)
        assert verdict.level is Level.FINE


def test_memory_may_grow_in_a_turn_and_a_turn_begins_the_count_anew() -> None:
    assert grown(MemoryLimit(), 300.0, SLOPE_S, since=0.0) is Level.FINE
    quota = MemoryLimit()
    grown(quota, 5.0, SLOPE_S)
    quota.judge(70.0, 0, 0.0, LIMITS, idle=0.0)
    assert quota.judge(90.0, 400 * MIB, 0.0, LIMITS, idle=20.0).level is Level.FINE


def test_the_gravest_verdict_is_told() -> None:
    quota = MemoryLimit()
    for now in range(0, 62, 2):
        verdict = quota.judge(float(now), 600 * MIB, 95.0, LIMITS, idle=0.0)
    assert verdict.level is Level.HARD
    assert "CPU" in verdict.reason


@given(st.floats(-1e6, 1e6), st.integers(2, 40), st.floats(0.1, 100))
def test_the_slope_of_a_line_is_the_line_s(rate: float, count: int, every: float) -> None:
    samples = [(number * every, round(1e9 + rate * number * every)) for number in range(count)]
    assert slope(samples) == pytest.approx(rate, abs=2.0 / every, rel=1e-3)


def test_the_slope_of_no_line_is_flat() -> None:
    assert slope([]) == slope([(1.0, 5)]) == slope([(1.0, 5), (1.0, 9)]) == 0.0


def test_crashes_within_the_intensity_are_borne() -> None:
    record = Intensity()
    assert [record.crashed(now, CRASHES) for now in (0.0, 1.0, 2.0)] == [0.0, 0.0, 0.0]
    assert record.held(2.0) == 0.0


def test_one_crash_too_many_holds_starts_for_a_while() -> None:
    record = Intensity()
    assert [record.crashed(float(now), CRASHES) for now in range(4)][-1] == 2.0
    assert (record.held(4.0), record.held(5.0), record.held(9.0)) == (1.0, 0.0, 0.0)


def test_the_hold_doubles_with_each_streak_up_to_its_bound_and_a_healthy_period_ends_it() -> None:
    record, now, holds = Intensity(), 0.0, []
    for _ in range(6):
        for _ in range(4):
            hold = record.crashed(now, CRASHES)
        holds.append(hold)
        now += hold
    assert holds == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    now += CRASHES.period + 1
    assert [record.crashed(now, CRASHES) for _ in range(4)][-1] == 2.0


def test_crashes_while_starts_are_held_do_not_lengthen_the_hold() -> None:
    record = Intensity()
    for _ in range(4):
        record.crashed(0.0, CRASHES)
    assert [record.crashed(1.0, CRASHES) for _ in range(20)] == [1.0] * 20


def test_crashes_that_are_far_apart_are_borne_for_ever() -> None:
    record, limits = Intensity(), replace(CRASHES, crashes=1, period=10.0)
    assert {record.crashed(now * 11.0, limits) for now in range(100)} == {0.0}
