"""The performance dashboard's figures, the same at every door: API, command line, metrics and console. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.base.percentiles import nearest_rank
from engine.events.performance_state import RequestStages
from engine.events.state import State
from engine.events.types import GarbageReading, PerformanceReading

_STAGES: tuple[tuple[str, Callable[[RequestStages], float]], ...] = (
    ("queue", lambda each: each.queue),
    ("first_token", lambda each: each.first_token),
    ("stream", lambda each: each.stream),
    ("tools", lambda each: each.tools),
    ("people", lambda each: each.people),
    ("engine", lambda each: each.engine),
)


@dataclass(frozen=True, slots=True)
class StageMedian:
    """The median seconds of one stage: queue, first_token, stream, tools, people, or engine, which is what is left."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Indicators:
    """The engine's process now. Times in seconds, sizes in bytes, `cpu` in percent of a core, rates a second.

    The fields of a process are those of PerformanceReading. `hit_rate` is that of both cache levels, None before a
    lookup; `hit_time` the mean. `wait_p50` and `wait_p95` are waits for a session. Backpressure: requests that the
    queue dropped, requests refused in all, and limits of concurrency that are lowered now. `stages` are medians of the
    last `requests` that were answered at the first attempt, `request_p50` that of their whole time.
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
    stages: tuple[StageMedian, ...]
    garbage: tuple[GarbageReading, ...]


def indicators(state: State, reading: PerformanceReading) -> Indicators:
    """All that is known, with the process as it was read."""
    queue, pool = state.queue, state.pool
    hits, lookups, hit_time = _cache(state)
    usual = [each for each in state.stages if each.ok and each.attempts == 1]
    return Indicators(
        cpu=state.engine.cpu,
        memory=state.engine.rss,
        threads=reading.threads,
        descriptors=reading.descriptors,
        lag_p50=reading.lag_p50,
        lag_p99=reading.lag_p99,
        lag_most=reading.lag_most,
        blocks=reading.blocks,
        block_growth=reading.block_growth,
        events=reading.events,
        events_dropped=reading.events_dropped,
        hit_rate=hits / lookups if lookups else None,
        hit_time=hit_time,
        wait_p50=pool.wait.p50 if pool is not None else 0.0,
        wait_p95=pool.wait.p95 if pool is not None else 0.0,
        queue_dropped=sum(queue.dropped.values()) if queue is not None else 0,
        refused=state.totals.refused,
        limits_lowered=sum(bool(each.reason) for each in queue.limits) if queue is not None else 0,
        requests=len(usual),
        request_p50=_median([each.seconds for each in usual]),
        stages=tuple(StageMedian(name, _median([value(each) for each in usual])) for name, value in _STAGES),
        garbage=reading.garbage,
    )


def _cache(state: State) -> tuple[int, int, float]:
    """Hits and lookups of both levels, and the mean seconds of a hit; what level 1 misses is looked up in level 2."""
    hits = sum(level.hits for level in state.cache)
    lookups = next((level.hits + level.misses for level in state.cache), 0)
    spent = sum(level.hits * level.hit_time for level in state.cache)
    return hits, lookups, spent / hits if hits else 0.0


def _median(values: Sequence[float]) -> float:
    return round(nearest_rank(sorted(values), 0.5), 6)
