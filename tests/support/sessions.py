"""Sessions with everything around them: a backend, its launcher, the bus and the permission desk."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from engine.approvals.broker import PermissionBroker
from engine.approvals.grants import decided
from engine.approvals.store import ApprovalStore
from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import AgentSpec, Backend, Profile
from engine.backends.claude import ClaudeBackend, ClaudeOptions
from engine.backends.credential import Credential
from engine.backends.simulator import SimulatorBackend
from engine.base.clock import SystemClock
from engine.events.bus import Bus
from engine.events.types import Event, EventEnvelope
from engine.launchers.containment import Containment
from engine.launchers.local import LocalLauncher
from engine.sessions.clocks import TurnLimits
from engine.sessions.outcome import Outcome
from engine.sessions.ports import SessionPorts
from engine.sessions.session import Session
from engine.sessions.transcripts import Transcripts
from engine.sessions.turn import TurnOrder
from tests.support.processes import survivors, until

E = TypeVar("E", bound=Event)
START_S = 30.0


class SessionFixture:
    """Owner of the sessions that a test starts. `binary` and `url` are the real CLI and its model, or None."""

    def __init__(self, folder: Path, binary: Path | None = None, url: str = "") -> None:
        self.folder = folder
        self.engine = uuid.uuid4().hex[:12]
        self.limits = TurnLimits(30.0, 30.0, 60.0)
        self.permission_timeout = 20.0
        self.lost: list[Session] = []
        self.events: list[Event] = []
        self.containment = Containment(self.engine)
        self.launcher = LocalLauncher(self.containment)
        self.transcripts = Transcripts(1 << 20)
        self._binary = binary
        self._url = url
        self._homes = AgentDirectories(folder / "state", folder / "work", folder / "home", None, folder / "agents")
        self._clock = SystemClock()
        self._bus = Bus(self._clock)
        self._bus.listen(self._hear)
        self.approvals = ApprovalStore(folder / "approvals.db", self._clock)
        self.approvals.open()
        self.broker = PermissionBroker(self._bus, self._clock, self.approvals, lambda: self.permission_timeout)
        self._sessions: list[Session] = []

    def profile(self, **changes: Any) -> Profile:
        """A profile with a home of its own."""
        kind = "simulator" if self._binary is None else "claude"
        return Profile(**{"name": "default", "backend": kind, "own_home": True, **changes})

    def backend(self, *flags: str, retries: int = 0, **options_of: Any) -> Backend:
        """The backend with more flags for its agents, and other options."""
        options = ClaudeOptions(max_retries=retries, extra_args=flags, **options_of)
        if self._binary is None:
            return SimulatorBackend(self._homes, options)
        return ClaudeBackend(self._binary, self._homes, lambda: Credential("offline", base_url=self._url), options)

    async def start(
        self,
        profile: Profile | None = None,
        *,
        resume: str = "",
        flags: Sequence[str] = (),
        backend: Backend | None = None,
        retries: int = 0,
    ) -> Session:
        """A session that answers; on `resume` it goes on with that conversation."""
        spec = AgentSpec("", profile or self.profile(), resume or str(uuid.uuid4()), resume=bool(resume))
        session = self._session(spec, backend or self.backend(*flags, retries=retries))
        await session.start(START_S)
        return session

    async def park(self, profile: Profile | None = None, directory: Path | None = None) -> Session:
        """A session that waits for a conversation to resume, in its directory."""
        spec = AgentSpec("", profile or self.profile(), "", directory=directory, parked=True)
        session = self._session(spec, self.backend())
        await session.park(START_S)
        return session

    def _session(self, spec: AgentSpec, backend: Backend) -> Session:
        ports = SessionPorts(
            backend=backend,
            launcher=self.launcher,
            bus=self._bus,
            clock=self._clock,
            permissions=self.broker,
            transcripts=self.transcripts,
            limits=lambda: self.limits,
        )
        session = Session(replace(spec, session=f"s{len(self._sessions) + 1}"), ports, self.lost.append)
        self._sessions.append(session)
        return session

    async def ask(self, session: Session, prompt: str, *, commands: bool = False) -> Outcome:
        """Run one turn."""
        return await session.run(TurnOrder(request="r", prompt=prompt, commands=commands))

    def answer(
        self,
        permission: str,
        *,
        allowed: bool,
        scope: str = "once",
        message: str = "",
        edited: Mapping[str, str] | None = None,
    ) -> None:
        """Answer a permission; a grant lives for an hour."""
        now = self._clock.wall()
        decision = decided(
            allowed=allowed, by="test", scope=scope, expires=None, message=message, now=now, default=3600.0
        )
        self.broker.answer(permission, decision, edited)

    def begin(self, session: Session, prompt: str, *, watched: bool = True) -> tuple[asyncio.Task[Outcome], list[str]]:
        """Run one turn in the background; the list grows by the pieces of its answer."""
        pieces: list[str] = []
        order = TurnOrder(request="r", prompt=prompt, watched=watched, on_delta=pieces.append)
        return asyncio.create_task(session.run(order)), pieces

    def seen(self, kind: type[E]) -> list[E]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def next_of(self, kind: type[E], after: int = 0) -> E:
        """The event of a kind that follows the first `after` ones."""
        await until(lambda: len(self.seen(kind)) > after)
        return self.seen(kind)[after]

    def first_transcript(self) -> Path:
        """The transcript that was written first."""
        return min(self.folder.rglob("*.jsonl"), key=lambda path: path.stat().st_ctime)

    def survivors(self) -> list[int]:
        """What still runs of all that was started."""
        return survivors(self.engine)

    async def aclose(self) -> None:
        """Kill what still runs; the tree must be empty then."""
        for session in self._sessions:
            if session.pid and not session.lost:
                await session.kill("the test is over")
        self.approvals.close()
        assert self.survivors() == []

    def _hear(self, stamped: EventEnvelope) -> None:
        self.events.append(stamped.event)
