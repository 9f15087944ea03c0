"""The flight recorder: every event in a file, in bounded segments that open with a snapshot and repeat it."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.events.bus import Bus
from engine.events.types import Notice, Severity, Stamped, encode_stamped
from engine.settings.schema import Settings

SUFFIX = ".flight.jsonl"
CHECKPOINT_BYTES = 2 * 1024**2
"""Bytes of events after which a segment says the whole state again, so that no moment is far from one."""


class SegmentHead(msgspec.Struct, frozen=True):
    """First line of a segment, and a checkpoint within it: the state before the next event."""

    engine: str
    segment: int
    seq: int
    at: float
    state: msgspec.Raw


_encode_head = msgspec.json.Encoder().encode


class Recorder:
    """Owner of the segment that is being written. `segment_bytes` and `segments` bound the folder."""

    def __init__(self, bus: Bus, folder: Path, engine: str, *, segment_bytes: int, segments: int) -> None:
        self._bus = bus
        self._folder = folder
        self._engine = engine
        self._segment_bytes = segment_bytes
        self._segments = segments
        self._number = 0
        self._written = 0
        self._checkpoint_at = 0
        self._file: BinaryIO | None = None
        self.error: OSError | None = None

    def start(self) -> None:
        """Open the first segment and listen. Raises OSError when the folder cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._open_segment()
        self._bus.listen(self.record)

    def record(self, stamped: Stamped) -> None:
        """Write one event; after a write error the recorder stays silent and `error` says why."""
        if self._file is None:
            return
        try:
            self._written += self._file.write(encode_stamped(stamped) + b"\n")
            if self._written >= self._segment_bytes:
                self._open_segment()
            elif self._written >= self._checkpoint_at:
                self._write_head(self._file)
        except OSError as error:
            self._fail(error)

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        if self._file is None:
            return
        try:
            self._file.flush()
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Flush and close; safe to call twice."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _fail(self, error: OSError) -> None:
        self.error = error
        self._file = None

    def _open_segment(self) -> None:
        if self._file is not None:
            self._file.close()
        self._number += 1
        path = self._folder / f"{self._engine}-{self._number:05d}{SUFFIX}"
        self._file = path.open("wb")
        path.chmod(0o600)
        self._written = 0
        self._write_head(self._file)
        self._drop_old_segments()

    def _write_head(self, file: BinaryIO) -> None:
        snapshot = self._bus.snapshot()
        head = SegmentHead(self._engine, self._number, snapshot.seq, snapshot.at, msgspec.Raw(snapshot.state))
        self._written += file.write(_encode_head(head) + b"\n")
        self._checkpoint_at = self._written + CHECKPOINT_BYTES

    def _drop_old_segments(self) -> None:
        segments = sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
        for path in segments[: max(0, len(segments) - self._segments)]:
            path.unlink(missing_ok=True)


def recorder_of(bus: Bus, settings: Settings, engine: str) -> Recorder | None:
    """A started recorder; None when none is wanted, or when it cannot write, which a notice tells."""
    events = settings.events
    if not events.recording:
        return None
    recorder = Recorder(bus, settings.recordings, engine, segment_bytes=events.segment_bytes, segments=events.segments)
    try:
        recorder.start()
    except OSError as error:
        text = f"nothing is recorded: {settings.recordings}: {error.strerror}"
        bus.publish(Notice(severity=Severity.WARNING, text=text, remedy="Set `events.recording_dir`."))
        return None
    return recorder
