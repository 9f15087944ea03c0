"""Those who wait for a session: by priority, then first come; where profiles compete, by their shares."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from engine.base.errors import QuarterdeckError
from engine.flow.priorities import PriorityLine
from engine.pool.lease import Waiter
from engine.pool.routing import LeaseRequest
from engine.pool.session_index import Named
from engine.pool.shares import Shares


class WaitingLine:
    """Owner of the waiters, and of their number by profile."""

    def __init__(self) -> None:
        self._line: PriorityLine[Waiter] = PriorityLine()
        self._by_profile: Counter[Named] = Counter()

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._line)

    @property
    def demand(self) -> int:
        """Waiters that a session more would help."""
        return sum(waiter.demand for waiter in self._line)

    @property
    def demanding(self) -> list[LeaseRequest]:
        """The requests of those that are still to be served and that a session more would help."""
        return [waiter.request for waiter in self._line if waiter.waiting and waiter.demand]

    def new(self, request: LeaseRequest, now: float) -> Waiter:
        """A waiter that is not in the line yet."""
        return Waiter(request, now, asyncio.get_running_loop().create_future())

    def add(self, waiter: Waiter) -> None:
        """Let it wait."""
        self._line.add(waiter, waiter.request.priority, waiter.since)
        self._by_profile[waiter.request.profile.named] += 1

    def remove(self, waiter: Waiter) -> None:
        """It waits no more."""
        if self._line.remove(waiter):
            self._by_profile -= Counter([waiter.request.profile.named])

    def refuse(self, waiter: Waiter, error: QuarterdeckError) -> None:
        """It waits no more, and learns why."""
        self.remove(waiter)
        waiter.granted.set_exception(error)

    def first_like(self, request: LeaseRequest) -> Waiter | None:
        """The first that waits for a session of the request's profile and conversation."""
        wanted = (request.profile.key, request.conversation)
        alike = (each for each in self._line if (each.request.profile.key, each.request.conversation) == wanted)
        return next((waiter for waiter in alike if waiter.waiting), None)

    def in_order(self, shares: Callable[[], Shares]) -> Iterable[Waiter]:
        """By priority and arrival; where profiles compete, those that have less than their weight's share go first."""
        if len(self._by_profile) < 2:
            return self._line
        known = shares()
        short = {profile for profile in self._by_profile if known.short(profile)}
        return sorted(self._line, key=lambda waiter: waiter.request.profile.named not in short)

    def ahead_of(self, newest: Waiter) -> int:
        """Waiters for any session of its sub-pool."""
        key = newest.request.profile.key
        return sum(waiter.request.profile.key == key and not waiter.request.conversation for waiter in self._line)
