"""Where paths lead, read on a thread of its own: a file system that hangs never holds the engine's loop for long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from engine.approvals.places import Resolve

BOUND_S = 0.25
"""Seconds that the engine's loop waits for all paths of one action; while one is late, no other is waited for."""


class LinkReader:
    """Follows links in the existing part of a path, within one bound on the waits for all paths of an action."""

    def __init__(
        self,
        follow: Callable[[str], str] = os.path.realpath,
        bound_s: float = BOUND_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._follow = follow
        self._bound_s = bound_s
        self._monotonic = monotonic
        self._wanted: SimpleQueue[_Path] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._late: _Path | None = None

    def for_action(self) -> Resolve:
        """Where the paths of one action lead; None for each that is not read before its waits add up to the bound."""
        left_s = self._bound_s

        def place(path: str) -> str | None:
            nonlocal left_s
            begun = self._monotonic()
            found = self._place(path, left_s)
            left_s -= self._monotonic() - begun
            return found

        return place

    def _place(self, path: str, bound_s: float) -> str | None:
        if self._late is not None and not self._late.done.is_set():
            return None
        self._late = None
        if bound_s <= 0:
            return None
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="links", daemon=True)
            self._thread.start()
        wanted = _Path(path)
        self._wanted.put(wanted)
        if not wanted.done.wait(bound_s):
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
