"""Builds the alert manager of an engine from the parts that its readings and channels use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.alerts.channels.command import CommandChannel
from engine.alerts.channels.log import LogChannel
from engine.alerts.channels.webhook import WebhookChannel
from engine.alerts.manager import AlertManager, AlertPorts
from engine.alerts.readings import WINDOW, AlertReadings, readings_of
from engine.base.clock import Clock
from engine.events.bus import Bus
from engine.events.types import PoolStatistics
from engine.launchers.local import LocalLauncher
from engine.pool.capacity_planner import CapacityPlanner
from engine.recovery.statistics import RecoveryStatistics
from engine.settings.alert_conditions import Readings
from engine.settings.schema import Settings


@dataclass(frozen=True)
class AlertSources:
    """What alerts read, and what their channels need; commands get their variables from `environ`."""

    engine: str
    bus: Bus
    clock: Clock
    settings: Callable[[], Settings]
    recovery: RecoveryStatistics
    pool: Callable[[], PoolStatistics]
    open_breakers: Callable[[], list[str]]
    planner: CapacityPlanner
    launcher: LocalLauncher
    environ: Mapping[str, str]


def build_alerts(sources: AlertSources) -> AlertManager:
    """The manager of an engine's alerts."""
    state_dir = sources.settings().engine.state_dir

    def readings(now: float) -> Readings:
        figures = sources.recovery.figures(WINDOW, now)
        pool, planner = sources.pool(), sources.planner
        return readings_of(
            AlertReadings(figures, sources.bus.state, pool, sources.open_breakers(), planner.machine), now
        )

    webhook = WebhookChannel(lambda: sources.settings().alerts.webhook, sources.clock)
    command = CommandChannel(lambda: sources.settings().alerts.command, sources.launcher, sources.environ, state_dir)
    return AlertManager(
        AlertPorts(
            engine=sources.engine,
            bus=sources.bus,
            clock=sources.clock,
            settings=lambda: sources.settings().alerts,
            readings=readings,
            channels={"log": LogChannel(), "webhook": webhook, "command": command},
        )
    )
