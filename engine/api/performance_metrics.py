"""The metrics of the engine's own process: the performance dashboard for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.engine import Engine
from engine.events.indicators import Indicators, indicators
from engine.events.types import GarbageReading


def performance_metrics(engine: Engine) -> Iterable[Metric]:
    """As they were measured in this second."""
    found = indicators(engine.bus.state, engine.performance.latest)
    lag = GaugeMetricFamily("quarterdeck_loop_lag_seconds", "Lag of the event loop, last minute", labels=["percentile"])
    lag.add_metric(["50"], found.lag_p50)
    lag.add_metric(["99"], found.lag_p99)
    yield lag
    for name, (text, value) in _gauges(found).items():
        yield GaugeMetricFamily(f"quarterdeck_{name}", text, value)
    yield CounterMetricFamily("quarterdeck_events", "Events published", engine.bus.state.seq)
    text = "Events that slow readers missed; a snapshot stood in"
    yield CounterMetricFamily("quarterdeck_events_dropped", text, found.events_dropped)
    stages = GaugeMetricFamily("quarterdeck_request_stage_seconds", "Median of a request's stage", labels=["stage"])
    for stage in found.stages:
        stages.add_metric([stage.name], stage.seconds)
    yield stages
    yield from _garbage(found.garbage)


def _gauges(found: Indicators) -> dict[str, tuple[str, float]]:
    return {
        "engine_cpu_ratio": ("CPU of the engine's process, 1 is one core", found.cpu / 100),
        "engine_threads": ("Threads of the engine's process", found.threads),
        "engine_descriptors": ("Open file descriptors of the engine's process", found.descriptors),
        "engine_allocated_blocks": ("Blocks that Python's allocator has given out", found.blocks),
        "concurrency_limits_lowered": ("Limits of concurrent requests that are lowered now", found.limits_lowered),
    }


def _garbage(readings: Iterable[GarbageReading]) -> Iterable[Metric]:
    runs = CounterMetricFamily("quarterdeck_gc_collections", "Runs of the garbage collector", labels=["generation"])
    freed = CounterMetricFamily("quarterdeck_gc_collected", "Objects that it freed", labels=["generation"])
    seconds = CounterMetricFamily("quarterdeck_gc_seconds", "Time that its runs took", labels=["generation"])
    for each in readings:
        generation = [str(each.generation)]
        runs.add_metric(generation, each.runs)
        freed.add_metric(generation, each.collected)
        seconds.add_metric(generation, each.seconds)
    yield from (runs, freed, seconds)
