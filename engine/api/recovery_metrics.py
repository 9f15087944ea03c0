"""The metrics of errors, recovery and alerts, from the figures that the engine keeps anyway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from engine.alerts.manager import AlertManager
from engine.events.state import StrategyView
from engine.recovery.statistics import BOUNDS_S, WINDOWS, Figures, RecoveryStatistics, by_label


def recovery_metrics(statistics: RecoveryStatistics, now: float) -> Iterable[Metric]:
    """The families of errors and recovery; what nothing happened for has no sample."""
    errors = CounterMetricFamily("quarterdeck_errors", "Failed attempts, by type", labels=["type"])
    for kind, count in by_label(statistics.totals, "error").items():
        errors.add_metric([kind], count)
    yield errors
    changes = CounterMetricFamily(
        "quarterdeck_breaker_changes", "Changes of the breakers' states", labels=["breaker", "to"]
    )
    for label, count in by_label(statistics.totals, "breaker_to").items():
        breaker, _, state = label.rpartition(" ")
        changes.add_metric([breaker, state], count)
    yield changes
    yield _recovery_time(statistics)
    windows = [statistics.figures(window, now) for window in WINDOWS]
    yield _by_window("quarterdeck_availability_ratio", "Answered / (requests - excused)", windows, "availability")
    yield _by_window(
        "quarterdeck_mttr_seconds", "Mean time from a request's first error to its answer", windows, "mttr"
    )
    yield _by_window("quarterdeck_mtbf_seconds", "Observed time / requests that saw an error", windows, "mtbf")
    yield _by_window("quarterdeck_retry_success_ratio", "Retried requests answered", windows, "retry_success")


def strategy_metrics(strategies: Mapping[str, StrategyView]) -> Metric:
    """The family of recoveries."""
    family = CounterMetricFamily(
        "quarterdeck_recoveries", "Recoveries by strategy and result", labels=["strategy", "result"]
    )
    for name, view in strategies.items():
        failed = view.runs - view.worked - view.gave_up
        by_result = {"helped": view.worked, "failed": failed, "gave_up": view.gave_up, "observed": view.observed}
        for result, count in by_result.items():
            family.add_metric([name, result], count)
    return family


def success_metric(rate: float | None) -> Metric:
    """The share of recoveries that helped; without a sample before the first one."""
    family = GaugeMetricFamily("error_recovery_success_rate", "Recoveries that helped / recoveries", labels=[])
    if rate is not None:
        family.add_metric([], rate)
    return family


def alert_metrics(alerts: AlertManager) -> Iterable[Metric]:
    """The families of alerts."""
    firing = GaugeMetricFamily("quarterdeck_alerts_firing", "Alerts that fire now, by severity", labels=["severity"])
    for severity, count in alerts.firing_by_severity().items():
        firing.add_metric([severity], count)
    yield firing
    for name, text, counts in (
        ("quarterdeck_alerts_sent", "Alerts that a channel took", alerts.sent),
        ("quarterdeck_alerts_failed", "Alerts that a channel could not deliver, or had no room for", alerts.failed),
    ):
        family = CounterMetricFamily(name, text, labels=["channel"])
        for channel, count in counts.items():
            family.add_metric([channel], count)
        yield family


def _recovery_time(statistics: RecoveryStatistics) -> Metric:
    within = by_label(statistics.totals, "recover_within")
    buckets, seen = [], 0
    for bound in (*map(str, BOUNDS_S), "+Inf"):
        seen += within.get(bound, 0)
        buckets.append((bound, float(seen)))
    family = HistogramMetricFamily("quarterdeck_recovery_seconds", "Time from a request's first error to its answer")
    family.add_metric([], buckets, statistics.totals.get(("recover_ms", ""), 0) / 1000)
    return family


def _by_window(name: str, text: str, windows: list[Figures], figure: str) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["window"])
    for found in windows:
        if (value := getattr(found, figure)) is not None:
            family.add_metric([found.window], value)
    return family
