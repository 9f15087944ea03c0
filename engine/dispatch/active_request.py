"""A request on its way through the engine: the state of its attempts, owned by the dispatcher."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.backends.base import Profile
from engine.base.errors import QuarterdeckError
from engine.recovery.breakers.breaker_keys import credential_key
from engine.recovery.failure import Failure
from engine.recovery.run import EscalationState
from engine.requests import Request


@dataclass(eq=False)
class ActiveRequest:
    """A request on its way. `conversation` is what it asked for, empty for a new one; `held` is what it runs in.

    `attempted_at` is when the attempt that runs began, `may_wait` says that it was parked, `was_probe` that the
    attempt was a breaker's probe, `escalation` is its recovery's.
    """

    request: Request
    profile: Profile
    began: float
    deadline: float
    conversation: str
    prompt: str
    attempts: int = 0
    queued: float = 0.0
    session: str = ""
    held: str = ""
    uuid: str = ""
    delay: float = 0.0
    parked: float = 0.0
    cost: int = 0
    silent: float = 0.0
    task: asyncio.Task[Any] | None = None
    fault: Exception | None = None
    """What the caller's listener raised, which ends the request."""
    cancelled_by: str = ""
    interrupted_by: str = ""
    was_empty: bool = False
    waits_for: str = ""
    published_wait: str = ""
    waits_for_person: bool = False
    watch: asyncio.TimerHandle | None = None
    attempted_at: float = 0.0
    may_wait: bool = False
    was_probe: bool = False
    escalation: EscalationState | None = None
    text: list[str] = field(default_factory=list)
    directory: Path | None = None

    def failure(self, error: QuarterdeckError, now: float, park_max: float) -> Failure:
        """What recovery is told of the attempt that failed just now."""
        return Failure(
            id=f"{self.request.id}.{self.attempts}",
            error=error,
            request=self.request.id,
            session=self.session,
            conversation=self.conversation,
            tenant=self.profile.tenant,
            profile=self.profile.name,
            credential=credential_key(self.profile),
            attempt=self.attempts,
            began=self.attempted_at,
            seen=now,
            silent=self.silent,
            patience=min(self.deadline - now, park_max),
        )
