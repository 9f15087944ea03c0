"""The session's process is replaced."""

from __future__ import annotations

from engine.recovery.escalation import RESTART
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult

_WAIT_S = 15.0


class RestartProcess:
    """Retires the session that the trouble was in; the pool starts another one for whoever waits."""

    name, aim, estimate = RESTART, TargetKind.SESSION, 5.0

    def can_recover(self, trouble: Failure) -> bool:
        """A session, or a profile whose session could not start."""
        return bool(trouble.session or trouble.profile)

    async def run(self, trouble: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Ended by the stop ladder, its tree proven empty."""
        if not trouble.session:
            return RecoveryResult(True, "no process is left of the failed start; the pool starts another")
        return await ports.replace(trouble.session, f"recovery: {trouble.reason}", _WAIT_S)
