"""The flight recorder and its reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.errors import BadInput
from engine.events.bus import Bus
from engine.events.projection import Projection
from engine.events.recorder import Recorder
from engine.events.recording import Recording
from tests.events.samples import ONE_OF_EACH


def _recorded(
    folder: Path, *, segment_bytes: int = 1 << 20, segments: int = 5, rounds: int = 1
) -> tuple[Bus, ManualClock]:
    clock = ManualClock(1000.0)
    bus = Bus(clock)
    recorder = Recorder(bus, folder, "e1", segment_bytes=segment_bytes, segments=segments)
    recorder.start()
    for _ in range(rounds):
        for event in ONE_OF_EACH:
            clock.advance(1.0)
            bus.publish(event)
    recorder.close()
    return bus, clock


def test_a_recording_replays_to_the_live_state(tmp_path: Path) -> None:
    bus, _ = _recorded(tmp_path)
    recording = Recording(tmp_path)
    projection = Projection(recording.initial())
    for stamped in recording.events():
        projection.apply(stamped)
    assert projection.state == bus.state


def test_segments_rotate_are_bounded_and_open_with_a_snapshot(tmp_path: Path) -> None:
    bus, clock = _recorded(tmp_path, segment_bytes=4096, segments=3, rounds=10)
    recording = Recording(tmp_path)
    assert len(recording.paths) == 3
    assert Recording(recording.paths[-1]).initial().seq > 24
    assert recording.state_at(clock.wall()) == bus.state


def test_any_moment_can_be_seen_again(tmp_path: Path) -> None:
    _recorded(tmp_path)
    recording = Recording(tmp_path)
    assert recording.state_at(1003.5).sessions["s0001"].pid == 7
    assert recording.state_at(1000.5).sessions == {}


def test_a_torn_last_line_ends_the_recording_there(tmp_path: Path) -> None:
    _recorded(tmp_path)
    path = next(tmp_path.glob("*.flight.jsonl"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert len(list(Recording(path).events())) == len(ONE_OF_EACH) - 1


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no flight recording"):
        Recording(tmp_path)
    stranger = tmp_path / "x.flight.jsonl"
    stranger.write_text("hello\n")
    with pytest.raises(BadInput, match="not a flight recording"):
        Recording(stranger)


def test_a_write_error_stops_the_recorder_and_is_kept(tmp_path: Path) -> None:
    bus = Bus(ManualClock())
    recorder = Recorder(bus, tmp_path, "e1", segment_bytes=1, segments=2)
    recorder.start()
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()
    bus.publish(ONE_OF_EACH[0])
    assert recorder.error is not None
    bus.publish(ONE_OF_EACH[0])
    recorder.close()
