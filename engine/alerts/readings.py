"""The figures that conditions name, read from what the engine knows. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.events.state import State
from engine.events.types import PoolStatistics
from engine.recovery.statistics import Figures
from engine.settings.alert_conditions import Readings

WINDOW = "5m"
"""The window of the figures that have one."""


@dataclass(frozen=True, slots=True)
class AlertReadings:
    """What is read: `machine` holds the machine's CPU and memory in use as ratios, None before they were read."""

    figures: Figures
    state: State
    pool: PoolStatistics
    open_breakers: Collection[str]
    machine: tuple[float, float] | None


def readings_of(seen: AlertReadings, now: float) -> Readings:
    """Every figure that has a value now."""
    figures, pool = seen.figures, seen.pool
    found: dict[str, float | None] = {
        "availability": figures.availability,
        "requests": figures.requests - figures.excused,
        "failed": figures.failed,
        "errors": figures.errors,
        "errors_per_minute": figures.errors_per_minute,
        "retries": figures.retries,
        "retry_success": figures.retry_success,
        "p95_detect": figures.detect.p95 if figures.detect.count else None,
        "p50_recover": figures.recover.p50 if figures.recover.count else None,
        "p95_recover": figures.recover.p95 if figures.recover.count else None,
        "mttr": figures.mttr,
        "mtbf": figures.mtbf,
        "sessions_lost": figures.sessions_lost,
        "breaker_changes": sum(figures.breaker_changes.values()),
        "breakers_open": len(seen.open_breakers),
        "queue_waiting": pool.waiting,
        "oldest_wait": _oldest_wait(seen.state, now),
        "permissions_waiting": len(seen.state.permissions),
        "oldest_approval": max((now - each.asked_at for each in seen.state.permissions.values()), default=0.0),
        "sessions": pool.size,
        "utilisation": pool.utilisation,
    }
    if seen.machine is not None:
        found["cpu_used"], found["memory_used"] = seen.machine
    readings = {name: {"": float(value)} for name, value in found.items() if value is not None}
    return {**readings, "breaker_open": dict.fromkeys(seen.open_breakers, 1.0)}


def _oldest_wait(state: State, now: float) -> float:
    """Of requests that wait for a session; one that waits for its retry is not late."""
    waits = (now - each.queued_at for each in state.requests.values() if not each.session and not each.retry_at)
    return max(waits, default=0.0)
