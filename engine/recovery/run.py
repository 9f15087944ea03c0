"""One run of a recovery strategy, and the recovery of one request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from engine.recovery.escalation import EscalationState
from engine.recovery.failure import Failure
from engine.recovery.strategies.base import RecoveryResult

Key = tuple[str, str]
"""The name of a strategy and its target."""


@dataclass(eq=False)
class RecoveryRun:
    """One run of a strategy. `done` is the strategy's own end; it is over once its effect was seen, at `ended_at`."""

    id: str
    key: Key
    failure: Failure
    began: float
    done: asyncio.Future[RecoveryResult]
    observed: bool = False
    cost: int = 0
    waiters: int = 0
    joined: int = 0
    finished_at: float = 0.0
    ended_at: float = 0.0
    timer: asyncio.TimerHandle | None = None
    over: bool = False

    @property
    def strategy(self) -> str:
        """The name of its strategy."""
        return self.key[0]


@dataclass(slots=True, eq=False)
class RecoveryCase:
    """The recovery of one request: how far it has escalated, and the run that it waits for or whose effect it shows."""

    state: EscalationState = field(default_factory=EscalationState)
    run: RecoveryRun | None = field(default=None, repr=False)
