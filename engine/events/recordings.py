"""Which runs a folder of recordings holds: found from the checkpoints of their segments, without decoding events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.base.errors import BadInput
from engine.base.files import entries, modified_at, size_of
from engine.events.packing import PACKED, SUFFIX, segment_name
from engine.events.segments import Chunk, chunks_of, missing_between


class _Moment(msgspec.Struct):
    at: float


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One engine's segments: bytes, span in seconds since 1970, and the first thing that cannot be read."""

    engine: str
    path: str
    segments: int
    size: int
    started_at: float
    ended_at: float
    readable: bool
    problem: str


def recorded_runs(folder: Path) -> list[RecordedRun]:
    """The runs in a folder, the one written last first; none for a folder that is not there."""
    segments: dict[str, list[Path]] = {}
    found = {segment_name(path): path for path in sorted(entries(folder)) if path.name.endswith((SUFFIX, PACKED))}
    for path in found.values():
        segments.setdefault(segment_name(path).rpartition("-")[0], []).append(path)
    return sorted((_run(name, paths) for name, paths in segments.items()), key=lambda run: -run.ended_at)


def _run(name: str, paths: Sequence[Path]) -> RecordedRun:
    damage: list[str] = []
    chunks = [chunk for path in paths for chunk in _chunks(path, damage)]
    damage += missing_between(chunks)
    ended = max(modified_at(path) for path in paths)
    return RecordedRun(
        engine=name,
        path=str(paths[0].parent),
        segments=len(paths),
        size=sum(size_of(path) for path in paths),
        started_at=_started_at(paths[0], chunks) if chunks else ended,
        ended_at=ended,
        readable=bool(chunks) and not damage,
        problem=damage[0] if damage else "",
    )


def _started_at(path: Path, chunks: Sequence[Chunk]) -> float:
    """The time of the first snapshot; one from before the first event has none, so then that event's."""
    if chunks[0].at:
        return chunks[0].at
    try:
        return msgspec.json.decode(chunks[0].read().split(b"\n", 2)[1], type=_Moment).at
    except (OSError, IndexError, msgspec.DecodeError):
        return modified_at(path)


def _chunks(path: Path, damage: list[str]) -> list[Chunk]:
    try:
        return chunks_of(path, damage)
    except BadInput as error:
        damage.append(error.message)
    except OSError as error:
        damage.append(f"{path.name}: {error.strerror}")
    return []
