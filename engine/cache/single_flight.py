"""Single flight: equal requests at the same time run once, and all get the answer."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

V = TypeVar("V")


class SingleFlight(Generic[V]):
    """Owner of the flights. The first to ask leads; if it fails or leaves, the next one that waits leads."""

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Future[V | None]] = {}

    async def join(self, key: str) -> V | None:
        """Wait for the leader's value. None: lead now, and call `land` in any case."""
        while (flight := self._flights.get(key)) is not None:
            value = await asyncio.shield(flight)
            if value is not None:
                return value
        self._flights[key] = asyncio.get_running_loop().create_future()
        return None

    def land(self, key: str, value: V | None) -> None:
        """The leader is done: with a value for all, or with None, and then the next one leads."""
        flight = self._flights.pop(key, None)
        if flight is not None and not flight.done():
            flight.set_result(value)
