"""The clock that leaves out the time in which the whole process stood still."""

from __future__ import annotations

import pytest

from engine.base.clock import LATE_TICKS, ManualClock, PausableClock

TICK = 1.0
LATE = TICK * (1 + LATE_TICKS)


def test_time_passes_as_on_the_clock_within_while_the_loop_beats() -> None:
    within = ManualClock(100.0)
    clock = PausableClock(within, TICK)
    for _ in range(50):
        clock.beat()
        within.advance(LATE)  # late, and still no pause
    assert (clock.monotonic(), clock.paused) == (within.monotonic(), 0.0)


@pytest.mark.parametrize("seen_by", ["a read", "the next beat"])
def test_a_pause_counts_as_one_tick_however_long_it_was(seen_by: str) -> None:
    within = ManualClock(100.0)
    clock = PausableClock(within, TICK)
    clock.beat()
    within.advance(3600.0)
    before = clock.monotonic() if seen_by == "a read" else None
    clock.beat()
    assert before in {None, 100.0 + TICK}
    assert clock.monotonic() == 100.0 + TICK
    assert clock.paused == 3600.0 - TICK
    within.advance(0.5)
    assert clock.monotonic() == 100.0 + TICK + 0.5
    assert clock.wall() == within.wall()


def test_before_the_first_beat_nothing_is_a_pause() -> None:
    within = ManualClock(100.0)
    clock = PausableClock(within, TICK)
    within.advance(3600.0)
    assert (clock.monotonic(), clock.paused) == (3700.0, 0.0)


def test_a_clock_that_is_read_often_finds_each_pause_once() -> None:
    within = ManualClock(0.0)
    clock = PausableClock(within, TICK)
    clock.beat()
    for _ in range(3):
        within.advance(100.0)
        for _ in range(5):
            clock.monotonic()
    assert clock.paused == 3 * (100.0 - TICK)
