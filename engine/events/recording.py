"""Reading a flight recording: its segments, and the state at any of its moments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.errors import BadInput
from engine.events.projection import Projection
from engine.events.recorder import SUFFIX, SegmentHead
from engine.events.state import State, decode_state
from engine.events.types import Stamped, decode_stamped

_decode_head = msgspec.json.Decoder(SegmentHead).decode


class Recording:
    """A recorded run: one segment file, or all the segments of the newest engine in a folder.

    A torn last line, left by a crash in the middle of a write, ends the recording there.
    """

    def __init__(self, path: Path) -> None:
        self.paths = _segments_of(path)
        first = _head_of(self.paths[0])
        self.engine = first.engine
        self.start = first.at

    def initial(self) -> State:
        """The state before the first event."""
        return decode_state(_head_of(self.paths[0]).state)

    def events(self) -> Iterator[Stamped]:
        """All events in order."""
        for path in self.paths:
            with path.open("rb") as file:
                next(file)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    yield _event(path, line)

    def state_at(self, at: float) -> State:
        """The state at the wall time `at` (seconds since 1970)."""
        start = next((path for path in reversed(self.paths) if _head_of(path).at <= at), self.paths[0])
        projection = Projection(decode_state(_head_of(start).state))
        for path in self.paths[self.paths.index(start) :]:
            for stamped in Recording(path).events():
                if stamped.at > at:
                    return projection.state
                projection.apply(stamped)
        return projection.state


def _segments_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(path.glob(f"*{SUFFIX}"), key=lambda segment: (segment.stat().st_mtime_ns, segment.name))
    if not found:
        raise BadInput(
            f"{path} holds no flight recording.",
            remedy="Name a *.flight.jsonl file, or the recordings folder that `quarterdeck config show` names.",
            field="path",
        )
    run = found[-1].name.removesuffix(SUFFIX).rpartition("-")[0]
    return sorted(segment for segment in found if segment.name.rpartition("-")[0] == run)


def _head_of(path: Path) -> SegmentHead:
    with path.open("rb") as file:
        line = file.readline()
    try:
        return _decode_head(line)
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} is not a flight recording: {error}.", field="path") from error


def _event(path: Path, line: bytes) -> Stamped:
    try:
        return decode_stamped(line)
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} has a damaged line: {error}.", field="path") from error
