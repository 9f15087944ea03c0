"""The process of one session: how it starts, resumes at its gate, stops, and what of that is published."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from engine.backends.base import AgentCommand, AgentSpec
from engine.backends.startable import start_remedy
from engine.base.errors import DeadlinePassed, SessionLost, StartFailed
from engine.events import types as ev
from engine.launchers.base import Child, LaunchSpec, ProcessEnd
from engine.sessions.lifecycle import Lifecycle, Transition
from engine.sessions.ports import SessionPorts
from engine.sessions.replies import Started, started
from engine.sessions.waking import at_gate, exit_text, resume_at_gate
from engine.sessions.workplace import Control, Workplace

_POLITE_S = 2.0


class AgentProcess:
    """Owner of the child and of what was started; its start and its end change `life`.

    `on_output` and `on_exit` hear of the child, `control` asks the agent, `unused` states that no turn ran in it.
    """

    def __init__(
        self,
        spec: AgentSpec,
        ports: SessionPorts,
        life: Lifecycle,
        workplace: Workplace,
        *,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[asyncio.Future[int]], None],
        control: Control,
        unused: Callable[[], bool],
    ) -> None:
        self.spec = spec
        self.child: Child | None = None
        self.survivors = 0
        self._ports = ports
        self._life = life
        self._workplace = workplace
        self._on_output = on_output
        self._on_exit = on_exit
        self._control = control
        self._unused = unused

    def write(self, data: bytes) -> None:
        """Queue bytes for the agent; ignored without a process."""
        if self.child is not None:
            self.child.write(data)

    async def start(self, timeout: float) -> Started:
        """Start it and wait until it answers. Raises StartFailed or BackendMissing; cleans up itself."""
        command = self._ports.backend.command(self.spec)
        self._workplace.directory = command.cwd
        self._publish_start()
        try:
            answered = await self._launch(command, timeout)
        except BaseException as error:
            await self._abandon_start(error)
            raise
        self._change(Transition.ANSWERED)
        return answered

    async def park(self, timeout: float) -> None:
        """Start it as far as its gate. Raises StartFailed or BackendMissing; cleans up itself."""
        command = self._ports.backend.command(self.spec)
        self._workplace.directory = command.cwd
        self._publish_start()
        try:
            self.child = await self._spawn(command)
            await at_gate(self._ports.launcher, self.child, self._ports.clock, timeout)
        except BaseException as error:
            await self._abandon_start(error)
            raise
        self._change(Transition.PARKED)
        self._ports.bus.publish(ev.SessionChanged(session=self._life.session, state=ev.SessionState.PARKED))

    async def resume(self, spec: AgentSpec, transcript: Path, timeout: float) -> Started:
        """Let it, woken, resume a conversation. Raises StartFailed at any doubt; cleans up itself."""
        gate, self.spec = self._ports.backend.gate(self.spec), spec
        self._ports.bus.publish(ev.SessionChanged(session=self._life.session, state=ev.SessionState.STARTING))
        try:
            answered = await resume_at_gate(gate, transcript, spec.conversation, self._control, timeout)
            self._change(Transition.ANSWERED)
        except BaseException as error:
            await self._abandon_start(error)
            raise
        self._workplace.take_up(spec)
        return answered

    async def stop(self, reason: str, term_grace: float, quieten: Callable[[], Awaitable[None]]) -> ProcessEnd:
        """Let `quieten` end its work, then EOF, SIGTERM, SIGKILL of the tree; then publish how it ended."""
        polite = 0.0 if self._life.parked else _POLITE_S  # a parked agent does not notice the end of its input
        self._begin_stop(reason)
        if self.child is None:
            self._change(Transition.CLOSED)
            return ProcessEnd("never started", None)
        await quieten()
        ending = await self._ports.launcher.stop(self.child, polite=polite, term_grace=term_grace)
        self._finish(ending, "")
        return ending

    async def kill(self, reason: str) -> ProcessEnd:
        """SIGKILL of the tree at once."""
        self._begin_stop(reason)
        if self.child is None:
            self._change(Transition.CLOSED)
            return ProcessEnd("never started", None)
        ending = await self._ports.launcher.kill(self.child)
        self._finish(ending, "")
        return ending

    async def kill_now(self) -> None:
        """SIGKILL of the tree under a `stop` that runs, which goes on to its end at once."""
        if self.child is not None:
            await self._ports.launcher.kill(self.child)

    async def collect(self, term_grace: float) -> ProcessEnd:
        """It ended by itself: end what it left behind and publish it."""
        if self.child is None:
            return ProcessEnd("never started", None)
        ending = await self._ports.launcher.collect(self.child, term_grace)
        self._finish(ending, exit_text(self.child))
        return ending

    def _publish_start(self) -> None:
        spec = self.spec
        self._ports.bus.publish(
            ev.SessionStarting(
                session=spec.session,
                profile=spec.profile.name,
                tenant=spec.profile.tenant,
                backend=spec.profile.backend,
                conversation=spec.conversation,
                cwd=str(self._workplace.directory),
                host=self._ports.host,
                credential=spec.profile.credential,
            )
        )

    async def _spawn(self, command: AgentCommand) -> Child:
        spec = LaunchSpec(self.spec.session, command.argv, command.cwd, command.environment)
        child = await self._ports.launcher.launch(spec, self._on_output)
        child.exited.add_done_callback(self._on_exit)
        return child

    async def _launch(self, command: AgentCommand, timeout: float) -> Started:
        self.child = await self._spawn(command)
        try:
            reply = await self._control("initialize", timeout, hooks=None)
        except DeadlinePassed as error:
            remedy = (
                "The machine may be overloaded: raise `session_pool.start_timeout`, lower `session_pool.max_starting`."
            )
            raise StartFailed(f"The agent did not answer within {timeout:g} s of its start.", remedy=remedy) from error
        except SessionLost as error:
            text, exited = exit_text(self.child), self.child.exited
            killed = exited.done() and exited.result() < 0  # by somebody else, before anything was asked of it
            raise StartFailed(text, remedy=start_remedy(text), retryable=killed) from error
        return started(reply)

    async def _abandon_start(self, error: BaseException) -> None:
        self._change(Transition.STOPPED, str(error) or "cancelled")
        ending = ProcessEnd("start failed", None)
        if self.child is not None:
            ending = await asyncio.shield(self._ports.launcher.kill(self.child))
        self._finish(ending, str(error) or "cancelled")

    def _change(self, change: Transition, reason: str = "") -> None:
        self._life.change(change, self._ports.clock.monotonic(), reason)

    def _begin_stop(self, reason: str) -> None:
        self._change(Transition.STOPPED, reason)
        session = self._life.session
        self._ports.bus.publish(ev.SessionChanged(session=session, state=ev.SessionState.STOPPING, reason=reason))

    def _finish(self, ending: ProcessEnd, error: str) -> None:
        self._change(Transition.CLOSED)
        self.survivors = len(ending.survivors)
        self._ports.permissions.withdraw_session(self._life.session)
        if self._unused():
            self._workplace.leave_unused()
        self._ports.backend.release(self.spec)
        self._ports.bus.publish(
            ev.SessionEnded(
                session=self._life.session,
                how=ending.how,
                exit_code=ending.exit_code,
                survivors=len(ending.survivors),
                error=error,
            )
        )
