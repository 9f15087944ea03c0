"""A member of the pool: a session with what the pool knows of it, and the owner that hears of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from engine.base.errors import QuarterdeckError
from engine.pool.routing import LeaseRequest
from engine.sessions.session import Session


@dataclass(slots=True, eq=False)
class Member:
    """`demanded` states that a waiter had it started and waits for it.

    `start` is its start, `ending` its one end, from the stop's begin until the process tree is proven gone. The state
    is the session's (`session.life`); `starting` lasts until the pool has taken it in.
    """

    session: Session
    request: LeaseRequest
    demanded: bool
    starting: bool = True
    started_at: float = 0.0
    lifetime: float = 0.0
    ending_own_work: bool = False
    start: asyncio.Task[None] | None = None
    ending: asyncio.Task[None] | None = None

    @property
    def retire(self) -> str:
        """Why it takes no new work, empty while it does."""
        return self.session.life.retired

    @property
    def stays(self) -> bool:
        """Whether nothing has decided yet that it leaves."""
        return self.ending is None and not self.retire


class Owner(Protocol):
    """Who hears of the members: the pool."""

    def changed(self) -> None:
        """A session came up, ended, or may be leased again."""

    def free(self) -> None:
        """A session may be leased again."""

    def came_up(self, request: LeaseRequest) -> None:
        """A session for this wish answers."""

    def start_failed(self, request: LeaseRequest, error: QuarterdeckError) -> bool:
        """Whether a waiting request was notified."""

    def gone(self, session: str) -> None:
        """The session's lease is void."""
