"""How the engine's own process fares: its event loop, its garbage collector, its events."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Event


class GarbageReading(msgspec.Struct, frozen=True):
    """One generation of the garbage collector since the engine's start: runs, their seconds, objects freed."""

    generation: int
    runs: int
    seconds: float
    collected: int


class PerformanceReading(msgspec.Struct, frozen=True):
    """The engine's process in the last second. A lag is how late the event loop ran what was due, in seconds.

    `lag_p50` and `lag_p99` are those of the last minute, `lag_most` the largest of the last second. `blocks` are the
    blocks that Python's allocator has given out, `block_growth` is their change a second: what was freed meanwhile is
    taken off, so it is no count of all allocations. `events` are events a second, `events_dropped` those that a slow
    reader missed since the start, for which a snapshot stood in. CPU and memory come with `SessionReadings`.
    """

    lag_p50: float = 0.0
    lag_p99: float = 0.0
    lag_most: float = 0.0
    threads: int = 0
    descriptors: int = 0
    blocks: int = 0
    block_growth: float = 0.0
    events: float = 0.0
    events_dropped: int = 0
    garbage: tuple[GarbageReading, ...] = ()


class PerformanceMeasured(Event, frozen=True):
    """The process as it was measured: once a second while requests run or somebody follows, else once a minute."""

    performance: PerformanceReading
