"""Packed recordings: the same events and moments, much smaller, and what is damaged is named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import zstandard

from engine.base.clock import ManualClock
from engine.base.errors import BadInput
from engine.bench.sample_recording import HOUR_S, START, record_hour
from engine.events.bus import Bus
from engine.events.packing import PACKED, SUFFIX, segment_files
from engine.events.recorder import Recorder
from engine.events.recording import Recording
from engine.events.recordings import recorded_runs
from engine.events.segments import pack_segment
from engine.events.types import Notice, Severity


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of a few sessions; read it, never write it."""
    folder = tmp_path_factory.mktemp("hour")
    record_hour(folder, 5, 1)
    return folder


@pytest.fixture
def raw(hour: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    for path in hour.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def packed(folder: Path) -> list[Path]:
    """Every segment, packed."""
    done = [pack_segment(path) for path in segment_files(folder)]
    assert all(done)
    return [path for path in done if path is not None]


def test_a_packed_recording_holds_the_same_and_is_five_times_smaller(hour: Path, raw: Path) -> None:
    before = sum(path.stat().st_size for path in segment_files(raw))
    paths = packed(raw)
    assert [path.name.endswith(PACKED) for path in paths] == [True] * len(paths)
    assert not list(raw.glob(f"*{SUFFIX}"))
    assert sum(path.stat().st_size for path in paths) * 5 <= before
    assert [oct(path.stat().st_mode & 0o777) for path in paths] == ["0o600"] * len(paths)
    plain, small = Recording(hour), Recording(raw)
    assert small.damage == []
    assert list(small.events()) == list(plain.events())
    for share in (0.1, 0.5, 0.93):
        assert small.state_at(START + HOUR_S * share) == plain.state_at(START + HOUR_S * share)
    (run,) = recorded_runs(raw)
    (other,) = recorded_runs(hour)
    assert (run.readable, run.started_at, run.segments) == (True, other.started_at, other.segments)


def test_other_tools_unpack_it(hour: Path, raw: Path) -> None:
    (first, *_rest) = packed(raw)
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(first.read_bytes()), read_across_frames=True) as reader:
        assert reader.read() == segment_files(hour)[0].read_bytes()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.34, 0.5, 0.75, 0.97])
def test_a_damaged_frame_is_named_and_the_rest_is_shown(hour: Path, raw: Path, share: float) -> None:
    path = packed(raw)[0]
    data = bytearray(path.read_bytes())
    data[int(len(data) * share)] ^= 0xFF
    path.write_bytes(data)
    recording, whole = Recording(raw), list(Recording(hour).events())
    found = list(recording.events())
    assert 0.8 * len(whole) < len(found) < len(whole)
    by_number = {each.seq: each for each in whole}
    assert all(by_number[each.seq] == each for each in found)
    assert any("frame is damaged" in each for each in recording.damage)
    assert any("missing" in each for each in recording.damage)


def test_what_somebody_compressed_by_hand_is_refused_with_the_way_out(raw: Path) -> None:
    path = segment_files(raw)[0]
    path.write_bytes(zstandard.compress(path.read_bytes()))
    with pytest.raises(BadInput, match="is compressed") as refused:
        Recording(path)
    assert "zstd -d" in refused.value.remedy


def test_a_damaged_or_noisy_segment_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / f"e-00001{SUFFIX}"
    path.write_bytes(b"nothing that anybody wrote")
    assert pack_segment(path) is None
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_crash_between_packing_and_dropping_shows_nothing_twice(hour: Path, raw: Path) -> None:
    first = segment_files(raw)[0]
    whole = first.read_bytes()
    pack_segment(first)
    first.write_bytes(whole)
    assert list(Recording(raw).events()) == list(Recording(hour).events())


def test_a_recorder_names_what_is_finished_and_counts_packed_segments(tmp_path: Path) -> None:
    bus = Bus(ManualClock())
    recorder = Recorder(bus, tmp_path, "e1", segment_bytes=2000, segments=3)
    recorder.start()
    while len(recorder.finished(0.0)) < 2:
        bus.publish(Notice(severity=Severity.INFO, text="words " * 40))
    assert pack_segment(recorder.finished(0.0)[0]) is not None
    for _ in range(60):
        bus.publish(Notice(severity=Severity.INFO, text="words " * 40))
    assert len(segment_files(tmp_path)) == 3
    assert not list(tmp_path.glob(f"*{PACKED}"))  # the oldest went first, packed or not
    recorder.close()
    assert recorder.finished(0.0) == []
