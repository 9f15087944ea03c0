"""Which session may write which conversation, and which conversations sleep: at most one writer, across engines."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from engine.base.errors import ConversationHeld
from engine.events.bus import Bus
from engine.events.types import ConversationHibernated, ConversationWoken, Notice, Severity
from engine.pool.conversation_locks import ConversationLocks
from engine.pool.session_index import Named
from engine.store.conversations import ConversationRow, ConversationStore, KnownConversation, Progress, Wanted
from engine.store.leases import Holding
from engine.store.sqlite import StoreUnusable

_REMEMBERED = 16
"""Conversations of earlier engines, of each profile, that a process may be parked for."""
KNOWN = 10_000
"""Conversations whose whereabouts are remembered, those used last; a forgotten one is resumed all the same."""


@dataclass(slots=True)
class ConversationState:
    """What one session may write, the turns that it had as far as is known, and which conversation was recorded."""

    holding: Holding
    turns: int = 0
    kept: str = ""
    profile: str = ""


class Conversations:
    """Owner of the holdings of this engine's sessions and of the list of sleeping conversations."""

    def __init__(self, locks: ConversationLocks, bus: Bus, store: ConversationStore) -> None:
        self._locks = locks
        self._store = store
        self._bus = bus
        self._states: dict[str, ConversationState] = {}
        self._asleep: OrderedDict[tuple[str, str], tuple[int, str]] = OrderedDict()
        self._sleepers: set[Named] | None = None
        self._used_before: dict[Named, list[str]] = {}
        self._owed: list[Holding] = []
        self._lent: dict[tuple[str, str], str] = {}

    @property
    def hibernated(self) -> int:
        """Conversations known to have no process."""
        return len(self._asleep)

    def sleepers(self) -> set[Named]:
        """Profiles, with their tenants, that have conversations without a process, also from before this engine."""
        if self._sleepers is None:
            try:
                self._sleepers = set(self._store.profiles())
            except StoreUnusable:  # the store reports itself
                return set()
        return self._sleepers

    def last_asleep(self, profile: Named, most: int) -> Iterator[str]:
        """Sleeping conversations of a profile, the one that was used last first; those from before this engine last."""
        mine = (
            conversation
            for (tenant, conversation), (_turns, name) in reversed(self._asleep.items())
            if (tenant, name) == profile
        )
        earlier = (each for each in self._earlier(profile) if (profile[0], each) not in self._asleep)
        tenant = profile[0]
        free = (each for each in chain(mine, earlier) if not (self.held(tenant, each) or self.lent_to(tenant, each)))
        return islice(free, most)

    def _earlier(self, profile: Named) -> list[str]:
        """Conversations of earlier engines, read once."""
        if profile not in self._used_before:
            try:
                found, _ = self._store.page(profile[0], Wanted(profile=profile[1]), _REMEMBERED, 0)
            except StoreUnusable:  # the store reports itself
                return []
            self._used_before[profile] = [known.conversation for known in found]
        return self._used_before[profile]

    def held(self, tenant: str, conversation: str) -> bool:
        """Whether a session of ours has the right to write a conversation."""
        return any(
            (state.holding.tenant, state.holding.conversation) == (tenant, conversation)
            for state in self._states.values()
        )

    def held_by(self) -> dict[tuple[str, str], str]:
        """The sessions by the conversations, with their tenants, that they may write."""
        return {(each.holding.tenant, each.holding.conversation): session for session, each in self._states.items()}

    def held_in(self, session: str) -> tuple[str, str] | None:
        """Tenant and conversation that a session may write."""
        state = self._states.get(session)
        return (state.holding.tenant, state.holding.conversation) if state is not None else None

    def page(self, tenant: str, wanted: Wanted, limit: int, offset: int) -> tuple[list[KnownConversation], int]:
        """A page of those that are remembered, the one used last first, of how many; for a thread beside the loop.

        Raises StoreUnusable.
        """
        return self._store.page(tenant, wanted, limit, offset)

    def summary(self, tenant: str, conversation: str) -> KnownConversation | None:
        """What is remembered of a conversation. Raises StoreUnusable."""
        return self._store.summary(tenant, conversation)

    def tenants(self, conversation: str) -> list[str]:
        """Whose remembered conversations have this id. Raises StoreUnusable."""
        return self._store.tenants(conversation)

    def change(self, tenant: str, conversation: str, title: str | None, archived: bool | None) -> None:
        """Give a conversation another title, or archive it or bring it back. Raises StoreUnusable."""
        self._store.change(tenant, conversation, title, archived)

    def note(self, tenant: str, conversation: str, more: Progress) -> None:
        """Add to what is remembered of a conversation. Raises StoreUnusable."""
        self._store.add(tenant, conversation, more)

    def copy(self, known: KnownConversation, new: str, title: str, at: float) -> None:
        """Remember a new conversation that works where this one does, for the same user. Raises StoreUnusable."""
        row = self._store.find(known.tenant, known.conversation) or ConversationRow("", False, "")
        self._store.keep(known.tenant, new, replace(row, profile=known.profile))
        self._store.add(known.tenant, new, Progress(at, title, known.user, last_words=known.last_words))

    async def remove(self, tenant: str, conversation: str, delete: Callable[[], None]) -> None:
        """Forget a conversation that nobody writes; `delete` takes its transcript away meanwhile.

        Raises ConversationHeld while a session, also one of another engine, may write it, StoreUnusable, OSError.
        """
        self.check_not_lent(tenant, conversation)
        holding = await self._locks.acquire(tenant, conversation, "deletion")
        try:
            delete()
            self._store.remove(tenant, conversation)
            self._asleep.pop((tenant, conversation), None)
        finally:
            await self._locks.release(holding)

    def lend(self, tenant: str, conversation: str, holder: str) -> None:
        """No session may take it from now on: `holder` has it, or is about to."""
        self._lent[tenant, conversation] = holder

    def take_back(self, tenant: str, conversation: str) -> None:
        """Sessions may take it again."""
        self._lent.pop((tenant, conversation), None)

    def lent_to(self, tenant: str, conversation: str) -> str:
        """Who else has it; empty for nobody."""
        return self._lent.get((tenant, conversation), "")

    def lent(self, tenant: str) -> dict[str, str]:
        """Who else has them, by the tenant's conversations."""
        return {conversation: holder for (theirs, conversation), holder in self._lent.items() if theirs == tenant}

    def check_not_lent(self, tenant: str, conversation: str) -> None:
        """Raises ConversationHeld where somebody else has it."""
        if holder := self.lent_to(tenant, conversation):
            remedy = f"Close it there, or `quarterdeck conversations return {conversation}` ends it."
            raise ConversationHeld(
                f"Conversation {conversation} is open in {holder}.", field="conversation", remedy=remedy
            )

    async def lock(self, tenant: str, conversation: str, holder: str) -> Holding:
        """The right to write for somebody who is no session. Raises ConversationHeld, StoreUnusable."""
        for holding in tuple(self._owed):
            await self._give_back(holding)
        return await self._locks.acquire(tenant, conversation, holder)

    async def unlock(self, holding: Holding) -> None:
        """Give that right back; what cannot be given back now is given back before the next one is taken."""
        self._owed.append(holding)
        try:
            await self._give_back(holding)
        except (ConversationHeld, StoreUnusable) as error:
            self._bus.publish(Notice(severity=Severity.WARNING, text=error.message, remedy=error.remedy))

    async def open(self, session: str, tenant: str, conversation: str) -> None:
        """Before a process starts: take the right to write. Raises ConversationHeld, StoreUnusable."""
        for holding in tuple(self._owed):
            await self._give_back(holding)
        self._states[session] = ConversationState(await self._locks.acquire(tenant, conversation, session))

    def woken(self, session: str, took: float, cold: str) -> int:
        """The process that resumes its conversation answers; returns the turns it had, at least one.

        `cold` is why it was not a parked one.
        """
        state = self._states[session]
        turns, _profile = self._asleep.pop((state.holding.tenant, state.holding.conversation), (1, ""))
        state.turns = max(1, turns)
        self._bus.publish(
            ConversationWoken(conversation=state.holding.conversation, session=session, took=round(took, 3), cold=cold)
        )
        return state.turns

    def row(self, tenant: str, conversation: str) -> ConversationRow | None:
        """Where a conversation worked when it was used last, and what its agent might do. Raises StoreUnusable."""
        return self._store.find(tenant, conversation)

    async def use(self, session: str, conversation: str, row: ConversationRow | None = None) -> bool:
        """A turn is about to run in this conversation, which is as `row` says; whether another one went to sleep.

        Raises ConversationHeld when the right to write is lost, StoreUnusable.
        """
        state = self._states.get(session)
        if state is None:
            raise ConversationHeld(f"Session {session} holds no conversation.", retryable=True)
        slept = False
        if state.holding.conversation != conversation:
            slept = self._sleep(session, state, "the session was cleared for another request")
            state.holding, state.turns = await self._locks.move(state.holding, conversation, session), 0
        elif not await self._locks.is_current(state.holding):
            raise ConversationHeld(f"Another engine took conversation {conversation} over.")
        state.profile = row.profile if row is not None else state.profile
        if row is not None and state.kept != conversation:
            self._store.keep(state.holding.tenant, conversation, row)
            state.kept = conversation
        state.turns += 1
        return slept

    async def close(self, session: str, reason: str) -> bool:
        """The session's tree is proven empty: give the right to write back; whether a conversation went to sleep.

        A right that cannot be given back now is given back before the next one is taken.
        """
        state = self._states.pop(session, None)
        if state is None:
            return False
        self._owed.append(state.holding)
        try:
            await self._give_back(state.holding)
        except (ConversationHeld, StoreUnusable) as error:
            self._bus.publish(Notice(severity=Severity.WARNING, text=error.message, remedy=error.remedy))
        return self._sleep(session, state, reason)

    async def _give_back(self, holding: Holding) -> None:
        """Release what is owed; it stays owed when that fails or is cancelled, and twice does no harm."""
        await self._locks.release(holding)
        if holding in self._owed:
            self._owed.remove(holding)

    def _sleep(self, session: str, state: ConversationState, reason: str) -> bool:
        if not state.turns:
            return False
        holding = state.holding
        self._asleep[holding.tenant, holding.conversation] = (state.turns, state.profile)
        if state.profile:
            self.sleepers().add((holding.tenant, state.profile))
        self._asleep.move_to_end((holding.tenant, holding.conversation))
        if len(self._asleep) > KNOWN:
            self._asleep.popitem(last=False)
        self._bus.publish(ConversationHibernated(conversation=holding.conversation, session=session, reason=reason))
        return True
