"""The store holds what the events say, and a row's version tells truly whether its cells have changed."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.reducers.projection import Projection
from engine.events.state import State, decode_state, encode_state
from engine.events.types import AnyEvent, EventEnvelope
from tests.events.samples import EVENTS, SESSIONS
from tui.model.columns import SESSION_COLUMNS
from tui.model.link import FeedBatch, FeedStatus, LinkState
from tui.model.store import FAILED_SHOWN_S, Store

LIVE = FeedStatus(LinkState.LIVE, "a test")
REPLAY = FeedStatus(LinkState.REPLAY, "a test")

READINGS = st.builds(
    ev.SessionReadings,
    readings=st.lists(
        st.builds(ev.Reading, session=SESSIONS, cpu=st.floats(0, 300), rss=st.integers(0, 3 << 30)), max_size=3
    ),
)
STREAM = st.lists(st.one_of(EVENTS, READINGS), max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=5)


def _stamp(events: list[AnyEvent], start: float = 1000.0) -> list[EventEnvelope]:
    return [EventEnvelope(number, start + number, event) for number, event in enumerate(events, 1)]


def _batches(events: list[AnyEvent], cuts: list[int]) -> list[list[EventEnvelope]]:
    stream, edges = _stamp(events), sorted({0, *(cut for cut in cuts if cut < len(events)), len(events)})
    return [stream[a:b] for a, b in pairwise(edges)]


def _shown(store: Store) -> dict[str, tuple[tuple[str, str], ...]]:
    return {
        row.id: tuple((column.text(row, store.now), column.role(row)) for column in SESSION_COLUMNS if not column.timed)
        for row in store.rows().values()
    }


@given(STREAM, CUTS)
def test_however_the_events_are_cut_into_batches_the_state_is_their_replay(
    events: list[AnyEvent], cuts: list[int]
) -> None:
    store, replay = Store(ManualClock(1000.0)), Projection()
    for batch in _batches(events, cuts):
        store.apply(FeedBatch(None, batch), LIVE)
    for stamped in _stamp(events):
        replay.apply(stamped)
    assert encode_state(store.state) == encode_state(replay.state)


@given(STREAM, CUTS)
def test_a_row_whose_version_stayed_shows_the_same_cells(events: list[AnyEvent], cuts: list[int]) -> None:
    store = Store(ManualClock(1000.0))
    for batch in _batches(events, cuts):
        before, versions = _shown(store), {row: store.version(row) for row in store.rows()}
        store.apply(FeedBatch(None, batch), LIVE)
        for row, cells in _shown(store).items():
            if row in before and store.version(row) == versions[row]:
                assert cells == before[row]
                assert row not in store.dirty


@given(STREAM, STREAM)
def test_a_new_snapshot_makes_every_row_new(events: list[AnyEvent], others: list[AnyEvent]) -> None:
    store, other = Store(ManualClock(1000.0)), Projection()
    store.apply(FeedBatch(None, _stamp(events)), LIVE)
    for stamped in _stamp(others):
        other.apply(stamped)
    store.apply(FeedBatch(decode_state(encode_state(other.state)), []), LIVE)
    assert store.state == other.state
    assert store.rows().keys() <= store.dirty


@given(STREAM, STREAM)
def test_a_frozen_view_stands_still_while_the_data_goes_on(events: list[AnyEvent], more: list[AnyEvent]) -> None:
    store = Store(ManualClock(1000.0))
    store.apply(FeedBatch(None, _stamp(events)), LIVE)
    store.freeze(True)
    seen, now = encode_state(store.state), store.now
    later = [EventEnvelope(len(events) + n, 2000.0 + n, event) for n, event in enumerate(more, 1)]
    store.apply(FeedBatch(None, later), LIVE)
    assert (encode_state(store.state), store.now) == (seen, now)
    store.freeze(False)
    assert store.state is store.live
    assert store.state.sessions.keys() <= store.dirty


def test_an_event_that_cannot_be_applied_is_counted_and_the_rest_goes_on() -> None:
    store = Store(ManualClock(1000.0))
    odd = ev.SettingsChanged(who="ana", changes={"session_pool.max_size": [1]})
    store.apply(FeedBatch(None, _stamp([odd, ev.Notice(severity=ev.Severity.INFO, text="after it")])), LIVE)
    assert store.unreadable == 1
    assert store.state.recent[-1].text == "after it"


def test_time_is_the_engines_carried_on_by_our_own_clock() -> None:
    clock = ManualClock(50.0)
    store = Store(clock)
    store.apply(FeedBatch(State(at=9000.0), []), LIVE)
    clock.advance(7)
    assert (store.now, store.age) == (9007.0, 7.0)
    store.apply(FeedBatch(None, []), REPLAY)
    assert store.now == 9000.0


def test_a_session_that_failed_stays_a_row_for_a_while() -> None:
    clock = ManualClock(1000.0)
    store = Store(clock)
    start = ev.SessionStarting(session="s0001", profile="p", tenant="t", backend="b")
    ended = [start, ev.SessionEnded(session="s0001", how="exit", error="gone")]
    clean = [ev.SessionStarting(session="s0002", profile="p", tenant="t", backend="b")]
    clean_end = [*clean, ev.SessionEnded(session="s0002", how="eof")]
    store.apply(FeedBatch(None, _stamp([*ended, *clean_end])), LIVE)
    assert list(store.rows()) == ["s0001"]
    clock.advance(FAILED_SHOWN_S)
    assert not store.rows()


def test_versions_of_rows_long_gone_are_forgotten() -> None:
    store = Store(ManualClock(1000.0))
    events: list[AnyEvent] = []
    for number in range(1000):
        events.append(ev.SessionStarting(session=f"s{number}", profile="p", tenant="t", backend="b"))
        events.append(ev.SessionEnded(session=f"s{number}", how="eof"))
    store.apply(FeedBatch(None, _stamp(events)), LIVE)
    assert len(store._versions) <= 2 * 50 + 101
