"""What the HTTP server and asyncio log, bounded: a peer that fails a thousand times is not a thousand tracebacks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PER_MINUTE = 5
"""Records of one kind that are let through in a minute."""
_NAMES = ("uvicorn.error", "asyncio")
_KINDS = 64


class RecordLimit(logging.Filter):
    """Lets a few records of each kind through in a minute; the first of the next minute counts those that were not."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._since = 0.0
        self._counts: dict[tuple[str, int], int] = {}
        self._dropped = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        now = self._monotonic()
        if now - self._since >= 60.0:
            self._since = now
            self._counts.clear()
        kind = (str(record.msg)[:80], record.levelno)
        if kind not in self._counts and len(self._counts) >= _KINDS:
            kind = ("", 0)
        self._counts[kind] = count = self._counts.get(kind, 0) + 1
        if count > PER_MINUTE:
            self._dropped += 1
            return False
        if self._dropped:
            record.msg, record.args = f"{record.getMessage()} ({self._dropped} records were dropped)", ()
            self._dropped = 0
        return True


def limit_server_logs() -> None:
    """Bound the logs of the HTTP server and of asyncio, once a process."""
    for name in _NAMES:
        logger = logging.getLogger(name)
        if not any(isinstance(each, RecordLimit) for each in logger.filters):
            logger.addFilter(RecordLimit())
