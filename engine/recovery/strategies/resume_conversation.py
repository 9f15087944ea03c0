"""The interrupted conversation is made free, so that the request's next attempt goes on with it."""

from __future__ import annotations

from engine.recovery.escalation import RESUME
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult

_WAIT_S = 15.0


class ResumeConversation:
    """Proves the old process tree dead and its right to write given back.

    The dispatcher then continues the turn, or runs it again where the transcript does not hold the prompt.
    """

    name, aim, estimate = RESUME, TargetKind.CONVERSATION, 3.0

    def can_recover(self, failure: Failure) -> bool:
        """A request whose session was lost."""
        return bool(failure.conversation or failure.session)

    async def run(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Nothing is waited for by a request that asked for a new conversation: it may begin another one."""
        if not failure.conversation:
            return RecoveryResult(True, "the request had no conversation yet and begins another")
        return await ports.let_go(failure.tenant, failure.conversation, failure.session, _WAIT_S)
