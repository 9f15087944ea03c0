"""Writes the log's lines to a descriptor on a thread of its own, so that a reader who stalls holds up nobody."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable

LINES = 20_000
"""Lines that wait to be written; at the bound new ones are dropped and counted."""
BYTES = 8 * 1024**2
"""Bytes of the lines that wait."""
_RETRY_S = 0.5
_NOBODY_READS = {errno.EPIPE, errno.EBADF, errno.ECONNRESET}


class LogWriter:
    """Owner of the lines that wait and of what became of the others; `write` may be called on any thread.

    Where the descriptor takes nothing (a full disk), the lines wait and the writer tries again until it does. Where
    nobody reads any more (a closed pipe), it discards them. `summary` makes the line that reports how many were
    dropped.
    """

    def __init__(self, descriptor: int, summary: Callable[[int], str]) -> None:
        self._descriptor = descriptor
        self._summary = summary
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._unreported = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self.dropped = 0
        self.written = 0
        self.error: OSError | None = None
        self._thread.start()

    def write(self, text: str) -> int:
        """Queue a line, never blocking; at the bound it is dropped and counted."""
        line = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if len(self._lines) >= LINES or self._bytes + len(line) > BYTES:
                self.dropped += 1
                self._unreported += 1
            else:
                self._report_dropped()
                self._queue(line)
            self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """The thread writes as soon as it can."""

    def wait_written(self, lines: int, seconds: float) -> bool:
        """Wait until so many lines were written or a write failed; False when that took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self.written >= lines or self.error is not None, seconds)

    def close(self, seconds: float) -> bool:
        """Write what waits, for `seconds` at most; whether all of it was written. Safe to call twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _queue(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)

    def _report_dropped(self) -> None:
        if self._unreported:
            self._queue(self._summary(self._unreported).encode("utf-8", "backslashreplace"))
            self._unreported = 0

    def _run(self) -> None:
        while (line := self._next()) is not None:
            if not self._write_whole(line):
                return

    def _next(self) -> bytes | None:
        """The line to write next, which stays queued until it is written; None at the end."""
        with self._changed:
            if not self._lines:
                self._report_dropped()
            self._changed.wait_for(lambda: self._lines or self._closing)
            return self._lines[0] if self._lines else None

    def _write_whole(self, line: bytes) -> bool:
        """Write one line, however often it takes; False when nobody waits for it any more."""
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # somebody has made the descriptor non-blocking
                time.sleep(_RETRY_S / 10)
            except OSError as error:
                if error.errno in _NOBODY_READS:
                    with contextlib.suppress(OSError):  # no descriptor left: the next line tries again
                        forget(self._descriptor)
                    break
                if not self._wait_after(error):
                    return False
        with self._changed:
            self._lines.popleft()
            self._bytes -= len(line)
            self.written += 1
            self.error = None
            self._changed.notify_all()
        return True

    def _wait_after(self, error: OSError) -> bool:
        """Pause before the next try; False when the log is closing."""
        with self._changed:
            self.error = error
            self._changed.notify_all()
            return not self._changed.wait_for(lambda: self._closing, _RETRY_S)


def forget(descriptor: int) -> None:
    """Let a descriptor lead nowhere, also for what Python still flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
