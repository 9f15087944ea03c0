"""What the dispatcher needs of the parts on the way of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.backends.base import Profile
from engine.base.clock import Clock
from engine.base.errors import QuarterdeckError
from engine.cache.memory import Label
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

    async def put(self, key: str, answer: Answer, *, ttl: float | None = None, label: Label | None = None) -> None:
        """Keep an answer for `ttl` seconds under a label, as far as the bounds allow."""


class SessionPool(Protocol):
    """Sessions, leased for one turn each."""

    async def lease(self, request: LeaseRequest, *, on_wait: Callable[[str], None]) -> Lease:
        """A session and a place for a request, out of the one queue; `on_wait` is called with what it waits for."""

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
    guard: BreakerGuard
    recoveries: Orchestrator
    pool: SessionPool
    transcripts: TranscriptStore
    retry: Callable[[], RetryPolicy]
    budget: Budget
    load: Callable[[], float]
    profile: Callable[[str, str], Profile]
    error_of: Callable[[Outcome], QuarterdeckError]
