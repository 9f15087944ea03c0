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
        self._flights: dict[str, asyncio.Future[V | None]] = {}

    async def join(self, key: str) -> V | None:
        """Wait for the leader's value; raises the leader's final error. None: lead now, and call `land` in any case."""
        for _ in range(MOST_LEADERS):
            if (flight := self._flights.get(key)) is None:
                break
            value = await asyncio.shield(flight)
            if value is not None:
                return value
        if key not in self._flights:
            self._flights[key] = asyncio.get_running_loop().create_future()
        return None

    def land(self, key: str, value: V | None = None, error: Exception | None = None) -> None:
        """The leader is done: a value or an error is for all who wait; after neither the next one leads."""
        flight = self._flights.pop(key, None)
        if flight is None or flight.done():
            return
        if error is not None:
            flight.set_exception(error)
            flight.exception()  # nobody may be waiting
        else:
            flight.set_result(value)
