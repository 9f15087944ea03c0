"""Processes on this machine, spawned and ended on the engine's thread."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable, Iterable
from typing import cast

from engine.base import process
from engine.base.errors import BackendMissing, StartFailed
from engine.base.processes import ProcessId, identify, send_signal
from engine.launchers.base import Child, LaunchSpec, ProcessEnd
from engine.launchers.cgroups import Cgroups, GroupLimits
from engine.launchers.containment import Containment
from engine.launchers.kernel import waits_for_writer, with_parent_death_signal
from engine.launchers.strays import working_directory

STDERR_KEPT = 16 * 1024
"""Bytes of standard error that are kept a process."""
_LAST_OUTPUT_S = 0.25
"""Seconds that the output of a dead process may still take to arrive."""
_STDOUT, _STDERR = 1, 2


class LocalChild(asyncio.SubprocessProtocol):
    """A child process: output goes to a callback as it comes, standard error to a bounded tail."""

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self._stderr: deque[bytes] = deque()
        self._stderr_size = 0
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._settling: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.identity: ProcessId | None = None
        self.session = ""
        self.agent = True

    @property
    def pid(self) -> int:
        """Process id, or 0 before the start."""
        return self._transport.get_pid() if self._transport is not None else 0

    @property
    def stderr_tail(self) -> str:
        """The last 16 KiB of standard error."""
        return b"".join(self._stderr).decode("utf-8", "replace")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._stdin = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDOUT:
            self._on_output(data)
        elif fd == _STDERR:
            self._keep_stderr(data)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def process_exited(self) -> None:
        """The process ended; what it left behind may hold its pipes, so they get a moment and no more."""
        self._writable.set()
        self._settling = asyncio.get_running_loop().call_later(_LAST_OUTPUT_S, self._settle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process ended and all its pipes are closed."""
        self._settle()

    def write(self, data: bytes) -> None:
        """Queue bytes for standard input; ignored once it is closed."""
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    async def drain(self) -> None:
        """Wait until standard input takes more."""
        await self._writable.wait()

    def close_input(self) -> None:
        """Send end of file."""
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write_eof()

    async def wait_exit(self, seconds: float) -> bool:
        """Whether the process itself ended within `seconds`; its pipes may still be held by others."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.returncode is None and loop.time() < deadline:
            await asyncio.wait([self.exited], timeout=min(0.05, max(0.0, deadline - loop.time())))
        return self.returncode is not None

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal, None while it runs."""
        return self._transport.get_returncode() if self._transport is not None else None

    def release(self) -> None:
        """Close our ends of the pipes: survivors outside our reach may hold the others open for ever."""
        if self._transport is not None:
            self._transport.close()
        self._settle()

    def kill_unidentified(self) -> None:
        """End a process that has just been started and cannot be looked at."""
        if self._transport is not None:
            self._transport.kill()
        self.release()

    def _settle(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        if not self.exited.done():
            code = self.returncode
            self.exited.set_result(code if code is not None else -int(signal.SIGKILL))

    def _keep_stderr(self, data: bytes) -> None:
        self._stderr.append(data[-STDERR_KEPT:])
        self._stderr_size += len(self._stderr[-1])
        while self._stderr_size - len(self._stderr[0]) >= STDERR_KEPT:
            self._stderr_size -= len(self._stderr.popleft())


class LocalLauncher:
    """Owner of this machine's children of the engine."""

    def __init__(self, containment: Containment, groups: Cgroups | None = None) -> None:
        self._containment = containment
        self._groups = groups or Cgroups(containment.engine, GroupLimits)
        self._children: set[LocalChild] = set()
        containment.own_children = lambda: self.child_pids

    @property
    def children(self) -> frozenset[LocalChild]:
        """Children that were started and not yet proven gone."""
        return frozenset(self._children)

    @property
    def child_pids(self) -> set[int]:
        """Pids that asyncio itself reaps."""
        return {child.pid for child in self._children}

    @property
    def agents(self) -> dict[int, str]:
        """The sessions of the agents among the children, by pid; each is there as soon as it runs."""
        return {child.pid: child.session for child in self._children if child.agent}

    async def launch(self, spec: LaunchSpec, on_output: Callable[[bytes], None]) -> LocalChild:
        """Start a process in its own process session. Raises BackendMissing or StartFailed."""
        with self._containment.strays.launching():
            child = await self._spawn(spec, on_output)
            self._groups.enter(spec.session, child.pid)
            self._children.add(child)
        if child.identity is not None:
            self._containment.strays.began(spec.session, child.identity, working_directory(child.pid) or str(spec.cwd))
        return child

    async def _spawn(self, spec: LaunchSpec, on_output: Callable[[bytes], None]) -> LocalChild:
        loop = asyncio.get_running_loop()
        environment = {**spec.environment, **self._containment.tags(spec.session)}
        try:
            _, child = await loop.subprocess_exec(
                lambda: LocalChild(on_output),
                *with_parent_death_signal(spec.argv),
                cwd=spec.cwd,
                env=environment,
                start_new_session=True,
                umask=process.child_umask(),
            )
        except FileNotFoundError as error:
            raise _not_found(spec, error) from error
        except OSError as error:
            remedy = "`quarterdeck doctor` checks limits, permissions and disk."
            raise StartFailed(f"{spec.argv[0]} cannot be started: {error.strerror}.", remedy=remedy) from error
        child.session, child.agent = spec.session, spec.agent
        try:
            child.identity = identify(child.pid)
        except OSError as error:  # nobody could end it for sure later
            child.kill_unidentified()
            remedy = "`quarterdeck doctor` checks limits, permissions and disk."
            raise StartFailed(f"The new process cannot be looked at: {error.strerror}.", remedy=remedy) from error
        return child

    async def stop(self, child: Child, *, polite: float, term_grace: float) -> ProcessEnd:
        """EOF, wait `polite` seconds; SIGTERM, wait `term_grace` seconds; SIGKILL; then prove the tree empty."""
        local = cast("LocalChild", child)
        members = await self._containment.members(local.session, local.identity)
        local.close_input()
        if await local.wait_exit(polite):
            return await self._prove_gone(local, "eof", members, term_grace)
        members += await self._containment.members(local.session, local.identity)
        self._signal(local, signal.SIGTERM)
        how = "sigterm" if await local.wait_exit(term_grace) else "sigkill"
        if how == "sigkill":
            self._groups.kill(local.session)
            await self._containment.kill(dict.fromkeys([*self._identity(local), *members]))
            await local.wait_exit(1.0)
        return await self._prove_gone(local, how, members, term_grace)

    async def kill(self, child: Child) -> ProcessEnd:
        """SIGKILL the whole tree at once."""
        local = cast("LocalChild", child)
        self._groups.kill(local.session)
        members = await self._containment.members(local.session, local.identity)
        await self._containment.kill(dict.fromkeys([*self._identity(local), *members]))
        await local.wait_exit(1.0)
        return await self._prove_gone(local, "sigkill", members, 0.0)

    def started_since(self, child: Child, moment: float) -> tuple[int, ...]:
        """Pids of the tree's living processes that started after a moment, which `process_time` gave."""
        local = cast("LocalChild", child)
        if local.identity is None or local.returncode is not None:
            return ()
        try:
            found = self._containment.started_since(local.session, local.identity, moment, self.child_pids)
        except OSError:  # what cannot be looked at may be there
            return (local.pid,)
        return tuple(process.pid for process in found)

    def waits_for_writer(self, child: Child) -> bool | None:
        """Whether one of its threads waits in the opening of a named pipe."""
        return waits_for_writer(child.pid)

    async def collect(self, child: Child, term_grace: float) -> ProcessEnd:
        """The process ended by itself: end what it left behind and prove the tree empty."""
        local = cast("LocalChild", child)
        return await self._prove_gone(local, "exit", [], term_grace)

    async def _prove_gone(self, child: LocalChild, how: str, known: Iterable[ProcessId], grace: float) -> ProcessEnd:
        survivors = await self._containment.end_session(child.session, known, grace)
        await asyncio.wait([child.exited], timeout=0.5)
        code = child.returncode
        child.release()
        self._children.discard(child)
        self._containment.strays.ended(child.session)
        if not survivors:
            self._groups.remove(child.session)
        return ProcessEnd(how, code, tuple(process.pid for process in survivors))

    def _identity(self, child: LocalChild) -> list[ProcessId]:
        return [child.identity] if child.identity is not None and child.returncode is None else []

    def _signal(self, child: LocalChild, number: signal.Signals) -> None:
        for identity in self._identity(child):
            send_signal(identity, number)


def _not_found(spec: LaunchSpec, error: FileNotFoundError) -> BackendMissing | StartFailed:
    if not spec.cwd.is_dir():
        return StartFailed(
            f"The workspace {spec.cwd} does not exist.", remedy="Create it, or change the profile's `workspace`."
        )
    return BackendMissing(
        f"{spec.argv[0]} cannot be started: {error.strerror}.", remedy="`quarterdeck doctor` tells what is missing."
    )
