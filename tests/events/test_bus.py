"""Mailboxes: bounded, healed by a snapshot, continued without a gap where that is possible."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from engine.base.clock import ManualClock
from engine.events.bus import Bus
from engine.events.reducers.projection import Projection
from engine.events.state import decode_state
from engine.events.types import EventEnvelope, Notice, Severity
from tests.events.samples import ONE_OF_EACH

NOTE = Notice(severity=Severity.INFO, text="x")


def test_a_slow_reader_gets_a_fresh_snapshot_and_ends_at_the_same_state() -> None:
    bus = Bus(ManualClock())
    mailbox = bus.subscribe(limit=5)
    mailbox.take()
    for event in ONE_OF_EACH:
        bus.publish(event)
    batch = mailbox.take()
    assert mailbox.gaps > 0
    assert batch.snapshot is not None
    projection = Projection(decode_state(batch.snapshot.state))
    for stamped in batch.events:
        projection.apply(stamped)
    assert projection.state == bus.state
    assert len(batch.events) <= 5


def test_a_reader_is_woken_once_for_many_events() -> None:
    wakes: list[int] = []
    bus = Bus(ManualClock())
    mailbox = bus.subscribe(on_ready=lambda: wakes.append(1))
    for _ in range(10):
        bus.publish(NOTE)
    assert len(wakes) == 1
    mailbox.take()
    bus.publish(NOTE)
    assert len(wakes) == 2


def test_a_stream_continues_without_a_snapshot_while_the_events_are_remembered() -> None:
    bus = Bus(ManualClock(), history=8)
    for _ in range(10):
        bus.publish(NOTE)
    caught_up = bus.subscribe(since=7).take()
    assert caught_up.snapshot is None
    assert [stamped.seq for stamped in caught_up.events] == [8, 9, 10]
    assert bus.subscribe(since=1).take().snapshot is not None
    assert bus.subscribe(since=99).take().snapshot is not None
    assert bus.subscribe(since=10).take() == bus.subscribe(since=10).take()


def test_what_waits_is_copied_while_the_engine_may_go_on() -> None:
    """A reader that lists thousands of events under the lock would hold up the engine's thread."""
    bus = Bus(ManualClock())
    subscription = bus.subscribe()

    class Watched(deque[EventEnvelope]):
        """Notes whether the lock is held while it is listed."""

        held = False

        def __iter__(self) -> Iterator[EventEnvelope]:
            self.held = self.held or subscription._lock.locked()
            return super().__iter__()

    subscription._waiting = watched = Watched()
    bus.publish(NOTE)
    assert [stamped.event for stamped in subscription.take().events] == [NOTE]
    assert not watched.held
    bus.publish(NOTE)
    assert len(subscription.take().events) == 1


def test_a_closed_mailbox_hears_nothing_more() -> None:
    bus = Bus(ManualClock())
    mailbox = bus.subscribe()
    mailbox.close()
    mailbox.close()
    mailbox.take()
    bus.publish(NOTE)
    assert mailbox.take().events == []


def test_a_listener_that_raises_harms_nobody_and_is_reported_once() -> None:
    bus = Bus(ManualClock())
    heard: list[int] = []

    def broken(_stamped: object) -> None:
        raise OSError(28, "No space left on device")

    bus.listen(broken)
    bus.listen(lambda stamped: heard.append(stamped.seq))
    mailbox = bus.subscribe()
    for _ in range(3):
        bus.publish(NOTE)
    told = mailbox.take().events
    (notice,) = [each.event.text for each in told if isinstance(each.event, Notice) and each.event != NOTE]
    assert "broken failed on an event" in notice
    assert heard == [stamped.seq for stamped in told] == [1, 2, 3, 4]
    assert told[1].event != NOTE  # the notice came after the event that it is about
    assert list(bus.faults.values()) == [4]


def test_a_reader_whose_wake_up_fails_loses_no_event() -> None:
    bus = Bus(ManualClock())

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    mailbox = bus.subscribe(on_ready=closed)
    mailbox.take()
    bus.publish(NOTE)
    assert next(stamped.event for stamped in mailbox.take().events) == NOTE
    assert sum(bus.faults.values()) >= 1
