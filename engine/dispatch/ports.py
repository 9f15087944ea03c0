"""What the dispatcher needs of the parts on the way of a request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from engine.backends.base import Profile
from engine.base.clock import Clock
from engine.base.errors import QuarterdeckError
from engine.events.bus import Bus
from engine.pool.lease import Lease
from engine.pool.routing import LeaseRequest
from engine.recovery.breakers.guard import BreakerGuard
from engine.recovery.orchestrator import Orchestrator
from engine.recovery.retry.budget import Budget
from engine.recovery.retry.policy import RetryPolicy
from engine.requests import Answer
from engine.sessions.outcome import Outcome


class AnswerCache(Protocol):
    """Answers of earlier equal requests; one tier, or several behind each other."""

    async def get(self, key: str) -> Answer | None:
        """The answer kept under a key, or None."""

    async def put(self, key: str, answer: Answer) -> None:
        """Keep an answer, as far as the bounds allow."""


class WaitQueue(Protocol):
    """The one place where requests wait: for a place among those that run, and then for a session."""

    @property
    def limit(self) -> int | None:
        """Requests that may run at once now; None without a limit."""

    def waiting(self) -> AbstractContextManager[None]:
        """Count a request as waiting while the `with` lasts. Raises Overloaded when the queue is full."""

    async def enter(self, priority: str) -> None:
        """Take a place among the running requests, or wait for one."""

    def leave(self) -> None:
        """Give the place back."""

    def resume(self) -> None:
        """Take a place at once, whatever the limit: a request that waited for a person goes on."""


class SessionPool(Protocol):
    """Sessions, leased for one turn each."""

    def wake_ahead(self, request: LeaseRequest) -> str:
        """Begin to wake a conversation for which a prompt is expected, when that takes nothing from anybody."""

    async def lease(self, request: LeaseRequest, *, on_wait: Callable[[str], None]) -> Lease:
        """A session for a request; `on_wait` is called with what it waits for."""

    async def hold(self, lease: Lease, conversation: str, user: str) -> None:
        """The leased session now holds this conversation for this user."""

    def release(self, lease: Lease) -> None:
        """Give the session back."""


class TranscriptStore(Protocol):
    """The transcripts that the agents keep."""

    def holds_prompt(self, profile: Profile, conversation: str, uuid: str) -> bool:
        """Whether a conversation's transcript has the user line with this uuid."""


@dataclass(frozen=True)
class DispatcherPorts:
    """The parts on the way of a request.

    `load` is the pool's utilisation from 0 to 1. `profile` finds a profile by name for a tenant and raises when there
    is none. `error_of` makes the error of an outcome that is no answer.
    """

    bus: Bus
    clock: Clock
    cache: AnswerCache
    queue: WaitQueue
    guard: BreakerGuard
    recoveries: Orchestrator
    pool: SessionPool
    transcripts: TranscriptStore
    retry: Callable[[], RetryPolicy]
    budget: Budget
    load: Callable[[], float]
    profile: Callable[[str, str], Profile]
    error_of: Callable[[Outcome], QuarterdeckError]
