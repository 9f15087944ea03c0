"""A lease: the right to use a session for a turn, and the queue of those who wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.backends.base import Profile
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

    def follow(self, profile: Callable[[str], Profile | None]) -> None:
        """Wait for a session of what the profile is now."""
        now = profile(self.wish.profile.name)
        if now is not None and now.named == self.wish.profile.named:
            self.wish = replace(self.wish, profile=now)

    @property
    def waiting(self) -> bool:
        """Whether it was neither served nor cancelled."""
        return not self.granted.done()
