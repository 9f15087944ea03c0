"""Measures on this machine whether it pays to use memory again, class by class; what does not pay is bypassed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from engine.memory.buffers import SIZES, BufferPool

ROUNDS, REPEATS = 40, 7
"""Reads in a timing, and timings of which the fastest counts: what else runs only adds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One class: nanoseconds to use it again and to make a fresh one, and whether reuse is left out."""

    name: str
    reuse_ns: float
    fresh_ns: float
    bypassed: bool


def optimize(pool: BufferPool) -> list[Verdict]:
    """Measure every class, and let the pool go by it. Blocks for some ten milliseconds; raises OSError without a disk.

    Messages and session data are measured too, and never pooled: a decoder makes them, and nothing could fill old ones.
    """
    found = []
    with tempfile.TemporaryFile() as file:
        file.write(bytes(SIZES[-1]))
        file.flush()
        for size in SIZES:
            reuse, fresh = _buffers(file.fileno(), size)
            facts = pool.configure(size, reuse_ns=reuse, fresh_ns=fresh)
            found.append(Verdict(f"buffer {size // 1024} KiB", reuse, fresh, facts.bypassed))
    return [*found, _objects("message", 1), _objects("session data", 8)]


def _buffers(handle: int, size: int) -> tuple[float, float]:
    """Nanoseconds of a read into a buffer of a pool of its own, and of one that makes its bytes, as `read` does."""
    pool = BufferPool()

    def reuse() -> None:
        with pool.lease(size, "t") as view:
            os.preadv(handle, [view], 0)

    def fresh() -> None:
        os.pread(handle, size, 0)

    return _fastest(reuse), _fastest(fresh)


class _Message(msgspec.Struct):
    """Six fields, as most of the protocol's messages have."""

    type: str
    uuid: str
    session: str
    text: str
    parent: str
    at: float


def _objects(name: str, parts: int) -> Verdict:
    """Structs that are filled again beside new ones: what a pool of objects would be for."""
    idle = [_Message("", "", "", "", "", 0.0) for _ in range(parts)]

    def reuse() -> None:
        for _ in range(parts):
            one = idle.pop()
            one.type, one.uuid, one.session, one.text, one.parent, one.at = "a", "b", "c", "d", "e", 1.0
            idle.append(one)

    def fresh() -> None:
        for _ in range(parts):
            _Message("a", "b", "c", "d", "e", 1.0)

    reused, made = _fastest(reuse), _fastest(fresh)
    return Verdict(name, reused, made, bypassed=True)


def _fastest(work: Callable[[], None]) -> float:
    """Nanoseconds of CPU of one call."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.thread_time_ns()
        for _round in range(ROUNDS):
            work()
        best = min(best, (time.thread_time_ns() - began) / ROUNDS)
    return best
