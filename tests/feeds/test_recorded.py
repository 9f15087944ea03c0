"""A recording plays at its own pace, ends in the state that was recorded, and cannot be acted on."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import Forbidden, NotFound
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.recording import Recording
from engine.operations.declared.permissions import SHOW_PERMISSION, ShowPermission
from engine.sessions.transcripts import TranscriptEntry
from tests.events.samples import ONE_OF_EACH
from tests.support.feeds import (
    answer,
    answer_group,
    autoscale,
    change_settings,
    interrupt,
    prompt,
    recycle,
    scale,
    stop,
)
from tui.feeds.recorded import RecordedFeed
from tui.model.link import LinkState
from tui.model.store import Store

STEP_S = 10.0


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """One event of each type, ten seconds apart."""
    clock = ManualClock(5000.0)
    bus = Bus(clock)
    recorder = Recorder(bus, tmp_path, "e1", segment_bytes=1 << 20, segments=2)
    recorder.start()
    for event in ONE_OF_EACH:
        bus.publish(event)
        clock.advance(STEP_S)
    recorder.close()
    return Recording(tmp_path)


@pytest.mark.parametrize("speed", [1.0, 4.0])
async def test_events_come_when_their_time_has_come(recording: Recording, speed: float) -> None:
    clock = ManualClock()
    feed = RecordedFeed(recording, clock, speed=speed)
    await feed.start()
    store, seen = Store(clock), 0
    for _ in ONE_OF_EACH:
        batch = feed.poll()
        seen += len(batch.events)
        store.apply(batch, feed.status)
        assert len(batch.events) == 1
        assert store.now == pytest.approx(batch.events[-1].at)
        clock.advance(STEP_S / speed)
    assert seen == len(ONE_OF_EACH)
    assert (feed.status.link, feed.status.detail) == (LinkState.REPLAY, "end")
    assert store.state == recording.state_at(1e12)
    assert feed.poll().events == []


async def test_nothing_is_played_before_the_first_look(recording: Recording) -> None:
    clock = ManualClock()
    feed = RecordedFeed(recording, clock)
    await feed.start()
    clock.advance(1000)
    batch = feed.poll()
    assert batch.state == recording.initial()
    assert len(batch.events) == 1


async def test_a_recording_refuses_every_intent(recording: Recording) -> None:
    feed = RecordedFeed(recording, ManualClock())
    await feed.start()
    for intent in (
        prompt(feed, "hi"),
        interrupt(feed, "s0001"),
        stop(feed, "s0001", kill=True),
        scale(feed, 3),
        autoscale(feed, True),
        recycle(feed, "s0001"),
        answer(feed, "p1", allowed=True),
        answer_group(feed, "k", allowed=True),
        change_settings(feed, {}),
    ):
        with pytest.raises(Forbidden, match="cannot be acted on"):
            await intent


async def test_what_a_recording_does_not_hold_is_not_there(recording: Recording) -> None:
    feed = RecordedFeed(recording, ManualClock(0.0))
    with pytest.raises(NotFound, match="not this in full"):
        await feed.send(SHOW_PERMISSION, ShowPermission(id="p1"))


async def test_the_events_themselves_tell_what_a_session_did(recording: Recording) -> None:
    clock = ManualClock()
    feed = RecordedFeed(recording, clock)
    await feed.start()
    feed.poll()
    assert (await feed.transcript("s0001")).entries == []
    clock.advance(1000)
    feed.poll()
    told = [(entry.kind, entry.title, entry.text) for entry in (await feed.transcript("s0001")).entries]
    assert told == [
        ("user", "", "hi"),
        ("note", "Bash ls", ""),
        ("tool", "Bash", "rm x"),
        ("note", "the turn ended well after 1.5s", ""),
    ]


async def test_transcripts_kept_beside_it_are_told_in_their_time(recording: Recording) -> None:
    clock = ManualClock()
    entries = [TranscriptEntry(0, 5000.0, "user", "", "hi"), TranscriptEntry(1, 5015.0, "assistant", "", "hello")]
    feed = RecordedFeed(recording, clock, said=[("s0001", entry) for entry in entries])
    await feed.start()
    feed.poll()
    assert [entry.text for entry in (await feed.transcript("s0001")).entries] == ["hi"]
    clock.advance(15)
    feed.poll()
    assert [entry.text for entry in (await feed.transcript("s0001", 1)).entries] == ["hello"]
