"""Bytes made smaller where that pays: zstd at level 1, left out where it gains less than a tenth."""

from __future__ import annotations

import threading

import zstandard

LEVEL = 1
"""On answers of some kilobytes level 3 takes a quarter more time and makes them 1 to 3 % smaller."""
LEAST = 512
"""Bytes below which nothing is compressed."""
_GAIN = 0.9
_PLAIN, _ZSTD = b"\x00", b"\x01"


class _Tools(threading.local):
    """A compressor and a decompressor for each thread: neither may be shared."""

    def __init__(self) -> None:
        self.shrink = zstandard.ZstdCompressor(level=LEVEL)
        self.grow = zstandard.ZstdDecompressor()


_TOOLS = _Tools()


class Damaged(ValueError):
    """The bytes are not what `pack` made."""


def smaller(data: bytes) -> bytes | None:
    """The bytes as a zstd frame; None where that gains less than a tenth."""
    made = _TOOLS.shrink.compress(data)
    return made if len(made) <= _GAIN * len(data) else None


def pack(data: bytes) -> bytes:
    """The bytes behind one that says how: as they are, or compressed."""
    made = smaller(data) if len(data) >= LEAST else None
    return _PLAIN + data if made is None else _ZSTD + made


def unpack(packed: bytes, most: int) -> bytes:
    """What `pack` was given, of at most so many bytes. Raises Damaged."""
    how, data = packed[:1], packed[1:]
    if how == _PLAIN:
        return data
    if how != _ZSTD:
        raise Damaged(f"the first byte is {how!r}")
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= most:
            raise Damaged(f"it says that it holds {size} bytes")
        return _TOOLS.grow.decompress(data)
    except zstandard.ZstdError as error:
        raise Damaged(str(error)) from error
