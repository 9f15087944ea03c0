"""Finished segments of a recording, compressed: a frame for each checkpoint with its events, and an index at the end.

A packed segment is an ordinary zstd file (`zstd -d` unpacks it): the index lies in a skippable frame. A seek reads the
index and one frame, so it does not look through the segment.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable
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
_INDEX_MOST, _CHUNK_MOST = 16 * 1024**2, 256 * 1024**2


class Packed(msgspec.Struct, frozen=True):
    """One frame: its bytes in the packed file, and the checkpoint in it with the number of events after that."""

    begin: int
    end: int
    engine: str
    seq: int
    at: float
    events: int


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
                size = file.write(compressor.compress(data))
                index.append(msgspec.structs.replace(part, begin=at, end=at + size))
                at += size
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


def unpacked(frame: bytes) -> bytes:
    """What a frame holds. Raises OSError for one that is damaged."""
    try:
        size = zstandard.frame_content_size(frame)
        if not 0 <= size <= _CHUNK_MOST:
            raise OSError(f"a frame says that it holds {size} bytes")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise OSError(f"a frame is damaged: {error}") from error
