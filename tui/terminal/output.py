"""Writes to a terminal that may stop reading, or go: never waits longer than it may."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import termios
import threading
import time
from collections import deque
from collections.abc import Callable

BACKLOG = 1024 * 1024
"""Characters that may wait for a terminal; with more it is taken to have stopped reading."""
_ROUND_MS = 100
_CHUNK = 16 * 1024


def open_own(fd: int) -> int:
    """The terminal behind a descriptor, opened once more without waiting: the shell's own stays as it is.

    Another user's terminal, as after `su`, can only be shared. Raises OSError.
    """
    with contextlib.suppress(PermissionError):
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return os.dup(fd)


def write_within(fd: int, data: bytes, seconds: float) -> bytes:
    """Write to a descriptor that does not wait; returns what it did not take in time. Raises OSError."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    deadline = time.monotonic() + seconds
    while data and (left := deadline - time.monotonic()) > 0:
        if poll.poll(min(left * 1000, _ROUND_MS)):
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(fd, data[:_CHUNK]) :]
    return data


def announce(text: str, fd: int = 2, seconds: float = 0.5) -> None:
    """Print on standard error; nothing is printed where it is gone, or is not read in so many seconds."""
    with contextlib.suppress(OSError):
        terminal = os.isatty(fd)
        data = (f"{text}\n".replace("\n", "\r\n") if terminal else f"{text}\n").encode()
        if not terminal and not stat.S_ISFIFO(os.fstat(fd).st_mode):
            write_within(fd, data, seconds)  # opened once more, a file would be written from its start
            return
        own = open_own(fd)
        try:
            write_within(own, data, seconds)
        finally:
            os.close(own)


class TerminalOutput(threading.Thread):
    """Owner of what waits to be written, in a thread of its own.

    When more than `BACKLOG` waits, all of it is dropped, and `on_gap` is called once the terminal reads again: what it
    shows then is not what was drawn. `on_lost` is called when it is gone. Both run in this thread.
    """

    def __init__(self, fd: int, on_gap: Callable[[], None], on_lost: Callable[[str], None]) -> None:
        super().__init__(name="terminal-output", daemon=True)
        self._terminal = fd
        self._fd = open_own(fd)
        self._on_gap = on_gap
        self._on_lost = on_lost
        self._waiting: deque[str] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._gap = self._ending = self._lost = False

    def write(self, text: str) -> None:
        """Queue a text; never waits."""
        with self._changed:
            if self._lost:
                return
            self._waiting.append(text)
            self._size += len(text)
            if self._size > BACKLOG:
                self._waiting.clear()
                self._size = 0
                self._gap = True
            self._changed.notify()

    def finish(self, last: str, seconds: float) -> None:
        """Write what waits within so many seconds, else drop it; then `last`, which undoes what was set up."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self.join(seconds)
        with contextlib.suppress(OSError, termios.error):
            if self.is_alive() or self._waiting or self._gap:
                termios.tcflush(self._terminal, termios.TCOFLUSH)
            self._drop()
            self.join(seconds)
            write_within(self._fd, last.encode("utf-8", "replace"), seconds)
        if not self.is_alive():
            os.close(self._fd)

    def run(self) -> None:
        """Write until the end, or until the terminal is gone."""
        try:
            while (text := self._next()) is not None:
                self._write(text.encode("utf-8", "replace"))
        except OSError as error:
            self._lost = True
            self._drop()
            self._on_lost(error.strerror or "it cannot be written")

    def _next(self) -> str | None:
        with self._changed:
            while not self._waiting and not self._ending:
                self._changed.wait()
            text = "".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            return text or None

    def _write(self, data: bytes) -> None:
        while data:
            data = write_within(self._fd, data, _ROUND_MS / 1000)
            if self._gap and not data:
                self._gap = False
                self._on_gap()
            if self._ending and self._gap:
                return

    def _drop(self) -> None:
        with self._changed:
            self._waiting.clear()
            self._size = 0
            self._gap = True
            self._changed.notify()
