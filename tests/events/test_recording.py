"""The flight recorder and its reader."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import BadInput
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.recording import Recording
from engine.events.reducers.projection import Projection
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


def test_a_recorder_that_cannot_write_goes_on_by_itself_when_it_can(tmp_path: Path) -> None:
    bus, folder = Bus(ManualClock()), tmp_path / "recordings"
    recorder = Recorder(bus, folder, "e1", segment_bytes=1, segments=2)
    recorder.start()
    shutil.rmtree(folder)
    folder.write_text("a file where the folder was")
    bus.publish(ONE_OF_EACH[0])
    with pytest.raises(OSError, match=r"not a folder"):
        recorder.flush()
    folder.unlink()
    recorder.flush()
    bus.publish(ONE_OF_EACH[0])
    recorder.close()
    assert recorder.error is None
    assert [stamped.seq for stamped in Recording(folder).events()][-1:] == [bus.state.seq]


def test_a_segment_that_was_deleted_is_followed_by_a_new_one(tmp_path: Path) -> None:
    bus = Bus(ManualClock())
    recorder = Recorder(bus, tmp_path, "e1", segment_bytes=1 << 20, segments=2)
    recorder.start()
    (before,) = tmp_path.iterdir()
    before.unlink()
    recorder.flush()
    (after,) = tmp_path.iterdir()
    assert after != before
    recorder.close()


def test_segments_that_cannot_be_begun_push_no_older_one_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _recorded(tmp_path, segments=2)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    recorder = Recorder(Bus(ManualClock()), tmp_path, "e2", segment_bytes=1 << 20, segments=2)

    def full(_file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder, "_write_head", full)
    recorder.start()
    for _ in range(5):
        with pytest.raises(OSError, match="No space left"):
            recorder.flush()
    recorder.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten rounds of events in one segment, with a checkpoint every few events."""
    monkeypatch.setattr("engine.events.recorder.CHECKPOINT_BYTES", 2000)
    _recorded(tmp_path, segments=1, rounds=10, segment_bytes=1 << 26)
    return next(tmp_path.glob("*.flight.jsonl"))


def test_checkpoints_within_a_segment_lead_to_the_same_states(many: Path) -> None:
    recording = Recording(many)
    assert len(recording._chunks) > 10
    events = list(recording.events())
    assert [stamped.seq for stamped in events] == list(range(1, 10 * len(ONE_OF_EACH) + 1))
    assert recording.damage == []
    assert (recording.number, recording.end) == (len(events), events[-1].at)
    projection = Projection(recording.initial())
    for number, stamped in enumerate(events):
        projection.apply(stamped)
        if number % 37 == 0:
            moment = recording.moment(stamped.at)
            assert moment.state == projection.state
            assert next(moment.after).seq == stamped.seq + 1


def test_what_is_missing_is_told_and_the_rest_is_read(many: Path) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    whole = list(Recording(many).events())
    events = [number for number, line in enumerate(lines) if b'"sessions":' not in line]
    inner = [number for number in events if number > 50 and number - 1 in events and number + 1 in events]
    lost, damaged = inner[0], inner[40]
    cut_event = len(lines) - 1 in events
    lines[damaged] = b"\x00garbage\n"
    del lines[lost]
    many.write_bytes(b"".join(lines)[:-7])
    recording = Recording(many)
    assert len(list(recording.events())) == len(whole) - 2 - cut_event
    said = " · ".join(recording.damage)
    assert said.count("missing or damaged") == 2
    assert "ends in the middle of a line" in said
    assert recording.state_at(recording.end).engine.engine == "e1"


def test_a_file_that_ends_within_a_snapshot_says_so(many: Path) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if b'"sessions":' in line)
    many.write_bytes(b"".join(lines[: last + 1])[:-7])
    recording = Recording(many)
    assert [event.seq for event in recording.events()][-1] == recording.state_at(recording.end).seq
    assert recording.damage == [f"{many.name} ends in the middle of a line"]


def test_a_damaged_snapshot_is_made_again_from_what_was_before_it(many: Path) -> None:
    whole = Recording(many)
    chunk = whole._chunks[3]
    wanted = whole.state_at(chunk.at)
    data = bytearray(many.read_bytes())
    at = data.index(b'"sessions":', chunk.begin)
    data[at : at + 10] = b"\xff" * 10
    many.write_bytes(bytes(data))
    recording = Recording(many)
    assert recording.state_at(chunk.at) == wanted
    assert recording.damage == [f"the snapshot at event {chunk.seq} is damaged"]


def test_a_damaged_beginning_is_left_out(many: Path) -> None:
    data = many.read_bytes()
    many.write_bytes(b"\x00" * 100 + data[100:])
    recording = Recording(many)
    assert "the first" in recording.damage[0]
    assert next(recording.events()).seq > 1


def test_a_compressed_recording_is_refused_with_the_way_to_open_it(tmp_path: Path) -> None:
    path = tmp_path / "x.flight.jsonl"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + b"\x00" * 90)
    with pytest.raises(BadInput, match="compressed") as caught:
        Recording(path)
    assert "zstd -d" in caught.value.remedy


def test_trends_of_the_whole_time_and_the_search_in_it(many: Path) -> None:
    recording = Recording(many)
    buckets, causes = recording.trends()
    assert [cause.mark for cause in causes].count("tuning") == 10
    assert sum(bucket.turns for bucket in buckets) == 10
    found = recording.find("REAPED", 0.0) or recording.find("orphans", 0.0)
    assert found is not None
    assert recording.find("orphans", found.at).at > found.at  # type: ignore[union-attr]
    assert recording.find("nothing of the kind", 0.0) is None
