"""What strategies do to this engine: the acts behind their ports, each looking again when it acts."""

from __future__ import annotations

from dataclasses import dataclass

from engine.base.errors import BadInput, NotFound
from engine.events.bus import Bus
from engine.events.types import Notice, Severity
from engine.flow.concurrency_limit import ConcurrencyLimits
from engine.pool.conversations import Conversations
from engine.pool.pool import Pool
from engine.recovery.breakers.breaker_keys import credential_key
from engine.recovery.breakers.registry import Breakers
from engine.recovery.cleanup import Cleanup
from engine.recovery.failure import Failure
from engine.recovery.strategies.base import Cleaned, RecoveryResult
from engine.sessions.session import Session

_KINDS = "session:ID, conversation:ID, profile:NAME, credential:NAME or engine"


@dataclass(frozen=True)
class RecoveryActions:
    """The RecoveryPorts of an engine."""

    pool: Pool
    conversations: Conversations
    breakers: Breakers
    concurrency: ConcurrencyLimits
    cleaner: Cleanup
    bus: Bus

    async def replace(self, session: str, reason: str, seconds: float) -> RecoveryResult:
        """Retire it; its turn's end is waited for only when it has no turn."""
        if session not in self.pool.members:
            return RecoveryResult(True, f"{session} is gone already")
        self.pool.retire(session, reason)
        if await self.pool.gone_within(session, 0.0 if self.pool.leased(session) else seconds):
            self.pool.changed()
            return RecoveryResult(True, f"{session} was ended")
        if self.pool.leased(session):
            return RecoveryResult(True, f"{session} gets no more work and ends with its turn")
        return RecoveryResult(False, f"{session} was not gone after {seconds:g} s")

    async def let_go(self, tenant: str, conversation: str, session: str, seconds: float) -> RecoveryResult:
        """Until the session ended or is fit for a turn, and nobody dead holds the conversation."""
        if not await self.pool.settled_within(session, seconds):
            return RecoveryResult(False, f"{session} neither ended nor settled within {seconds:g} s")
        if self.conversations.held(tenant, conversation) and session not in self.pool.members:
            cleaned = await self.cleaner.clean()
            if self.conversations.held(tenant, conversation):
                why = f"{cleaned.survivors} processes of it would not end" if cleaned.survivors else "it is in use"
                return RecoveryResult(False, f"the conversation is not free: {why}")
        return RecoveryResult(True, "the conversation can be resumed")

    async def clean(self) -> Cleaned:
        """Take away what is left over."""
        return await self.cleaner.clean()

    def hold(self, credential: str, failure: Failure, seconds: float, *, parked: bool) -> RecoveryResult:
        """Nothing is done when the breaker was closed since the attempt began."""
        if self.breakers.let_through_since(credential, failure.began):
            return RecoveryResult(True, f"{credential} works again, so it is left alone")
        word = "parked" if parked else "stopped"
        self.breakers.hold(credential, seconds or float("inf"), f"{word}: {failure.reason}", parked=parked)
        return RecoveryResult(True, f"{credential} is {word}" + (f" for {seconds:.0f} s" if seconds else ""))

    def decrease_limit(self, reason: str, credential: str = "") -> RecoveryResult:  # noqa: ARG002 - told by the event
        """Let fewer run at once with a credential."""
        running, limit = self.concurrency.running, self.concurrency.decrease(credential)
        return RecoveryResult(True, f"{running} requests run, {limit} may for now")

    def notify(self, text: str, remedy: str) -> None:
        """As a notice."""
        self.bus.publish(Notice(severity=Severity.CRITICAL, text=text, remedy=remedy))

    def named(self, target: str, by: str, now: float) -> Failure:
        """What a target that a person or a breaker names stands for. Raises BadInput, NotFound."""
        kind, _, name = target.partition(":")
        if kind == "session" and name:
            return _in_session(self.pool.session(name), by, now)
        if kind == "conversation" and name:
            holder = next((each for each in self.pool.sessions.values() if each.conversation == name), None)
            if holder is None:
                remedy = "`quarterdeck sessions` lists what is running; a sleeping conversation needs no recovery."
                raise NotFound(f"No session holds conversation {name}.", field="target", remedy=remedy)
            return _in_session(holder, by, now)
        if kind == "credential" and name:
            self.breakers.get(target)
            return Failure(credential=target, by=by, began=now, seen=now)
        if kind == "profile" and name:
            return Failure(profile=name, by=by, began=now, seen=now)
        if target == "engine" or kind == "model":
            return Failure(by=by, began=now, seen=now)
        raise BadInput(f"{target!r} is nothing that recovery works on.", field="target", remedy=f"Name {_KINDS}.")


def _in_session(session: Session, by: str, now: float) -> Failure:
    profile = session.profile
    return Failure(
        session=session.id,
        conversation=session.conversation,
        profile=profile.name,
        tenant=profile.tenant,
        credential=credential_key(profile),
        began=now,
        seen=now,
        by=by,
    )
