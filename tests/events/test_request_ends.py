"""One definition of how requests end: the state, the figures by window and the event itself never differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import types as ev
from engine.events.reducers.projection import Projection
from engine.events.types import AnyEvent, EventEnvelope, RequestEnding
from engine.recovery.statistics import RecoveryStatistics

START = 1_000_000.0
ENDS = {
    RequestEnding.ANSWERED: {"ok": True},
    RequestEnding.FAILED: {"ok": False, "kind": "network", "code": "turn_failed", "attempts": 3},
    RequestEnding.REFUSED: {"ok": False, "kind": "resource", "code": "overloaded", "attempts": 0},
    RequestEnding.CANCELLED: {"ok": False, "code": "interrupted"},
}


def ended(request: str, **facts: object) -> ev.RequestEnded:
    return ev.RequestEnded(request=request, user="u", duration=1.0, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", RequestEnding)
def test_an_end_is_one_of_the_four(ending: RequestEnding) -> None:
    assert ended("r", **ENDS[ending]).outcome is ending


@pytest.mark.parametrize("code", ["cancelled", "interrupted", "session_stopped"])
def test_what_people_end_is_cancelled_whatever_had_been_tried(code: str) -> None:
    for attempts in (0, 1, 4):
        event = ended("r", ok=False, kind="process", code=code, attempts=attempts)
        assert (event.outcome, event.excused) == (RequestEnding.CANCELLED, True)


def test_only_the_requests_own_fault_excuses_a_refusal() -> None:
    assert ended("r", ok=False, kind="validation", code="bad_input", attempts=0).excused
    assert not ended("r", ok=False, kind="resource", code="overloaded", attempts=0).excused


@given(st.lists(st.tuples(st.sampled_from(RequestEnding), st.integers(0, 3), st.booleans()), max_size=30))
def test_state_and_figures_count_the_same(ends: list[tuple[RequestEnding, int, bool]]) -> None:
    projection, statistics = Projection(), RecoveryStatistics()
    seq = 0

    def tell(event: AnyEvent) -> None:
        nonlocal seq
        seq += 1
        stamped = EventEnvelope(seq, START + seq, event)
        projection.apply(stamped)
        statistics.apply(stamped)

    tell(ev.EngineStarted(engine="e", pid=1, backend="simulator", version="0"))
    for number, (ending, errors, cached) in enumerate(ends):
        request = f"r{number}"
        tell(ev.RequestQueued(request=request, user="u", tenant="t", profile="p", priority="medium"))
        for attempt in range(errors):
            tell(ev.ErrorSeen(error=f"{request}.{attempt}", request=request, kind="network", code="x", text="x"))
            tell(ev.RequestRetrying(request=request, attempt=attempt, delay=0.1, kind="network", reason="x"))
        tell(ended(request, **ENDS[ending], cached=cached and ending is RequestEnding.ANSWERED))
    totals, figures = projection.state.totals, statistics.figures("24h", START + seq)
    for name in ("answered", "failed", "refused", "cancelled", "excused", "errors", "retries"):
        assert getattr(totals, name) == getattr(figures, name), name
    assert totals.requests == figures.requests == totals.answered + totals.failed + totals.refused + totals.cancelled
    assert sum(bucket.errors for bucket in projection.state.buckets) == totals.errors
    assert sum(bucket.failed for bucket in projection.state.buckets) == totals.failed
    assert sum(projection.state.errors_by_kind.values()) == totals.failed
