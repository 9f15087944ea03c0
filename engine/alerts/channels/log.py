"""Alerts in the engine's log, where there is one; a console that shares its terminal with the engine has none."""

from __future__ import annotations

import logging

import msgspec
import structlog

from engine.alerts.channels.base import Notification
from engine.events.types import Severity

_LEVELS = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.CRITICAL: logging.CRITICAL,
}


class LogChannel:
    """Writes one line, `alert`, at the level of its severity; the end of an alert at level info."""

    async def send(self, telling: Notification, attempts: int) -> None:  # noqa: ARG002 - a line is written once
        """Write it."""
        if not structlog.is_configured():
            return
        level = _LEVELS[telling.severity] if telling.state == "firing" else logging.INFO
        structlog.get_logger().log(level, "alert", **msgspec.to_builtins(telling))
