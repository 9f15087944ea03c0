"""Figures by window: what they count, what they forget, how exact they are."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import BadInput
from engine.base.percentiles import RELATIVE_ERROR, RollingCounter, bucket_of, nearest_rank, percentile
from engine.events import types as ev
from engine.events.types import AnyEvent, EventEnvelope
from engine.recovery.statistics import LABELS, OPEN_KEPT, Figures, RecoveryStatistics, by_label

START = 1_000_000.0


class RecordedEvents:
    """Statistics, and the events that they were told."""

    def __init__(self) -> None:
        self.statistics = RecoveryStatistics()
        self._seq = 0
        self.notify(0, ev.EngineStarted(engine="e", pid=1, backend="simulator", version="0"))

    def notify(self, at: float, event: AnyEvent) -> None:
        """An event, `at` seconds after the start."""
        self._seq += 1
        self.statistics.apply(EventEnvelope(self._seq, START + at, event))

    def error(self, at: float, request: str, **more: object) -> None:
        """A failed attempt."""
        given = {"kind": "network", "rule": "reset", "code": "x", "text": "reset", "session": "s1", **more}
        self.notify(at, ev.ErrorSeen(error=f"{request}.1", request=request, **given))  # type: ignore[arg-type]

    def end(self, at: float, request: str, *, ok: bool, attempts: int = 1, **more: object) -> None:
        """A request's end."""
        self.notify(at, ev.RequestEnded(request=request, user="u", ok=ok, duration=1.0, attempts=attempts, **more))  # type: ignore[arg-type]

    def figures(self, window: str, at: float) -> Figures:
        """The figures, `at` seconds after the start."""
        return self.statistics.figures(window, START + at)


def a_recovered_and_a_lost_request() -> RecordedEvents:
    """Ten minutes with three failed attempts at r1, answered 4 s after the first, and r2 given up."""
    told = RecordedEvents()
    for at, silent in ((500, 0.2), (501, 0.2), (503, 8.0)):
        told.error(at, "r1", silent=silent)
        told.notify(at, ev.RequestRetrying(request="r1", attempt=1, delay=1.0, kind="network", reason="x"))
    told.end(504, "r1", ok=True, attempts=4)
    told.error(505, "r2", kind="timeout", rule="slow")
    told.end(505, "r2", ok=False, attempts=2, kind="timeout")
    told.end(506, "r3", ok=True)
    told.notify(507, ev.BreakerChanged(breaker="model:x", old="closed", new="open"))
    told.notify(508, ev.BreakerChanged(breaker="session:s7", old="closed", new="open"))
    told.notify(509, ev.SessionEnded(session="s1", how="exit", error="signal 9"))
    told.notify(509, ev.SessionEnded(session="s2", how="eof"))
    return told


def test_a_window_tells_rates_classes_attempts_and_times() -> None:
    found = a_recovered_and_a_lost_request().figures("1h", 600)
    assert (found.errors, found.by_type, found.by_rule) == (4, {"network": 3, "timeout": 1}, {"reset": 3, "slow": 1})
    assert found.errors_per_minute == pytest.approx(0.4)
    assert (found.requests, found.answered, found.failed, found.excused) == (3, 2, 1, 0)
    assert (found.retries, found.attempts, found.mean_attempts) == (3, {"1": 1, "4": 1}, 2.5)
    assert found.retry_success == 0.5
    assert found.breaker_changes == {"model:x": 1, "session:*": 1}
    assert found.sessions_lost == 1
    assert (found.detect.count, found.detect.mean) == (4, pytest.approx(2.1))
    assert found.detect.p95 == pytest.approx(8.0, rel=RELATIVE_ERROR)
    assert (found.recover.count, found.recover.mean) == (1, 4.0)
    assert found.recover.p50 == pytest.approx(4.0, rel=RELATIVE_ERROR)
    assert found.availability == pytest.approx(2 / 3)
    assert (found.mttr, found.failures, found.mtbf) == (4.0, 2, 300.0)


