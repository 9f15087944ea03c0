"""state == replay(events), whatever the events and however they travel."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.reducers.projection import Projection
from engine.events.state import (
    ALERTS_KEPT,
    BUCKETS_KEPT,
    ENDED_KEPT,
    ERRORS_KEPT,
    RECENT_KEPT,
    decode_state,
    encode_state,
)
from engine.events.types import (
    AlertRaised,
    AlertResolved,
    AlertSilenced,
    AnyEvent,
    ErrorSeen,
    EventEnvelope,
    RequestEnded,
    SessionState,
    Severity,
    decode_stamped,
    encode_stamped,
)
from tests.events.samples import EVENTS, ONE_OF_EACH


def _stamp(events: list[AnyEvent]) -> list[EventEnvelope]:
    return [EventEnvelope(number, 1000.0 + 3 * number, event) for number, event in enumerate(events, 1)]


def _replayed(stream: list[EventEnvelope]) -> Projection:
    projection = Projection()
    for stamped in stream:
        projection.apply(stamped)
    return projection


def test_there_is_a_sample_of_every_event() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(get_args(AnyEvent))


@given(st.lists(EVENTS, max_size=40), st.integers(0, 40))
def test_a_snapshot_and_the_rest_of_the_events_give_the_same_state(events: list[AnyEvent], cut: int) -> None:
    stream = _stamp(events)
    whole = _replayed(stream).state
    head = decode_state(encode_state(_replayed(stream[:cut]).state))
    rest = Projection(head)
    for stamped in stream[cut:]:
        rest.apply(decode_stamped(encode_stamped(stamped)))
    assert rest.state == whole


@given(st.lists(EVENTS, max_size=30))
def test_an_event_that_comes_twice_counts_once(events: list[AnyEvent]) -> None:
    stream = _stamp(events)
    once, twice = _replayed(stream), _replayed([stamped for stamped in stream for _ in range(2)])
    assert once.state == twice.state


def test_the_live_state_of_a_bus_is_the_replay_of_what_it_published() -> None:
    bus = Bus(ManualClock())
    published = [bus.publish(event) for event in ONE_OF_EACH]
    assert bus.state == _replayed(published).state


def test_a_turn_moves_its_session_and_counts() -> None:
    state = _replayed(_stamp(ONE_OF_EACH[:13])).state
    row = state.sessions["s0001"]
    assert (row.turns, row.tokens_out, row.state) == (1, 9, SessionState.IDLE)
    assert state.totals.turns == 1
    assert state.buckets[-1].durations == [1.5]


def test_the_tails_are_bounded() -> None:
    many: list[AnyEvent] = [*ONE_OF_EACH, *ONE_OF_EACH[1:]] * 400
    state = _replayed(_stamp(many)).state
    seen = next(event for event in ONE_OF_EACH if isinstance(event, ErrorSeen))
    assert len(state.recent) == RECENT_KEPT
    assert len(state.ended) == ENDED_KEPT
    assert len(state.errors) == min(ERRORS_KEPT, many.count(seen))
    assert sum(bucket.errors_by_kind.get("network", 0) for bucket in state.buckets) > 0
    assert len(state.buckets) <= BUCKETS_KEPT


def test_the_errors_of_a_request_are_marked_by_its_end_and_those_of_an_earlier_one_stay() -> None:
    def attempt(number: int) -> ErrorSeen:
        return ErrorSeen(error=f"r1.{number}", request="r1", kind="network", code="x", text="reset", attempt=number)

    def end(ok: bool, attempts: int) -> RequestEnded:
        return RequestEnded(request="r1", user="u", ok=ok, duration=1.0, attempts=attempts)

    state = _replayed(_stamp([attempt(1), end(False, 1), attempt(1), attempt(2), end(True, 3), attempt(1)])).state
    assert [(view.id, view.end) for view in state.errors] == [
        ("r1.1", "failed"),
        ("r1.1", "answered"),
        ("r1.2", "answered"),
        ("r1.1", ""),
    ]


def test_alerts_are_shown_silenced_and_taken_away_and_bounded() -> None:
    def raised(rule: str) -> AlertRaised:
        return AlertRaised(rule=rule, subject="x", severity=Severity.WARNING, text="much", value=3.0)

    events: list[AnyEvent] = [raised("queue-long"), raised("errors-many")]
    events.append(AlertSilenced(pattern="queue-*", until=900.0, who="ana"))
    state = _replayed(_stamp(events)).state
    assert [(key, view.silenced_until) for key, view in state.alerts.items()] == [
        ("queue-long/x", 900.0),
        ("errors-many/x", 0.0),
    ]
    events.append(AlertResolved(rule="queue-long", subject="x", lasted=1.0))
    assert list(_replayed(_stamp(events)).state.alerts) == ["errors-many/x"]
    many = [raised(f"rule-{number}") for number in range(ALERTS_KEPT + 5)]
    assert len(_replayed(_stamp(many)).state.alerts) == ALERTS_KEPT


def test_progress_is_shown_until_the_agent_does_something_else_or_ends() -> None:
    started = [*ONE_OF_EACH[:2], ev.TurnStarted(request="r1", session="s0001", user="ana", prompt="hi")]
    progress = ev.TurnProgress(session="s0001", words=24, tokens=40, seconds=1.2, rate=33.0)
    row = _replayed(_stamp([*started, ev.TurnActivity(session="s0001", activity="writing"), progress])).state
    assert (row.sessions["s0001"].words, row.sessions["s0001"].rate) == (24, 33.0)
    ended = ev.TurnEnded(request="r1", session="s0001", ok=True, outcome="answered", duration=1.5)
    for after in (ev.TurnActivity(session="s0001", activity="Bash ls"), ended):
        left = _replayed(_stamp([*started, progress, after])).state.sessions["s0001"]
        assert (left.words, left.rate, left.writing_s) == (0, 0.0, 0.0)


def test_a_session_waits_for_approval_until_its_last_permission_is_answered() -> None:
    starting = next(event for event in ONE_OF_EACH if isinstance(event, ev.SessionStarting))
    session = starting.session
    asked = [
        ev.PermissionAsked(permission=name, session=session, tool="Bash", summary="x", deadline=9.0)
        for name in ("p1", "p2")
    ]
    answers = [ev.PermissionAnswered(permission=name, session=session, allowed=True, by="ana") for name in ("p1", "p2")]
    seen = []
    for count in range(1, 6):
        row = _replayed(_stamp([starting, *asked, *answers][:count])).state.sessions[session]
        seen.append(row.state is SessionState.APPROVAL)
    assert seen == [False, True, True, True, False]
