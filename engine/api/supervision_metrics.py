"""The metrics of the engine's own upkeep: its chores, its log, its listeners."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.engine import Engine


def supervision_metrics(engine: Engine) -> Iterable[Metric]:
    """One sample a chore; the log's only where there is one."""
    age = GaugeMetricFamily("quarterdeck_chore_age_seconds", "Time since a chore succeeded last", labels=["chore"])
    duration = GaugeMetricFamily("quarterdeck_chore_duration_seconds", "Duration of the last run", labels=["chore"])
    failures = CounterMetricFamily("quarterdeck_chore_failures", "Runs of a chore that failed", labels=["chore"])
    for chore in engine.maintenance.chores:
        age.add_metric([chore.name], engine.maintenance.age(chore))
        duration.add_metric([chore.name], chore.duration)
        failures.add_metric([chore.name], chore.failures)
    yield from (age, duration, failures)
    faults = sum(engine.bus.faults.values())
    yield CounterMetricFamily("quarterdeck_listener_failures", "Failures of the event bus's listeners", faults)
    if engine.log is not None:
        dropped = engine.log.writer.dropped
        yield CounterMetricFamily("quarterdeck_log_lines_dropped", "Log lines that nobody read in time", dropped)
