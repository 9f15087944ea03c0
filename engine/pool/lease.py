"""A lease: the right to use a session for a turn, and the queue of those who wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.backends.base import Profile
from engine.flow.concurrency_limit import Place
from engine.pool.routing import LeaseRequest
from engine.sessions.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """`epoch` rises with every lease of a session, so a late release cannot free a later holder's.

    `clear` asks for `/clear` before the turn; `waited` is in seconds, `since` monotonic; `place` is the right to run.
    """

    session: Session
    epoch: int
    clear: bool
    reason: str
    waited: float
    reused: bool
    place: Place
    request: LeaseRequest
    since: float


@dataclass(slots=True, eq=False)
class Waiter:
    """One wish in the hand-off queue; `why` is what routing said last.

    `demand` states that a session more would help it, `stuck` that nothing can start for its profile now.
    """

    request: LeaseRequest
    since: float
    granted: asyncio.Future[Lease]
    place: str
    """The limit that it falls under."""
    why: str = ""
    demand: bool = True
    stuck: bool = False
    limited: bool = False
    """Whether it waits for a limit of the API, which no session would help."""
    queued: bool = False
    _on_wait: Callable[[str], None] | None = None

    def notify(self, on_wait: Callable[[str], None] | None) -> None:
        """Tell somebody from now on for what it waits."""
        self._on_wait = on_wait
        if on_wait is not None:
            on_wait(self.why)

    def waits_for(self, why: str, *, demand: bool = True, stuck: bool = False, limited: bool = False) -> None:
        """What routing said of it, or the limit."""
        self.why, self.demand, self.stuck, self.limited = why, demand, stuck, limited
        if self._on_wait is not None and self.waiting:
            self._on_wait(why)

    def follow(self, profile: Callable[[str], Profile | None], place_of: Callable[[Profile], str]) -> None:
        """Wait for a session of what the profile is now."""
        now = profile(self.request.profile.name)
        if now is not None and now.named == self.request.profile.named:
            self.request = replace(self.request, profile=now)
            self.place = place_of(now)

    @property
    def waiting(self) -> bool:
        """Whether it was neither served nor cancelled."""
        return not self.granted.done()
