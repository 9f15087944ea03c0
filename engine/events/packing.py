"""Finished segments of a recording, compressed: frames for each checkpoint with its events, and an index at the end.

A packed segment is an ordinary zstd file (`zstd -d` unpacks it): the index lies in a skippable frame. A seek reads the
index and one checkpoint's frames, so it does not look through the segment; damage costs the frame in which it is.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import zstandard

from engine.base.files import private_file

SUFFIX = ".flight.jsonl"
PACKED = f"{SUFFIX}.zst"
_SKIPPABLE = 0x184D2A50
_MARK = b"QDX1"
_TAIL = struct.Struct("<I4s")
_HEAD = struct.Struct("<II")
_GAIN = 0.9
_LEVEL = 6
_FRAME = 256 * 1024
"""Bytes of whole lines, about, that a frame holds."""
_INDEX_MOST, _FRAME_MOST = 16 * 1024**2, 256 * 1024**2


class Packed(msgspec.Struct, frozen=True):
    """A checkpoint, the number of events after it, and its bytes in the packed file with the `sizes` of its frames."""

    begin: int
    end: int
    engine: str
    seq: int
    at: float
    events: int
    sizes: tuple[int, ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Packed]).decode


def segment_files(folder: Path) -> list[Path]:
    """The segments in a folder, packed or not, each once. Raises OSError."""
    found: dict[str, Path] = {}
    for path in sorted(each for each in folder.iterdir() if each.name.endswith((SUFFIX, PACKED))):
        found[segment_name(path)] = path  # the packed one comes later, and is whole when it is there
    return list(found.values())


def segment_name(path: Path) -> str:
    """The name of a segment, packed or not: `ENGINE-NUMBER`."""
    return path.name.removesuffix(".zst").removesuffix(SUFFIX)


def pack(path: Path, parts: Iterable[tuple[Packed, bytes]]) -> Path | None:
    """Write a segment's parts compressed beside it, then drop it; None where that gains too little. Raises OSError.

    The time of the last change stays: by it the oldest segments go first.
    """
    compressor, facts = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True), path.stat()
    packed, waiting = path.with_name(segment_name(path) + PACKED), path.with_name(segment_name(path) + ".packing")
    try:
        with private_file(waiting).open("wb") as file:
            index, at = [], 0
            for part, data in parts:
                sizes = tuple(file.write(compressor.compress(each)) for each in _whole_lines(data))
                index.append(msgspec.structs.replace(part, begin=at, end=at + sum(sizes), sizes=sizes))
                at += sum(sizes)
            listed = _encode(index)
            file.write(_HEAD.pack(_SKIPPABLE, len(listed) + _TAIL.size) + listed + _TAIL.pack(len(listed), _MARK))
        if waiting.stat().st_size > _GAIN * facts.st_size:
            waiting.unlink()
            return None
        os.utime(waiting, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        waiting.replace(packed)
    except OSError:
        with contextlib.suppress(OSError):
            waiting.unlink()
        raise
    path.unlink()
    return packed


def index_of(path: Path) -> list[Packed] | None:
    """The frames of a packed segment; None for a file that has no index. Raises OSError."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        if end < _TAIL.size:
            return None
        file.seek(end - _TAIL.size)
        size, mark = _TAIL.unpack(file.read(_TAIL.size))
        if mark != _MARK or not 0 < size <= min(_INDEX_MOST, end - _TAIL.size):
            return None
        file.seek(end - _TAIL.size - size)
        try:
            return _decode(file.read(size))
        except msgspec.MsgspecError:
            return None


def unpacked(packed: bytes, sizes: Sequence[int], report: Callable[[str], None]) -> bytes:
    """What a checkpoint's frames hold, without those that are damaged; `report` hears of each."""
    found, at = [], 0
    for size in sizes or [len(packed)]:
        try:
            found.append(_held(packed[at : at + size]))
        except (zstandard.ZstdError, ValueError) as error:
            report(f"a frame is damaged: {error}")
        at += size
    return b"".join(found)


def _held(frame: bytes) -> bytes:
    size = zstandard.frame_content_size(frame)
    if not 0 <= size <= _FRAME_MOST:
        raise ValueError(f"its header declares {size} bytes")
    return zstandard.ZstdDecompressor().decompress(frame)


def _whole_lines(data: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(data):
        line = data.find(b"\n", begin + _FRAME)
        end = line + 1 if line >= 0 else len(data)
        yield data[begin:end]
        begin = end
