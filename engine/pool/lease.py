"""A lease: the right to use a session for a turn, and the queue of those who wait for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from engine.pool.routing import LeaseWish
from engine.sessions.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """`epoch` rises with every lease of a session, so a late release cannot free a later holder's.

    `clear` asks for `/clear` before the turn; `waited` is in seconds.
    """

    session: Session
    epoch: int
    clear: bool
    reason: str
    waited: float
    reused: bool


@dataclass(slots=True, eq=False)
class Waiter:
    """One wish in the hand-off queue; `why` is what routing said last."""

    wish: LeaseWish
    since: float
    granted: asyncio.Future[Lease]
    why: str = ""

    @property
    def waiting(self) -> bool:
        """Whether it was neither served nor cancelled."""
        return not self.granted.done()
