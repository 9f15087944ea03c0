"""What the tests of the live pool share: wishes, leases, and the events that an engine told."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from engine.backends.base import Profile
from engine.engine import Engine
from engine.events.types import Event, EventEnvelope
from engine.pool.lease import Lease
from engine.pool.routing import LeaseRequest
from engine.requests import Answer, Request

E = TypeVar("E", bound=Event)
MANY = ("session_pool.max_starting=8", "session_pool.max_waking=8")
"""Starts that do not wait for each other, so that a test is soon where it begins."""


class RecordedEvents:
    """The events of an engine, from now on."""

    def __init__(self, engine: Engine) -> None:
        self.events: list[Event] = []
        engine.bus.listen(self._hear)

    def of(self, kind: type[E]) -> list[E]:
        """Those of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def _hear(self, stamped: EventEnvelope) -> None:
        self.events.append(stamped.event)


def profile(engine: Engine, name: str = "default") -> Profile:
    """A profile of the engine."""
    found = engine.profiles.known(name)
    assert found is not None
    return found


def request(engine: Engine, user: str = "", conversation: str = "", name: str = "default") -> LeaseRequest:
    """What a request needs."""
    return LeaseRequest(profile(engine, name), user, conversation)


async def leases(engine: Engine, count: int) -> list[Lease]:
    """So many sessions, all taken."""
    return await asyncio.gather(*(engine.pool.lease(request(engine)) for _ in range(count)))


async def idle(engine: Engine, count: int) -> list[str]:
    """So many idle sessions, in the order in which they became so; their names."""
    taken = await leases(engine, count)
    for lease in taken:
        engine.pool.release(lease)
    return [lease.session.id for lease in taken]


class Conversation:
    """Asks an engine, with a fresh id for every request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked = 0

    def request(self, prompt: str, conversation: str = "", **fields: Any) -> Request:
        """The next request."""
        self._asked += 1
        return Request(id=f"talk-{self._asked}", prompt=prompt, conversation=conversation, **fields)

    async def ask(self, prompt: str, conversation: str = "", **fields: Any) -> Answer:
        """Its answer."""
        return await self._engine.submit(self.request(prompt, conversation, **fields))

    def begin(self, prompt: str, conversation: str = "", **fields: Any) -> asyncio.Task[Answer]:
        """Ask in the background."""
        return asyncio.create_task(self.ask(prompt, conversation, **fields))

    async def conversations(self, count: int, turns: int = 1) -> list[str]:
        """So many conversations of so many turns, all at once; their ids."""

        async def one(number: int) -> str:
            conversation = ""
            for _ in range(turns):
                conversation = (await self.ask(f"hello {number}", conversation)).conversation
            return conversation

        return await asyncio.gather(*(one(number) for number in range(count)))
