"""Where paths lead, read on a thread of its own: a file system that hangs never holds the engine's loop for long."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

BOUND_S = 0.05
"""Seconds that the engine's loop waits for one path; while one is late, no other is waited for."""


class LinkReader:
    """Follows links in the existing part of a path; None when that took too long or could not be done."""

    def __init__(self, follow: Callable[[str], str] = os.path.realpath, bound_s: float = BOUND_S) -> None:
        self._follow = follow
        self._bound_s = bound_s
        self._wanted: SimpleQueue[_Path] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._late: _Path | None = None

    def __call__(self, path: str) -> str | None:
        """Where a path leads."""
        if self._late is not None and not self._late.done.is_set():
            return None
        self._late = None
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="links", daemon=True)
            self._thread.start()
        wanted = _Path(path)
        self._wanted.put(wanted)
        if not wanted.done.wait(self._bound_s):
            self._late = wanted
            return None
        return wanted.place

    def _work(self) -> None:
        while True:
            wanted = self._wanted.get()
            try:
                wanted.place = self._follow(wanted.path)
            except (OSError, ValueError):
                wanted.place = None
            finally:
                wanted.done.set()


class _Path:
    """One path that is read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.place: str | None = None
        self.done = threading.Event()
