"""The performance dashboard: how the engine's own process fares, and where the time of requests goes."""

from __future__ import annotations

import msgspec

from engine.operations.operation import NoArguments, Operation


class GarbageRow(msgspec.Struct, kw_only=True):
    """One generation of the garbage collector since the engine's start: runs, their seconds, objects freed."""

    generation: int
    runs: int
    seconds: float
    collected: int


class StageMedianRow(msgspec.Struct, kw_only=True):
    """The median seconds of one stage: queue, first_token, stream, tools, people, or engine, which is what is left."""

    name: str
    seconds: float


class PerformanceRow(msgspec.Struct, kw_only=True):
    """The engine's process now. Times in seconds, sizes in bytes, `cpu` in percent of a core, rates a second.

    A lag is how late the event loop ran what was due: `lag_p50` and `lag_p99` of the last minute, `lag_most` of the
    last second. `blocks` are those that Python's allocator has given out, `block_growth` their change, without what was
    freed meanwhile. `events_dropped` are events that slow readers missed, for which a snapshot stood in. `hit_rate` is
    that of both levels of the answer cache, from 0 to 1. `wait_p50` and `wait_p95` are waits for a session.
    `queue_dropped` and `refused` count requests, `limits_lowered` the limits of concurrency that are lowered now.
    `stages` are medians of the last `requests` that were answered at the first attempt.
    """

    cpu: float
    memory: int
    threads: int
    descriptors: int
    lag_p50: float
    lag_p99: float
    lag_most: float
    blocks: int
    block_growth: float
    events: float
    events_dropped: int
    hit_rate: float | None
    hit_time: float
    wait_p50: float
    wait_p95: float
    queue_dropped: int
    refused: int
    limits_lowered: int
    requests: int
    request_p50: float
    stages: list[StageMedianRow]
    garbage: list[GarbageRow]


class PerformanceResult(msgspec.Struct, kw_only=True):
    """The indicators."""

    performance: PerformanceRow


SHOW_PERFORMANCE = Operation(
    "performance.show",
    "GET /api/performance",
    NoArguments,
    PerformanceResult,
    "Show how the engine fares: CPU, memory, loop lag, garbage collection, events, cache, backpressure.",
    command="performance",
    examples=("quarterdeck performance", "quarterdeck performance --json"),
)
