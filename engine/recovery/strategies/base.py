"""What a recovery strategy is, what it is given to work with, and what it says afterwards.

A plugin is a class of this shape, found by the entry point `quarterdeck.strategies` or named as `module:Class`, and
given work by the setting `recovery.strategies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.recovery.failure import Failure, TargetKind


@dataclass(frozen=True, slots=True)
class RecoveryResult:
    """Whether the strategy did what it is for, and what it did or why it could not, in one sentence without a stop."""

    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was taken away: counts of processes, zombies, leases of conversations and files."""

    processes: int = 0
    zombies: int = 0
    leases: int = 0
    files: int = 0
    survivors: int = 0


class RecoveryPorts(Protocol):
    """What strategies may do to the engine; each act looks again, at the moment of acting, whether it still applies."""

    async def replace(self, session: str, reason: str, seconds: float) -> RecoveryResult:
        """Take a session out of service and let the pool start another; a turn of somebody else's is not cut."""

    async def let_go(self, tenant: str, conversation: str, session: str, seconds: float) -> RecoveryResult:
        """Wait until `session` may no longer write the conversation, so that it can be resumed."""

    async def clean(self) -> Cleaned:
        """Take away what is proven to be ours and of no more use."""

    def hold(self, credential: str, failure: Failure, seconds: float, *, parked: bool) -> RecoveryResult:
        """Let no call of a credential through for `seconds`, for good at 0; `parked` calls may wait for the end."""

    def decrease_limit(self, reason: str, credential: str = "") -> RecoveryResult:
        """Lower the number of requests that run at once with a credential, or with any; it is given back in steps."""

    def notify(self, text: str, remedy: str) -> None:
        """Tell the operators of something that only they can put right."""


class RecoveryStrategy(Protocol):
    """One way to recover. `estimated_time` is in seconds; a run that takes far longer is ended."""

    name: str
    target_kind: TargetKind
    estimated_time: float

    def can_recover(self, failure: Failure) -> bool:
        """Whether this trouble is one that it can do something about."""

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Do it. What it raises counts as a failure of the run."""
