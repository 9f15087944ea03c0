"""Buffers that are used again: read buffers of five sizes, by measurement, and never another tenant's content."""

from __future__ import annotations

import threading
from dataclasses import dataclass

KIB = 1024
SIZES = (1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB)
"""The classes, in bytes; a larger wish is met by a buffer of its own, which is not kept."""
KEPT_MOST = 16
"""Buffers of a class that are kept at most."""


@dataclass(frozen=True, slots=True)
class ClassStatistics:
    """One class of buffers: `size` in bytes, those in use and kept, how often one was reused or made.

    `reuse_ns` and `fresh_ns` are what a read into a reused and into a fresh buffer cost when it was measured last, 0
    before; where the pool costs more the class is `bypassed`: its buffers are made and dropped.
    """

    size: int
    in_use: int = 0
    kept: int = 0
    most_kept: int = 4
    peak: int = 0
    reused: int = 0
    made: int = 0
    zeroed: int = 0
    bypassed: bool = False
    reuse_ns: float = 0.0
    fresh_ns: float = 0.0


class _Class:
    """Owner of the buffers of one size that nobody uses, and of its counts."""

    __slots__ = (
        "bypassed", "fresh_ns", "idle", "in_use", "made", "most_kept", "peak", "reuse_ns", "reused", "size", "zeroed",
    )  # fmt: skip

    def __init__(self, size: int) -> None:
        self.size, self.most_kept = size, 4
        self.in_use = self.peak = self.reused = self.made = self.zeroed = 0
        self.bypassed, self.reuse_ns, self.fresh_ns = False, 0.0, 0.0
        self.idle: list[tuple[bytearray, str]] = []

    def statistics(self) -> ClassStatistics:
        return ClassStatistics(
            self.size, self.in_use, len(self.idle), self.most_kept, self.peak, self.reused, self.made, self.zeroed,
            self.bypassed, self.reuse_ns, self.fresh_ns,
        )  # fmt: skip


class Leased:
    """A buffer while a `with` lasts; its content is undefined, and never what another tenant read."""

    __slots__ = ("_buffer", "_class", "_pool", "_size", "_tenant", "_view")

    def __init__(self, pool: BufferPool, found: _Class | None, size: int, tenant: str) -> None:
        self._pool, self._class, self._size, self._tenant = pool, found, size, tenant

    def __enter__(self) -> memoryview:
        found = self._class
        self._buffer = bytearray(self._size) if found is None else self._pool.take(found, self._tenant)
        self._view = memoryview(self._buffer)
        return self._view

    def __exit__(self, *_: object) -> None:
        self._view.release()
        if self._class is not None:
            self._pool.give_back(self._class, self._buffer, self._tenant)


class BufferPool:
    """Owner of the buffers; may be used on any thread."""

    def __init__(self) -> None:
        self._classes = [_Class(size) for size in SIZES]
        self._lock = threading.Lock()
        self.oversize = 0
        """Wishes above the largest class."""

    def lease(self, size: int, tenant: str) -> Leased:
        """A buffer of at least `size` bytes for reading into. Raises ValueError for a size below 1."""
        if size < 1:
            raise ValueError(f"a buffer of {size} bytes cannot be")
        for found in self._classes:
            if found.size >= size:
                return Leased(self, found, size, tenant)
        self.oversize += 1
        return Leased(self, None, size, tenant)

    def statistics(self) -> list[ClassStatistics]:
        """Each class as it is now."""
        with self._lock:
            return [each.statistics() for each in self._classes]

    @property
    def utilization(self) -> float:
        """Bytes in use of those in use and kept; 0 while there are none."""
        rows = self.statistics()
        used = sum(row.size * row.in_use for row in rows)
        kept = sum(row.size * row.kept for row in rows)
        return used / (used + kept) if used + kept else 0.0

    def configure(self, size: int, *, reuse_ns: float, fresh_ns: float) -> ClassStatistics:
        """Take a measurement in: a class whose reuse costs more is bypassed; it keeps as many as were used at once."""
        found = next(each for each in self._classes if each.size == size)
        with self._lock:
            found.reuse_ns, found.fresh_ns, found.bypassed = reuse_ns, fresh_ns, reuse_ns >= fresh_ns
            found.most_kept, found.peak = max(1, min(KEPT_MOST, found.peak)), found.in_use
            del found.idle[0 if found.bypassed else found.most_kept :]
            return found.statistics()

    def recycle(self) -> int:
        """Drop every buffer that nobody uses; returns the bytes."""
        with self._lock:
            freed = sum(each.size * len(each.idle) for each in self._classes)
            for each in self._classes:
                each.idle.clear()
        return freed

    def take(self, found: _Class, tenant: str) -> bytearray:
        """A buffer of a class; what another tenant read is wiped from it."""
        with self._lock:
            found.in_use += 1
            found.peak = max(found.peak, found.in_use)
            if not found.idle:
                found.made += 1
                return bytearray(found.size)
            found.reused += 1
            buffer, last = found.idle.pop()
        if last != tenant:
            found.zeroed += 1
            buffer[:] = bytes(len(buffer))
        return buffer

    def give_back(self, found: _Class, buffer: bytearray, tenant: str) -> None:
        """Keep a buffer for the next one, as far as the class keeps any."""
        with self._lock:
            found.in_use -= 1
            if not found.bypassed and len(found.idle) < found.most_kept:
                found.idle.append((buffer, tenant))
