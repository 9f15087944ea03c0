"""Where paths lead and what folders hold, read on a thread of its own: a hanging file system never stops the loop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import islice
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from engine.approvals.patterns import MAX_NAMES, Entry, Listing, Names

T = TypeVar("T")

BOUND_S = 0.25
"""Seconds that the engine's loop waits for all paths of one action; while one is late, no other is waited for."""


def names_in(folder: str) -> Listing | None:
    """The names in a folder, as many as are compared with a pattern; None where they cannot be read."""
    try:
        with os.scandir(folder) as found:
            entries = [
                Entry(each.name, each.is_symlink(), each.is_dir(follow_symlinks=False))
                for each in islice(found, MAX_NAMES + 1)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return Listing()
    except OSError:
        return None
    return Listing(tuple(sorted(entries[:MAX_NAMES], key=lambda entry: entry.name)), len(entries) <= MAX_NAMES)


class LinkReader:
    """Follows links in the existing part of a path, within one bound on the waits for all paths of an action."""

    def __init__(
        self,
        follow: Callable[[str], str] = os.path.realpath,
        bound_s: float = BOUND_S,
        monotonic: Callable[[], float] = time.monotonic,
        names: Names = names_in,
    ) -> None:
        self._follow = follow
        self._names = names
        self._bound_s = bound_s
        self._monotonic = monotonic
        self._wanted: SimpleQueue[_Look[Any]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._late: _Look[Any] | None = None

    def for_action(self) -> ActionPaths:
        """Where the paths of one action lead; None for each that is not read before its waits add up to the bound."""
        return ActionPaths(self, self._bound_s, self._monotonic)

    def place(self, path: str, bound_s: float) -> str | None:
        """Where a path leads; None when that is not known in time."""
        return self._wait(_Look(self._follow, path), bound_s)

    def names(self, folder: str, bound_s: float) -> Listing | None:
        """The names in a folder; None when they are not known in time."""
        return self._wait(_Look(self._names, folder), bound_s)

    def _wait(self, wanted: _Look[T], bound_s: float) -> T | None:
        if self._late is not None and not self._late.done.is_set():
            return None
        self._late = None
        if bound_s <= 0:
            return None
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="links", daemon=True)
            self._thread.start()
        self._wanted.put(wanted)
        if not wanted.done.wait(bound_s):
            self._late = wanted
            return None
        return wanted.found

    def _work(self) -> None:
        while True:
            self._wanted.get().read()


class ActionPaths:
    """Where the paths of one action lead, and the names in its folders, within its bound."""

    def __init__(self, reader: LinkReader, bound_s: float, monotonic: Callable[[], float]) -> None:
        self._reader = reader
        self._left_s = bound_s
        self._monotonic = monotonic

    def __call__(self, path: str) -> str | None:
        """Where a path leads."""
        return self._timed(self._reader.place, path)

    def names(self, folder: str) -> Listing | None:
        """The names in a folder."""
        return self._timed(self._reader.names, folder)

    def _timed(self, read: Callable[[str, float], T], path: str) -> T:
        begun = self._monotonic()
        found = read(path, self._left_s)
        self._left_s -= self._monotonic() - begun
        return found


class _Look(Generic[T]):
    """One path that is read."""

    def __init__(self, look: Callable[[str], T | None], path: str) -> None:
        self._look = look
        self._path = path
        self.found: T | None = None
        self.done = threading.Event()

    def read(self) -> None:
        """Read it; nothing is found where that fails."""
        try:
            self.found = self._look(self._path)
        except (OSError, ValueError):
            self.found = None
        finally:
            self.done.set()
