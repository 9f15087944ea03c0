"""The alerts of one engine: what they read of it, and the channels that its settings describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.alerts.channels.command import CommandChannel
from engine.alerts.channels.log import LogChannel
from engine.alerts.channels.webhook import WebhookChannel
from engine.alerts.conditions import Readings
from engine.alerts.manager import AlertManager, AlertPorts
from engine.alerts.readings import WINDOW, AlertReadings, readings_of

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.pool.capacity_planner import CapacityPlanner


def build_alerts(engine: Engine, growth: CapacityPlanner, environ: Mapping[str, str]) -> AlertManager:
    """The manager of an engine's alerts; commands get their variables from `environ`."""

    def readings(now: float) -> Readings:
        figures = engine.recovery_statistics.figures(WINDOW, now)
        seen = AlertReadings(
            figures, engine.bus.state, engine.statistics(), engine.breakers.open_ones(), growth.machine
        )
        return readings_of(seen, now)

    return AlertManager(
        AlertPorts(
            engine=engine.id,
            bus=engine.bus,
            clock=engine.clock,
            settings=lambda: engine.settings.alerts,
            readings=readings,
            channels={
                "log": LogChannel(),
                "webhook": WebhookChannel(lambda: engine.settings.alerts.webhook, engine.clock),
                "command": CommandChannel(
                    lambda: engine.settings.alerts.command, engine.launcher, environ, engine.settings.engine.state_dir
                ),
            },
        )
    )
