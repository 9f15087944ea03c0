"""Nothing can be done, and that is said at once."""

from __future__ import annotations

from engine.recovery.escalation import FAIL_FAST
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult


class FailFast:
    """The last rung of the ladder."""

    name, aim, estimate = FAIL_FAST, TargetKind.ENGINE, 0.0

    def can_recover(self, failure: Failure) -> bool:  # noqa: ARG002 - it is the answer to all
        """Never: it only says so."""
        return False

    async def run(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:  # noqa: ARG002 - it does nothing
        """Nothing."""
        return RecoveryResult(False, "nothing that the engine can do would help")
