"""The metrics of the queue, the limits, the answer cache, the buffers and the workers."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.engine import Engine
from engine.events.quota_state import QuotaView
from engine.events.types import CacheReading, QueueReading
from engine.workers.workers import WorkerStatistics


def flow_metrics(engine: Engine) -> Iterable[Metric]:
    """By priority, by credential and model, by level."""
    yield from _queue(engine.pool.queue_reading())
    yield from _quotas(engine.bus.state.quotas.values(), engine.clock.wall())
    yield from _cache(engine.answers.statistics())
    yield GaugeMetricFamily(
        "memory_pool_utilization", "Bytes of buffers in use / in use and kept", engine.buffers.utilization
    )
    yield from _workers(engine.workers.statistics())


def _workers(workers: WorkerStatistics) -> Iterable[Metric]:
    live = GaugeMetricFamily("quarterdeck_workers", "Workers of the background", labels=["state"])
    live.add_metric(["active"], workers.active)
    live.add_metric(["idle"], workers.idle)
    jobs = CounterMetricFamily("quarterdeck_worker_jobs", "Jobs that ended, by how", labels=["outcome"])
    for outcome in ("completed", "failed", "timed_out", "cancelled"):
        jobs.add_metric([outcome], getattr(workers, outcome))
    yield from (live, jobs, GaugeMetricFamily("quarterdeck_worker_jobs_waiting", "Jobs that wait", workers.queued))


def _queue(queue: QueueReading) -> Iterable[Metric]:
    waiting = GaugeMetricFamily("quarterdeck_queue_waiting", "Requests that wait", labels=["priority"])
    oldest = GaugeMetricFamily("quarterdeck_queue_oldest_seconds", "Wait of the oldest", labels=["priority"])
    for lane in queue.lanes:
        waiting.add_metric([lane.name], lane.waiting)
        oldest.add_metric([lane.name], lane.oldest)
    dropped = CounterMetricFamily("quarterdeck_queue_dropped", "Requests that the queue dropped", labels=["cause"])
    for cause in ("full", "codel", "hopeless"):
        dropped.add_metric([cause], queue.dropped.get(cause, 0))
    running = GaugeMetricFamily("quarterdeck_concurrency_running", "Requests that run", labels=["limit"])
    limit = GaugeMetricFamily("quarterdeck_concurrency_limit", "Requests that may run", labels=["limit"])
    for each in queue.limits:
        running.add_metric([each.name], each.running)
        if each.limit is not None:
            limit.add_metric([each.name], each.limit)
    aged = CounterMetricFamily("quarterdeck_queue_aged", "Requests that went up a priority", queue.aged)
    yield from (waiting, oldest, dropped, running, limit, aged)


def _quotas(quotas: Iterable[QuotaView], now: float) -> Iterable[Metric]:
    labels = ["credential", "limit"]
    used = GaugeMetricFamily("quarterdeck_quota_used_ratio", "Share of a plan's limit that is used", labels=labels)
    resets = GaugeMetricFamily("quarterdeck_quota_resets_seconds", "Seconds until a plan's limit resets", labels=labels)
    rejects = GaugeMetricFamily("quarterdeck_quota_rejects", "1 while a plan's limit refuses calls", labels=labels)
    for each in quotas:
        name = [each.credential, each.limit]
        if each.is_over(now):
            continue
        rejects.add_metric(name, float(each.status == "rejected" and not each.overage))
        if each.used is not None:
            used.add_metric(name, each.used)
        if each.resets_at is not None:
            resets.add_metric(name, each.resets_at - now)
    yield from (used, resets, rejects)


def _cache(levels: Iterable[CacheReading]) -> Iterable[Metric]:
    hits = CounterMetricFamily("quarterdeck_cache_hits", "Answers found", labels=["level"])
    misses = CounterMetricFamily("quarterdeck_cache_misses", "Answers not found", labels=["level"])
    took = GaugeMetricFamily("quarterdeck_cache_hit_seconds", "Mean time of a hit", labels=["level"])
    entries = GaugeMetricFamily("quarterdeck_cache_entries", "Answers kept", labels=["level"])
    size = GaugeMetricFamily("quarterdeck_cache_bytes", "Bytes that they take", labels=["level"])
    removed = CounterMetricFamily("quarterdeck_cache_evictions", "Answers removed, by cause", labels=["level", "cause"])
    for each in levels:
        name = [str(each.level)]
        hits.add_metric(name, each.hits)
        misses.add_metric(name, each.misses)
        took.add_metric(name, each.hit_time)
        entries.add_metric(name, each.entries)
        size.add_metric(name, each.size)
        for cause, count in each.removed.items():
            removed.add_metric([*name, cause], count)
    yield from (hits, misses, took, entries, size, removed)
