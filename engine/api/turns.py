"""In which order requests begin: a few in one step of the loop, callers in turn, so that no burst delays the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable

BATCH = 4
"""Requests that begin in one step of the loop."""


class Turns:
    """Owner of the requests that have arrived and have not begun, by caller. Bounded by the connections' own bounds."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}
        self._scheduled = False

    def add(self, caller: Hashable, begin: Callable[[], None]) -> None:
        """Call `begin` when it is the caller's turn, soon."""
        self._waiting.setdefault(caller, deque()).append(begin)
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._begin_some)

    def _begin_some(self) -> None:
        self._scheduled = False
        for _ in range(BATCH):
            if not self._waiting:
                return
            caller = next(iter(self._waiting))
            waiting = self._waiting.pop(caller)
            begin = waiting.popleft()
            if waiting:
                self._waiting[caller] = waiting  # behind the others
            begin()
        self._schedule()
