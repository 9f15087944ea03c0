"""The session's process is replaced."""

from __future__ import annotations

from engine.recovery.escalation import RESTART
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult

_WAIT_S = 15.0


class RestartProcess:
    """Retires the session that the trouble was in; the pool starts another one for whoever waits."""

    name, aim, estimate = RESTART, TargetKind.SESSION, 5.0

    def can_recover(self, failure: Failure) -> bool:
        """A session, or a profile whose session could not start."""
        return bool(failure.session or failure.profile)

    async def run(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Ended by the stop ladder, its tree proven empty."""
        if not failure.session:
            return RecoveryResult(True, "no process is left of the failed start; the pool starts another")
        return await ports.replace(failure.session, f"recovery: {failure.reason}", _WAIT_S)
