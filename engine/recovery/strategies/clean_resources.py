"""What is ours and left over is taken away: zombies, orphans, drafts, locks of dead owners."""

from __future__ import annotations

from engine.recovery.escalation import CLEAN
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult


class CleanResources:
    """Frees what the machine ran out of, as far as it is proven to be ours."""

    name, aim, estimate = CLEAN, TargetKind.ENGINE, 3.0

    def can_recover(self, failure: Failure) -> bool:  # noqa: ARG002 - it can always look
        """Always."""
        return True

    async def run(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:  # noqa: ARG002 - all is looked at
        """Finding nothing is no failure."""
        found = await ports.clean()
        said = f"{found.processes} processes, {found.zombies} zombies, {found.leases} locks, {found.files} files"
        if found.survivors:
            return RecoveryResult(False, f"cleaned {said}; {found.survivors} processes would not end")
        return RecoveryResult(True, f"cleaned {said}")
