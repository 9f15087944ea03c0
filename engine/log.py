"""The structured log: the events that matter to a person or a log store, one line each, on standard output."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import msgspec
import structlog

from engine.events import types as ev
from engine.events.types import Stamped

_LEVELS: dict[type[ev.Event], int] = {
    ev.SessionReadings: logging.NOTSET,
    ev.PoolMeasured: logging.NOTSET,
    ev.AlertRaised: logging.NOTSET,  # the alerts' own channel writes them
    ev.AlertResolved: logging.NOTSET,
    ev.TurnActivity: logging.NOTSET,
    ev.SessionChanged: logging.DEBUG,
    ev.SessionBound: logging.DEBUG,
    ev.RequestQueued: logging.DEBUG,
    ev.TurnStarted: logging.DEBUG,
    ev.ProtocolFault: logging.WARNING,
    ev.RequestRetrying: logging.WARNING,
    ev.BreakerChanged: logging.WARNING,
    ev.ApiRetry: logging.WARNING,
    ev.OrphansReaped: logging.WARNING,
}
_SEVERITY = {
    ev.Severity.INFO: logging.INFO,
    ev.Severity.WARNING: logging.WARNING,
    ev.Severity.CRITICAL: logging.CRITICAL,
}


class EventLog:
    """Writes events of `level` and above as JSON lines, or in colour on a terminal."""

    def __init__(self, level: str, form: str) -> None:
        pretty = form == "console" or (form == "auto" and sys.stdout.isatty())
        renderer = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                renderer,
            ],
            wrapper_class=_filter(level),
            logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        )
        self._log = structlog.get_logger()

    def use(self, level: str) -> None:
        """Write lines of this level and above from now on, those of the alerts' channel included."""
        structlog.configure(**{**structlog.get_config(), "wrapper_class": _filter(level)})

    def write(self, stamped: Stamped) -> None:
        """One event; prompts are not written above level debug."""
        event = stamped.event
        level = _level_of(event)
        if level == logging.NOTSET:
            return
        fields = msgspec.to_builtins(event)
        name = fields.pop("type")
        self._write(level, name, seq=stamped.seq, **fields)

    def serving(self, socket: str, port: int | None, host: str) -> None:
        """The listeners are open."""
        tcp = f"{host}:{port}" if port is not None else None
        self._write(logging.INFO, "serving", socket=socket, tcp=tcp)

    def _write(self, level: int, name: str, **fields: Any) -> None:
        try:
            self._log.log(level, name, **fields)
        except BrokenPipeError:  # nobody reads the log any more: the engine goes on without it
            forget_stdout()


def _filter(level: str) -> type[Any]:
    return structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()])


def forget_stdout() -> None:
    """Let standard output lead nowhere, also for what Python still flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _level_of(event: ev.Event) -> int:
    if isinstance(event, ev.Notice):
        return _SEVERITY[event.severity]
    failed = isinstance(event, ev.RequestEnded | ev.TurnEnded) and not event.ok
    return logging.WARNING if failed else _LEVELS.get(type(event), logging.INFO)
