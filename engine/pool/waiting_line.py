"""Those who wait for a session, in the queue's order; where profiles compete, by their shares."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import islice
from typing import Protocol

from engine.backends.base import Profile
from engine.base.errors import QuarterdeckError
from engine.events.types import QueueReading, WaitReading
from engine.pool.lease import Lease, Waiter
from engine.pool.routing import LeaseRequest
from engine.pool.session_index import Named
from engine.pool.shares import Shares

WAITS_SHOWN = 200
"""Waiters whose position is published, the next ones."""


class WaitQueue(Protocol):
    """The one place where requests wait; times are monotonic seconds. The pool pulls from it."""

    def __len__(self) -> int:
        """How many wait."""

    def __iter__(self) -> Iterator[Waiter]:
        """All that wait, the next one first; the queue may change meanwhile."""

    @property
    def items(self) -> list[Waiter]:
        """All that wait, as they came."""

    def make_room(self, priority: str, now: float) -> list[tuple[Waiter, QuarterdeckError]]:
        """Who leaves so that one more may wait. Raises QueueFull when it is the new one."""

    def add(
        self, item: Waiter, priority: str, now: float, *, tenant: str, user: str, deadline: float, group: Hashable
    ) -> None:
        """One more waits, with others of its `group` for the same sessions."""

    def remove(self, item: Waiter, now: float, *, served: bool = False) -> None:
        """It waits no more."""

    def passed(self, priority: str, tenant: str, user: str) -> None:
        """A request was served without waiting."""

    def ended(self, tenant: str, user: str, seconds: float) -> None:
        """A request gave its session back after so long."""

    def shed(self, now: float) -> list[tuple[Waiter, QuarterdeckError]]:
        """Once a second: who is dropped."""

    def expectations(self, now: float) -> Iterator[tuple[Waiter, int, float | None]]:
        """All that wait, in order, with their position and the seconds until each should be served."""

    def reading(self, now: float) -> QueueReading:
        """How the queue stands."""


class WaitingLine:
    """Owner of the waiters, and of their number by profile."""

    def __init__(self, queue: WaitQueue, place_of: Callable[[Profile], str], now: Callable[[], float]) -> None:
        self._place_of = place_of
        self._queue = queue
        self._now = now
        self._by_profile: Counter[Named] = Counter()

    def __len__(self) -> int:
        return len(self._queue)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._queue)

    @property
    def demand(self) -> int:
        """Waiters that a session more would help."""
        return sum(waiter.demand for waiter in self._queue.items) if self._queue else 0

    @property
    def demanding(self) -> list[LeaseRequest]:
        """The requests of those that are still to be served and that a session more would help."""
        return [waiter.request for waiter in self._queue if waiter.waiting and waiter.demand]

    def new(self, request: LeaseRequest) -> Waiter:
        """A waiter that is not in the line yet."""
        granted: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        return Waiter(request, self._now(), granted, self._place_of(request.profile))

    def follow(self, profile: Callable[[str], Profile | None]) -> None:
        """Let those wait for what their profiles are now."""
        for waiter in self._queue.items:
            waiter.follow(profile, self._place_of)

    def add(self, waiter: Waiter) -> None:
        """Let it wait. Raises QueueFull."""
        request, now = waiter.request, self._now()
        for victim, error in self._queue.make_room(request.priority, now):
            self.refuse(victim, error)
        self._queue.add(
            waiter,
            request.priority,
            waiter.since,
            tenant=request.profile.tenant,
            user=request.user,
            deadline=request.deadline,
            group=request.profile.key,
        )
        waiter.queued = True
        self._by_profile[request.profile.named] += 1

    def remove(self, waiter: Waiter, *, served: bool = False) -> None:
        """It waits no more; a `served` one has its session."""
        request = waiter.request
        if waiter.queued:
            waiter.queued = False
            self._queue.remove(waiter, self._now(), served=served)
            self._by_profile -= Counter([request.profile.named])
        elif served:
            self._queue.passed(request.priority, request.profile.tenant, request.user)

    def refuse(self, waiter: Waiter, error: QuarterdeckError) -> None:
        """It waits no more, and learns why."""
        self.remove(waiter)
        if waiter.waiting:
            waiter.granted.set_exception(error)

    def shed(self) -> None:
        """Tell those whom the queue drops."""
        for waiter, error in self._queue.shed(self._now()):
            self.refuse(waiter, error)

    def ended(self, lease: Lease) -> None:
        """A session was given back: what it was used for counts for its user."""
        request = lease.request
        self._queue.ended(request.profile.tenant, request.user, self._now() - lease.since)

    def positions(self) -> list[WaitReading]:
        """Where the next ones stand in the queue."""
        nearest = islice(self._queue.expectations(self._now()), WAITS_SHOWN)
        return [WaitReading(each.request.id, position, wait) for each, position, wait in nearest if each.request.id]

    def first_like(self, request: LeaseRequest) -> Waiter | None:
        """The first that waits for a session of the request's profile and conversation."""
        wanted = (request.profile.key, request.conversation)
        alike = (each for each in self._queue if (each.request.profile.key, each.request.conversation) == wanted)
        return next((waiter for waiter in alike if waiter.waiting), None)

    def in_order(self, shares: Callable[[], Shares]) -> Iterable[Waiter]:
        """In the queue's order; where profiles compete, those that have less than their weight's share go first."""
        if len(self._by_profile) < 2:
            return self._queue
        known = shares()
        short = {profile for profile in self._by_profile if known.short(profile)}
        return sorted(self._queue, key=lambda waiter: waiter.request.profile.named not in short)

    def ahead_of(self, newest: Waiter) -> int:
        """Waiters for any session of its sub-pool."""
        key = newest.request.profile.key
        return sum(
            waiter.request.profile.key == key and not waiter.request.conversation for waiter in self._queue.items
        )
