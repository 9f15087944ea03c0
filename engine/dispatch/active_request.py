"""A request on its way through the engine: the state of its attempts, owned by the dispatcher."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.backends.base import Profile
from engine.base.errors import DeadlinePassed, QuarterdeckError, SessionLost, StartFailed, TurnInterrupted
from engine.dispatch.next_step import RequestState
from engine.recovery.breakers.breaker_keys import credential_key
from engine.recovery.failure import Failure
from engine.recovery.run import RecoveryCase
from engine.requests import Request


@dataclass(slots=True)
class Attempt:
    """One attempt: when it began, the session and conversation that it runs in, and the prompt's uuid on the wire.

    `silence_s` is how long the session was silent before it ended, `was_probe` whether it was a breaker's probe.
    """

    began: float = 0.0
    session: str = ""
    conversation: str = ""
    uuid: str = ""
    silence_s: float = 0.0
    was_probe: bool = False


@dataclass(slots=True)
class RetryProgress:
    """What the attempts so far add up to; times in seconds. `empty_answers` counts answers without text."""

    attempts: int = 0
    last_delay: float = 0.0
    cost: int = 0
    breaker_waited: float = 0.0
    may_wait: bool = False
    empty_answers: int = 0


@dataclass(slots=True)
class Waiting:
    """What the request waits for, as published last, and the time that it has waited in the queue."""

    reason: str = ""
    published: str = ""
    seconds: float = 0.0
    for_person: bool = False


@dataclass(slots=True)
class Ending:
    """Who ends the request before its answer: by cancelling it, by interrupting its turn, or by a fault of its reader.

    `watch` cancels the request when its interrupted turn does not end in time.
    """

    cancelled_by: str = ""
    interrupted_by: str = ""
    fault: Exception | None = None
    watch: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class ActiveRequest:
    """A request on its way. `conversation` is what it asked for, empty for a new one."""

    request: Request
    profile: Profile
    began: float
    deadline: float
    conversation: str
    prompt: str
    directory: Path | None = None
    task: asyncio.Task[Any] | None = None
    attempt: Attempt = field(default_factory=Attempt)
    retry: RetryProgress = field(default_factory=RetryProgress)
    waiting: Waiting = field(default_factory=Waiting)
    ending: Ending = field(default_factory=Ending)
    recovery: RecoveryCase = field(default_factory=RecoveryCase)
    text: list[str] = field(default_factory=list)
    """The answer of the present attempt so far."""
    steered: bool = False
    """Whether another prompt was sent into its turn, so that the answer is not that of its own prompt alone."""

    @property
    def session(self) -> str:
        """The session that the present attempt runs in; empty before it has one."""
        return self.attempt.session

    def refused(self, error: BaseException | None) -> bool:
        """Whether this end came before there was a session to try it in, and not because one could not start."""
        return error is not None and not self.attempt.session and not isinstance(error, StartFailed | SessionLost)

    def fails_alike(self, error: QuarterdeckError) -> bool:
        """Whether equal requests would end in this error too: it has to do neither with this one's place, deadline nor
        with a person who ended it.
        """
        own = self.refused(error) or self.request.deadline is not None
        return not own and not isinstance(error, TurnInterrupted | DeadlinePassed)

    def failure(self, error: QuarterdeckError, now: float, park_max: float) -> Failure:
        """The attempt that failed just now."""
        return Failure(
            id=f"{self.request.id}.{self.retry.attempts}",
            error=error,
            request=self.request.id,
            session=self.attempt.session,
            conversation=self.conversation,
            tenant=self.profile.tenant,
            profile=self.profile.name,
            credential=credential_key(self.profile),
            attempt=self.retry.attempts,
            began=self.attempt.began,
            seen=now,
            silent=self.attempt.silence_s,
            patience=min(self.deadline - now, park_max),
        )

    def state(self, now: float, price: int | None, load: float, failing: float) -> RequestState:
        """The facts that the next step is decided by."""
        return RequestState(
            attempt=self.retry.attempts,
            left=self.deadline - now,
            last_delay=self.retry.last_delay,
            breaker_waited=self.retry.breaker_waited,
            may_wait=self.retry.may_wait,
            was_probe=self.attempt.was_probe,
            may_repeat=self.request.idempotent,
            price=price,
            load=load,
            failing=failing,
            escalation=self.recovery.state,
        )
