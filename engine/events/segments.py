"""Where the checkpoints of recorded segments lie, found without decoding what lies between them."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from engine.base.errors import BadInput
from engine.base.files import modified_at
from engine.events.packing import Packed, index_of, pack, segment_files, segment_name, unpacked

_HEAD = re.compile(rb'\{"engine":"([^"]*)","segment":\d+,"seq":(\d+),"at":([-+.eE\d]+),"state":\{')
_HEAD_BYTES = 256
_NEXT_HEAD, _NEXT_EVENT = b'\n{"engine":', b'\n{"seq":'
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A checkpoint and the events after it: bytes `begin` to `end` of a file; `seq` and `at` are the checkpoint's.

    `events` counts the lines that look like events. Of a `packed` segment the bytes are compressed.
    """

    path: Path
    begin: int
    end: int
    engine: str
    seq: int
    at: float
    events: int
    packed: bool = False
    sizes: tuple[int, ...] = ()
    """Those of its compressed frames."""

    def read(self, report: Callable[[str], None] = lambda _damage: None) -> bytes:
        """The bytes, unpacked, without damaged frames; `report` hears of each. Raises OSError."""
        with self.path.open("rb") as file:
            file.seek(self.begin)
            data = file.read(self.end - self.begin)
        return unpacked(data, self.sizes, lambda what: report(f"{self.path.name}: {what}")) if self.packed else data


def segments_of(path: Path, engine: str = "") -> list[Path]:
    """The file itself, or a folder's segments of one engine, by default of the one that wrote last. Raises BadInput."""
    if path.is_file():
        return [path]
    listed = segment_files(path) if path.is_dir() else []
    found = sorted(listed, key=lambda segment: (modified_at(segment), segment.name))
    run = engine or (_engine_of(found[-1]) if found else "")
    mine = sorted(segment for segment in found if _engine_of(segment) == run)
    if not mine:
        raise BadInput(
            f"{path} holds no flight recording.",
            remedy="Name a *.flight.jsonl file, or the recordings folder that `quarterdeck config show` names.",
            field="path",
        )
    return mine


def chunks_of(path: Path, damage: list[str]) -> list[Chunk]:
    """The chunks of one segment, in order; what cannot be read goes into `damage`. Raises BadInput, OSError."""
    if not path.stat().st_size:
        damage.append(f"{path.name} is empty")
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == _ZSTD and (index := index_of(path)) is not None:
            return [
                Chunk(path, each.begin, each.end, each.engine, each.seq, each.at, each.events, True, each.sizes)
                for each in index
            ]
        if data[:4] == _ZSTD:
            raise BadInput(f"{path} is compressed.", remedy=f"Unpack it first: `zstd -d {path.name}`.", field="path")
        heads = [(begin, found) for begin in _begins(data) if (found := _HEAD.match(data[begin : begin + _HEAD_BYTES]))]
        if heads and heads[0][0] > 0:
            damage.append(f"the first {heads[0][0]} bytes of {path.name} cannot be read")
        if not heads:
            damage.append(f"{path.name} holds no snapshot")
            return []
        ends = [begin for begin, _found in heads[1:]] + [len(data)]
        return [
            Chunk(
                path, begin, end, found[1].decode(errors="replace"), int(found[2]), float(found[3]),
                data[begin:end].count(_NEXT_EVENT),
            )
            for (begin, found), end in zip(heads, ends, strict=True)
        ]  # fmt: skip


def pack_segment(path: Path) -> Path | None:
    """Compress a finished segment; None for one that is damaged or gains too little, which stays. Raises OSError."""
    damage: list[str] = []
    chunks = chunks_of(path, damage)
    if damage or not chunks:
        return None
    return pack(path, ((Packed(0, 0, each.engine, each.seq, each.at, each.events), each.read()) for each in chunks))


def missing_between(chunks: list[Chunk]) -> list[str]:
    """One sentence for each gap in the numbers of neighbouring checkpoints."""
    gaps = []
    for chunk, following in pairwise(chunks):
        missing = following.seq - chunk.seq - chunk.events
        if missing > 0:
            gaps.append(f"{missing} of the events {chunk.seq + 1} to {following.seq} are missing or damaged")
    return gaps


def _engine_of(segment: Path) -> str:
    return segment_name(segment).rpartition("-")[0]


def _begins(data: mmap.mmap) -> list[int]:
    found, at = [0], data.find(_NEXT_HEAD)
    while at >= 0:
        found.append(at + 1)
        at = data.find(_NEXT_HEAD, at + 1)
    return found
