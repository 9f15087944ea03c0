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

    def can_recover(self, trouble: Failure) -> bool:
        """A request whose session was lost."""
        return bool(trouble.conversation or trouble.session)

    async def run(self, trouble: Failure, ports: RecoveryPorts) -> RecoveryResult:
        """Nothing is waited for by a request that asked for a new conversation: it may begin another one."""
        if not trouble.conversation:
            return RecoveryResult(True, "the request had no conversation yet and begins another")
        return await ports.let_go(trouble.tenant, trouble.conversation, trouble.session, _WAIT_S)
