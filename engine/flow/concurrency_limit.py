"""A cap on the requests that run at once, lowered when the API lacks capacity and given back step by step (AIMD)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.base.clock import Clock
from engine.flow.priorities import PriorityLine

_LESS = 0.5
_STEP = 0.1
"""Share of what may run without a cap that is given back at each step, at least one request."""


class AimdLimit:
    """Owner of the cap; pure. `interval` is the time in seconds between two steps up."""

    def __init__(self) -> None:
        self._cap: int | None = None
        self._full = 0
        self._at = 0.0

    @property
    def none(self) -> bool:
        """Whether there is no cap."""
        return self._cap is None

    def limit(self, now: float, interval: float) -> int | None:
        """Requests that may run at once; None without a cap."""
        if self._cap is None:
            return None
        steps = int((now - self._at) / interval) if interval > 0 else self._full
        if steps > 0:
            self._at += steps * interval
            self._cap += steps * max(1, round(self._full * _STEP))
        if self._cap >= self._full:
            self._cap = None
        return self._cap

    def decrease(self, now: float, running: int, most: int, interval: float) -> int:
        """Halve what may run, or what does; at least one may. Returns the cap, which rises to `most` and is gone."""
        before = self.limit(now, interval)
        if before is None:
            self._full = max(most, running)
            before = running or most
        self._cap, self._at = max(1, int(before * _LESS)), now
        return self._cap


class ConcurrencyLimiter:
    """Owner of the places of running requests and of those who wait for one, by priority, then first come.

    `most` is the number that could run without a cap, `interval` the seconds between two steps up.
    """

    def __init__(self, most: Callable[[], int], interval: Callable[[], float], clock: Clock) -> None:
        self._most = most
        self._interval = interval
        self._clock = clock
        self._ease = AimdLimit()
        self._waiting: PriorityLine[asyncio.Future[None]] = PriorityLine()
        self.running = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._waiting)

    @property
    def limit(self) -> int | None:
        """Requests that may run at once now; None without a cap."""
        return self._ease.limit(self._clock.monotonic(), self._interval())

    def decrease(self) -> int:
        """Let fewer run at once; returns how many. What runs is not cut."""
        return self._ease.decrease(self._clock.monotonic(), self.running, self._most(), self._interval())

    async def enter(self, priority: str = "medium") -> None:
        """Take a place, or wait for one."""
        if not self._waiting and self._free():
            self.running += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(place, priority, self._clock.monotonic())
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # it was given to one who left
            raise
        finally:
            self._waiting.remove(place)

    def leave(self) -> None:
        """Give a place back."""
        self.running -= 1
        self.look()

    def go_on(self) -> None:
        """Take a place at once, cap or not: what ran before and was held up by a person goes on."""
        self.running += 1

    def look(self) -> None:
        """Serve who waits; once a second too, since the cap rises with time."""
        while (place := self._waiting.first()) is not None and (place.done() or self._free()):
            self._waiting.remove(place)
            if not place.done():
                self.running += 1
                place.set_result(None)

    def _free(self) -> bool:
        if self._ease.none:
            return True
        limit = self.limit
        return limit is None or self.running < limit
