"""The port to who may write a conversation, and the locks of one machine behind it."""

from __future__ import annotations

from typing import Protocol

from engine.store.leases import Holding, SqliteLeases


class ConversationLocks(Protocol):
    """At most one session writes a conversation, across engines. Each call may raise StoreUnusable."""

    async def acquire(self, tenant: str, conversation: str, session: str) -> Holding:
        """Take the lock. Raises ConversationHeld while another session or a living engine has it."""

    async def move(self, holding: Holding, conversation: str, session: str) -> Holding:
        """The same process goes on to another conversation. Raises ConversationHeld."""

    async def release(self, holding: Holding) -> None:
        """The holder's process tree is proven dead."""

    async def is_current(self, holding: Holding) -> bool:
        """Whether it still counts: nobody else took the conversation over."""


class LocalLocks:
    """The locks in the machine's own file, which takes microseconds and needs no thread."""

    def __init__(self, leases: SqliteLeases) -> None:
        self._leases = leases

    async def acquire(self, tenant: str, conversation: str, session: str) -> Holding:
        """Take the lock."""
        return self._leases.acquire(tenant, conversation, session)

    async def move(self, holding: Holding, conversation: str, session: str) -> Holding:
        """Go on to another conversation."""
        return self._leases.move(holding, conversation, session)

    async def release(self, holding: Holding) -> None:
        """Give it back."""
        self._leases.release(holding)

    async def is_current(self, holding: Holding) -> bool:
        """Whether it still counts."""
        return self._leases.is_current(holding)
