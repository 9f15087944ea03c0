"""The structured log: the events that matter to a person or a log store, one line each, on standard output."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from typing import Any, TextIO, cast

import msgspec
import structlog

from engine.base.version import __version__
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.types import EventEnvelope
from engine.log.log_file import LogUnwritable
from engine.log.writer import LogWriter

_FIRST_LINE_S = 0.5
_SAID = 100
"""Characters by which a library's message is known again."""
_FLUSH_S = 0.5
"""Time that the log has at the end of the engine for the lines that still wait."""

_LEVELS: dict[type[ev.Event], int] = {
    ev.SessionReadings: logging.NOTSET,
    ev.PoolMeasured: logging.NOTSET,
    ev.QueueMeasured: logging.NOTSET,
    ev.CacheMeasured: logging.NOTSET,
    ev.PerformanceMeasured: logging.NOTSET,
    ev.RecoveryMeasured: logging.NOTSET,
    ev.ConsolesChanged: logging.DEBUG,
    ev.AlertRaised: logging.NOTSET,  # the alerts' own channel writes them
    ev.AlertResolved: logging.NOTSET,
    ev.TurnActivity: logging.NOTSET,
    ev.TurnProgress: logging.NOTSET,
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
    """Writes events of `level` and above as JSON lines, or in colour on a terminal.

    A thread writes them: whoever logs never waits for a reader or a disk.
    """

    def __init__(self, level: str, form: str) -> None:
        pretty = form == "console" or (form == "auto" and sys.stdout.isatty())
        self._render = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
        self._stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
        sys.stdout.flush()
        self.writer = LogWriter(sys.stdout.fileno(), self._dropped_line)
        self._reported: OSError | None = None
        structlog.configure(
            processors=[structlog.processors.add_log_level, self._stamp, self._render],
            wrapper_class=_filter(level),
            logger_factory=structlog.WriteLoggerFactory(cast("TextIO", self.writer)),
        )
        self._log = structlog.get_logger()
        logging.getLogger().addHandler(_LibraryLog(self._log))

    def open(self) -> None:
        """Write the first line. Raises LogUnwritable when standard output takes none."""
        self.writer.write(self._line("starting", "info", pid=os.getpid(), version=__version__))
        self.writer.wait_written(1, _FIRST_LINE_S)
        if (error := self.writer.error) is not None:
            raise LogUnwritable(
                f"Standard output cannot be written: {error.strerror}.",
                remedy="Free space there, or send the log elsewhere.",
            )

    def close(self) -> None:
        """Write what waits, for half a second at most: a reader who stalls does not keep the engine."""
        self.writer.close(_FLUSH_S)

    def report(self, bus: Bus) -> None:
        """Publish one notice when the log cannot be written, and one when it is written again."""
        error, before = self.writer.error, self._reported
        if (error is None) == (before is None):
            return
        self._reported = error
        if error is not None:
            text = f"the log cannot be written: {error.strerror}; its lines wait, and are dropped above a bound"
            bus.publish(
                ev.Notice(severity=ev.Severity.WARNING, text=text, remedy="Free space where standard output goes.")
            )
        else:
            text = f"the log is written again; {self.writer.dropped} lines were dropped since the start"
            bus.publish(ev.Notice(severity=ev.Severity.INFO, text=text))

    def use(self, level: str) -> None:
        """Write lines of this level and above from now on, those of the alerts' channel included."""
        structlog.configure(**{**structlog.get_config(), "wrapper_class": _filter(level)})

    def write(self, stamped: EventEnvelope) -> None:
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
        self._log.log(level, name, **fields)

    def _dropped_line(self, lines: int) -> str:
        """What stands in the log where lines were dropped because nobody read them in time."""
        return self._line("log_lines_dropped", "warning", lines=lines)

    def _line(self, event: str, level: str, **fields: Any) -> str:
        """A line that is written at every level of the log."""
        stamped = self._stamp(None, level, {"event": event, "level": level, **fields})
        return f"{self._render(None, level, stamped)!s}\n"


class _LibraryLog(logging.Handler):
    """Takes the libraries' warnings into the log: on standard error they would be written on the engine's loop."""

    def __init__(self, log: Any) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._repeated: Counter[tuple[str, str]] = Counter()
        self._second = 0
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """One line, with the traceback in a field; what is said again within a second is counted."""
        try:
            said, second = (record.name, record.getMessage()[:_SAID]), int(record.created)
        except (TypeError, ValueError):  # the arguments do not fit the message
            self.handleError(record)
            return
        if second != self._second:
            self._second = second
            for (name, text), count in self._repeated.items():
                if count > 1:
                    self._log.log(logging.WARNING, "library_repeats", logger=name, text=text, times=count - 1)
            self._repeated.clear()
        self._repeated[said] += 1
        if self._repeated[said] == 1:
            self._log.log(record.levelno, "library_message", logger=record.name, text=self.format(record))


def _filter(level: str) -> type[Any]:
    return structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()])


def _level_of(event: ev.Event) -> int:
    if isinstance(event, ev.Notice):
        return _SEVERITY[event.severity]
    failed = isinstance(event, ev.RequestEnded | ev.TurnEnded) and not event.ok
    return logging.WARNING if failed else _LEVELS.get(type(event), logging.INFO)
