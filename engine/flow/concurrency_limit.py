"""The places of the requests that run at once: as many as a policy allows, given by priority, then first come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.base.clock import Clock
from engine.flow.limit_policies import AimdLimit, LimitPolicy, Running
from engine.flow.priorities import PriorityLine


class ConcurrencyLimiter:
    """Owner of the places of running requests and of those who wait for one, by priority, then first come.

    `most` is the number that could run without a limit, `interval` the seconds after which a lowered one rises.
    """

    def __init__(
        self,
        most: Callable[[], int],
        interval: Callable[[], float],
        clock: Clock,
        policy: LimitPolicy | None = None,
    ) -> None:
        self._most = most
        self._interval = interval
        self._clock = clock
        self.policy: LimitPolicy = policy or AimdLimit()
        self._waiting: PriorityLine[asyncio.Future[None]] = PriorityLine()
        self.running = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._waiting)

    @property
    def limit(self) -> int | None:
        """Requests that may run at once now; None without a limit."""
        return self.policy.limit(self._facts())

    def decrease(self) -> int:
        """Let fewer run at once; returns how many. What runs is not cut."""
        return self.policy.decrease(self._facts())

    def use(self, policy: LimitPolicy) -> None:
        """Follow another policy from now on, and serve who it lets through."""
        self.policy = policy
        self.look()

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
        """Take a place at once, limit or not: what ran before and was held up by a person goes on."""
        self.running += 1

    def look(self) -> None:
        """Serve who waits; once a second too, since the limit rises with time."""
        while (place := self._waiting.first()) is not None and (place.done() or self._free()):
            self._waiting.remove(place)
            if not place.done():
                self.running += 1
                place.set_result(None)

    def _free(self) -> bool:
        limit = self.limit
        return limit is None or self.running < limit

    def _facts(self) -> Running:
        return Running(self._clock.monotonic(), self.running, self._most(), self._interval())
