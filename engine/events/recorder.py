"""The flight recorder: every event in a file, in bounded segments that open with a snapshot and repeat it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.base.files import modified_at, private_file, private_folder
from engine.events.bus import Bus
from engine.events.packing import SUFFIX, segment_files, segment_name
from engine.events.types import EventEnvelope, encode_stamped

_OTHERS_S = 600.0
"""Seconds without a write after which a segment of another run is finished."""
CHECKPOINT_BYTES = 2 * 1024**2
"""Bytes of events after which a segment says the whole state again, so that no moment is far from one."""


class SegmentHead(msgspec.Struct, frozen=True):
    """First line of a segment, and a checkpoint within it: the state before the next event."""

    engine: str
    segment: int
    seq: int
    at: float
    state: msgspec.Raw
    version: int = 1
    """Of the recording's form; last, so that where a checkpoint lies is found by what stands before the state."""


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
        self._closed = False
        self.error: OSError | None = None

    def start(self) -> None:
        """Open the first segment and listen. What fails now is tried again by `flush`."""
        self._bus.listen(self.record)
        self._begin()

    def record(self, stamped: EventEnvelope) -> None:
        """Write one event; after an error nothing is recorded until `flush` could begin a new segment."""
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

    def finished(self, now: float) -> list[Path]:
        """The segments that nothing is written to any more: this run's but the last, and those of earlier runs.

        `now` is in seconds since 1970.
        """
        current = f"{self._engine}-{self._number:05d}{SUFFIX}"
        if self._closed or not self._folder.is_dir():
            return []
        raw = [path for path in segment_files(self._folder) if path.name.endswith(SUFFIX) and path.name != current]
        return [path for path in raw if self._is_own(path) or modified_at(path) < now - _OTHERS_S]

    def _is_own(self, path: Path) -> bool:
        return segment_name(path).rpartition("-")[0] == self._engine

    def flush(self) -> None:
        """Hand what is buffered to the operating system, or begin to record again. Raises the OSError that keeps it."""
        if self._file is None and not self._closed:
            self._begin()
        elif self._file is not None:
            self._flush(self._file)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Flush and close; safe to call twice."""
        self._closed = True
        if self._file is not None:
            self._fail(None)

    def _flush(self, file: BinaryIO) -> None:
        try:
            file.flush()
            if not os.fstat(file.fileno()).st_nlink:  # somebody has deleted it
                self._open_segment()
        except OSError as error:
            self._fail(error)

    def _begin(self) -> None:
        try:
            private_folder(self._folder)
            self._open_segment()
        except OSError as error:
            self._fail(error)
        else:
            self.error = None

    def _fail(self, error: OSError | None) -> None:
        self.error = error
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # it tries to write what it could not write before
                file.close()

    def _open_segment(self) -> None:
        """Begin the next segment; one that cannot take its first snapshot leaves no file, and no older one goes."""
        if self._file is not None:
            self._file.close()
            self._file = None
        path = self._folder / f"{self._engine}-{self._number + 1:05d}{SUFFIX}"
        file = private_file(path).open("wb")
        try:
            self._number += 1
            self._written = 0
            self._write_head(file)
            file.flush()
        except OSError:
            with contextlib.suppress(OSError):
                file.close()
            path.unlink(missing_ok=True)
            self._number -= 1
            raise
        self._file = file
        self._drop_old_segments()

    def _write_head(self, file: BinaryIO) -> None:
        snapshot = self._bus.snapshot()
        head = SegmentHead(self._engine, self._number, snapshot.seq, snapshot.at, msgspec.Raw(snapshot.state))
        self._written += file.write(_encode_head(head) + b"\n")
        self._checkpoint_at = self._written + CHECKPOINT_BYTES

    def _drop_old_segments(self) -> None:
        segments = sorted(segment_files(self._folder), key=lambda path: (modified_at(path), path.name))
        for path in segments[: max(0, len(segments) - self._segments)]:
            path.unlink(missing_ok=True)
