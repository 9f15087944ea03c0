"""Requests of a credential whose limit is used up are held until it resets."""

from __future__ import annotations

from engine.recovery.escalation import PARK
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult

_UNKNOWN_S = 60.0
"""Taken where nobody said when the limit resets."""
_LONGEST_S = 3600.0
"""One call tries a parked credential again after so long, whatever was read of its reset."""


class Park:
    """Holds the credential's breaker open until the limit resets; those who may wait are woken spread."""

    name, aim, estimate = PARK, TargetKind.CREDENTIAL, 0.1

    def can_recover(self, failure: Failure) -> bool:
        """A credential whose limit it is."""
        return bool(failure.credential)

    async def run(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """At once: who waits, and for how long, is each request's own affair."""
        return ports.hold(failure.credential, failure, parked_for(failure), parked=True)


def resets_in(failure: Failure) -> float:
    """Seconds until the limit resets, as far as it is known."""
    return failure.retry_after or _UNKNOWN_S


def parked_for(failure: Failure) -> float:
    """Seconds for which the credential is held."""
    return min(_LONGEST_S, resets_in(failure))


def refusal(failure: Failure) -> str:
    """Why the request may not wait that long, or nothing."""
    wait = resets_in(failure)
    if wait <= failure.patience:
        return ""
    return f"the limit resets in {wait:.0f} s, and the request may be held for {failure.patience:.0f} s"
