"""A member of the pool: a session with what the pool knows of it, and the owner that hears of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.backends.base import AgentSpec, Profile
from engine.base.errors import QuarterdeckError
from engine.base.nursery import Nursery
from engine.pool.routing import LeaseRequest
from engine.pool.session_index import SessionIndex
from engine.pool.wake_fitness import Parking
from engine.sessions.session import Session
from engine.store.sqlite import StoreUnusable


@dataclass(slots=True, eq=False)
class Member:
    """`demanded` states that a waiter had it started and waits for it, `spare` that it is, or will be, parked.

    `start` is its start, `ending` its one end, from the stop's begin until the process tree is proven gone. The state
    is the session's (`session.life`); `starting` lasts until the pool has taken it in.
    """

    session: Session
    request: LeaseRequest
    demanded: bool
    starting: bool = False
    spare: bool = False
    parking: Parking = field(default_factory=Parking)
    kept_for: str = ""
    """The one conversation that the parked process wakes; empty for one that wakes any of its workspace."""
    cold: str = ""
    """Why its conversation was woken without a parked process; empty when by one."""
    started_at: float = 0.0
    lifetime: float = 0.0
    ending_own_work: bool = False
    start: asyncio.Task[None] | None = None
    ending: asyncio.Task[None] | None = None

    @property
    def ready_spare(self) -> bool:
        """Whether it waits for a conversation to wake."""
        started = self.start is None or self.start.done()
        return self.spare and self.stays and started and self.session.life.parked

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


class Starter(Protocol):
    """Who starts and ends the members of the pool."""

    index: SessionIndex
    starts: Nursery

    @property
    def all(self) -> dict[str, Member]:
        """Every member by its session's id."""

    @property
    def starting(self) -> int:
        """Starts under way."""

    def __len__(self) -> int: ...

    def get(self, session: str) -> Member:
        """One by its session's id."""

    def park(self, profile: Profile, directory: Path | None) -> Member:
        """A member that will be parked."""

    def spec_for(self, name: str, request: LeaseRequest) -> tuple[AgentSpec, StoreUnusable | None]:
        """What runs for a wish."""

    def start_cold(self, request: LeaseRequest, victim: Member | None, *, demanded: bool, cold: str) -> None:
        """Start a new process for a wish."""

    def begin_start(self, member: Member) -> None:
        """Its start counts among those under way."""

    def end_start(self, member: Member) -> None:
        """It counts there no more."""

    def came_up(self, member: Member, began: float) -> None:
        """It answers."""

    def report_failure(self, request: LeaseRequest, error: QuarterdeckError) -> None:
        """Whoever waits for it hears of it."""

    def retire(self, member: Member, reason: str) -> None:
        """No new work for it."""

    def end(self, member: Member, reason: str) -> asyncio.Task[None]:
        """The end of a member."""

    async def forget(self, member: Member, reason: str, *, survivors: int = 0) -> None:
        """The session is gone."""

    def changed(self) -> None:
        """Sessions, limits or room changed."""