def test_what_left_a_window_is_still_in_the_longer_ones() -> None:
    told = a_recovered_and_a_lost_request()
    short, hour, day = (told.figures(window, 1200) for window in ("5m", "1h", "24h"))
    assert (short.errors, short.requests, short.availability, short.mttr, short.mtbf) == (0, 0, None, None, None)
    assert hour.errors == day.errors == 4
    assert hour.mtbf == 600.0
    late = told.figures("24h", 100_000)
    assert (late.errors, late.seconds, late.by_rule) == (0, 86_400.0, {})
    assert told.statistics.totals["error", "network"] == 3


@pytest.mark.parametrize(
    ("end", "excused"),
    [
        ({"kind": "validation", "code": "api_400"}, 1),
        ({"kind": "", "code": "cancelled"}, 1),
        ({"kind": "internal", "code": "interrupted"}, 1),
        ({"kind": "timeout", "code": "deadline_passed"}, 0),
        ({"kind": "resource", "code": "overloaded"}, 0),
    ],
)
def test_what_was_the_callers_own_doing_is_not_counted_against_availability(end: dict[str, str], excused: int) -> None:
    told = RecordedEvents()
    told.end(1, "good", ok=True)
    told.end(2, "bad", ok=False, **end)
    found = told.figures("5m", 3)
    assert (found.excused, found.availability) == (excused, 1.0 if excused else 0.5)


def test_a_window_that_is_not_kept_is_refused() -> None:
    with pytest.raises(BadInput, match="no window '2h'") as caught:
        RecordedEvents().figures("2h", 1)
    assert caught.value.field == "window"


def test_the_memory_is_bounded_whatever_comes() -> None:
    told = RecordedEvents()
    for number in range(LABELS + 50):
        told.error(number / 100, f"r{number}", rule=f"rule-{number}")
    for number in range(OPEN_KEPT + 100):
        told.error(10, f"q{number}")
    rules = told.figures("1h", 20).by_rule
    assert len(rules) == LABELS + 1
    assert rules["other"] == 50 + OPEN_KEPT + 100
    assert len(told.statistics._open) == OPEN_KEPT


@given(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_percentile_is_within_its_error_of_the_true_one(values: list[float], share: float) -> None:
    slots: dict[str, float] = {}
    for value in values:
        slots[bucket_of(value)] = slots.get(bucket_of(value), 0) + 1
    rank = next(index for index in range(len(values)) if index + 1 >= share * len(values))
    assert percentile(slots, share) == pytest.approx(sorted(values)[rank], rel=RELATIVE_ERROR * 1.0001)


def test_the_nearest_rank_is_a_value_that_was_seen() -> None:
    assert nearest_rank([], 0.95) == 0.0
    assert [nearest_rank([3.0], share) for share in (0.0, 0.5, 1.0)] == [3.0, 3.0, 3.0]
    hundred = [float(number) for number in range(100)]
    assert [nearest_rank(hundred, share) for share in (0.0, 0.5, 0.95, 0.99, 1.0)] == [0.0, 50.0, 95.0, 99.0, 99.0]


@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.sampled_from("ab"), st.integers(0, 5)),
        max_size=60,
    )
)
def test_a_ring_holds_what_a_list_of_all_counts_would(steps: list[tuple[float, str, int]]) -> None:
    rolling, now = RollingCounter(60, 6), START
    counted: list[tuple[float, str, int]] = []
    for wait, label, amount in steps:
        now += wait
        rolling.add(now, ("n", label), amount)
        counted.append((now, label, amount))
        for each in "ab":
            inside = [n for at, name, n in counted if name == each and int(at / 10) > int(now / 10) - 6]
            assert rolling.total.get(("n", each), 0) == sum(inside)


def test_time_that_goes_back_counts_as_now() -> None:
    rolling = RollingCounter(60, 6)
    rolling.add(START, ("n", ""))
    rolling.add(START - 500, ("n", ""))
    assert rolling.total == {("n", ""): 2}


def test_an_event_costs_the_same_after_many() -> None:
    rng, told = random.Random(4), RecordedEvents()
    for number in range(3000):
        told.error(number * 40, f"r{number}", silent=rng.uniform(0, 30))
    sizes = [len(bucket) for rolling in told.statistics._windows.values() for bucket in rolling._ring]
    assert max(sizes) <= 6 + 3 * len({bucket_of(value / 100) for value in range(3001)})
    assert by_label(told.statistics.totals, "error") == {"network": 3000}
