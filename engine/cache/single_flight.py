"""Single flight: equal requests at the same time run once, and all share its answer or its final error."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

V = TypeVar("V")
MOST_LEADERS = 3
"""Leaders that one request waits for which leave without an end; then it goes by itself."""


class SingleFlight(Generic[V]):
    """Owner of the flights. The first to ask leads; if it leaves, the next one that waits leads."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[V | None]] = {}

    async def join(self, key: str) -> V | None:
        """Wait for the leader's value; raises the leader's final error. None: lead now, and call `land` in any case."""
        for _ in range(MOST_LEADERS):
            if (running := self._running.get(key)) is None:
                break
            value = await asyncio.shield(running)
            if value is not None:
                return value
        if key not in self._running:
            self._running[key] = asyncio.get_running_loop().create_future()
        return None

    def land(self, key: str, value: V | None = None, error: Exception | None = None) -> None:
        """The leader is done: a value or an error is for all who wait; after neither the next one leads."""
        running = self._running.pop(key, None)
        if running is None or running.done():
            return
        if error is not None:
            running.set_exception(error)
            running.exception()  # nobody may be waiting
        else:
            running.set_result(value)
