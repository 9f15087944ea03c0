"""What a drill may touch: its own engine's sessions, its settings, and the API that they call. Nothing else."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from engine.base.processes import ENGINE_TAG, ProcessId, identify, send_signal, tagged, tags_of
from engine.chaos.api import Api
from engine.chaos.scorecard import Injection
from engine.engine import Engine
from engine.events import types as ev
from engine.events.types import EventEnvelope
from engine.launchers.host import disk_free
from engine.requests import Answer, Request
from engine.thread import EngineThread

_TOLD = (
    ev.ApiRetry,
    ev.BreakerChanged,
    ev.RequestRetrying,
    ev.SessionChanged,
    ev.SessionEnded,
    ev.SessionJudged,
    ev.TurnEnded,
)
"""The events that the scorecard reads."""


class Observed(msgspec.Struct, frozen=True):
    """A session that is up, and the request in it, empty when it is idle."""

    session: str
    process: ProcessId
    request: str


class Target(Protocol):
    """Where a drill takes place."""

    api: Api
    backend: str

    async def ask(self, request: Request) -> Answer:
        """The engine's answer. Raises the QuarterdeckError that states why not."""

    async def sessions(self) -> list[Observed]:
        """The sessions that are up."""

    async def change(self, changes: Mapping[str, Any]) -> None:
        """Change the engine's settings live."""

    async def disk_free(self) -> int:
        """Free bytes where the engine keeps its state."""

    async def kill_engine(self) -> None:
        """SIGKILL the engine."""

    async def start_engine(self) -> None:
        """Start it again."""

    def signal(self, process: ProcessId, number: signal.Signals) -> bool:
        """Signal a process of the engine's tree; False when it is gone or not its own."""

    def survivors(self) -> int:
        """Processes that carry the tag of one of the engines of this ground."""


class OwnEngine:
    """An engine in a thread of this process."""

    def __init__(self, thread: EngineThread, api: Api, backend: str) -> None:
        self._thread = thread
        self._id = thread.engine.id
        self.api = api
        self.backend = backend

    async def ask(self, request: Request) -> Answer:
        """Its answer."""
        return await asyncio.wrap_future(self._thread.call(self._thread.engine.submit(request)))

    async def sessions(self) -> list[Observed]:
        """The sessions that are up."""
        return await asyncio.wrap_future(self._thread.call(_sessions(self._thread.engine)))

    async def change(self, changes: Mapping[str, Any]) -> None:
        """Change settings live."""
        await asyncio.wrap_future(self._thread.call(_change(self._thread.engine, changes)))

    async def disk_free(self) -> int:
        """Free bytes where the state is."""
        return disk_free(self._thread.engine.settings.engine.state_dir) or 0

    async def kill_engine(self) -> None:
        """Raises RuntimeError: it shares this process."""
        raise RuntimeError("an engine in this process cannot be killed")

    async def start_engine(self) -> None:
        """It runs."""

    def signal(self, process: ProcessId, number: signal.Signals) -> bool:
        """Signal a process of the engine's tree."""
        return tags_of(process.pid).get(ENGINE_TAG) == self._id and send_signal(process, number)

    def survivors(self) -> int:
        """Processes that carry its tag."""
        return len(tagged(lambda tags: tags.get(ENGINE_TAG) == self._id))


def monitor_of(events: list[EventEnvelope]) -> Callable[[EventEnvelope], None]:
    """Hears an engine's events and keeps those that the scorecard reads."""

    def hear(stamped: EventEnvelope) -> None:
        if isinstance(stamped.event, _TOLD) and not (isinstance(stamped.event, ev.TurnEnded) and stamped.event.ok):
            events.append(stamped)

    return hear


def strike_on(drill: str, seen: Observed, at: float) -> Injection:
    """A strike on one session and what runs in it."""
    return Injection(drill=drill, at=at, session=seen.session, requests=(seen.request,) if seen.request else ())


async def _sessions(engine: Engine) -> list[Observed]:
    running = {flight.session: flight.request.id for flight in engine.dispatcher.active_requests.values()}
    found = []
    for name, session in engine.pool.sessions.items():
        process = identify(session.pid) if session.ready and not session.stopping and not session.lost else None
        if process is not None:
            found.append(Observed(name, process, running.get(name, "") if session.busy else ""))
    return found


async def _change(engine: Engine, changes: Mapping[str, Any]) -> None:
    engine.live.propose(changes, "chaos")
