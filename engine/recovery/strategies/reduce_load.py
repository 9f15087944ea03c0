"""Fewer requests run at once for a while."""

from __future__ import annotations

from engine.recovery.escalation import REDUCE_LOAD
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult


class ReduceLoad:
    """Lowers the cap on running requests, which rises again by itself (engine/flow/concurrency_limit.py)."""

    name, aim, estimate = REDUCE_LOAD, TargetKind.ENGINE, 0.1

    def can_recover(self, failure: Failure) -> bool:  # noqa: ARG002 - load can always be lowered
        """Always."""
        return True

    async def run(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """At once; running turns are not cut."""
        return ports.ease(failure.reason)
