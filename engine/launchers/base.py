"""The port to where a process runs: this machine now, a cluster node later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What to start: `argv` without a shell, the whole environment, and the session it belongs to.

    `agent` is off for a program of the operator's, such as an alert's command: that may act on the engine.
    """

    session: str
    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    agent: bool = True


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How a process tree ended; `survivors` are pids that are still there and should not be."""

    how: str
    exit_code: int | None
    survivors: tuple[int, ...] = ()


class Child(Protocol):
    """A started process with a duplex stream of bytes."""

    @property
    def pid(self) -> int:
        """Process id, or 0 where there is none."""

    @property
    def exited(self) -> asyncio.Future[int]:
        """Done with the exit code (negative: signal) once the process ended and its output was read."""

    @property
    def stderr_tail(self) -> str:
        """The last kilobytes of its standard error."""

    def write(self, data: bytes) -> None:
        """Queue bytes for its standard input; ignored once that is closed."""

    async def drain(self) -> None:
        """Wait until standard input takes more."""

    def close_input(self) -> None:
        """Send end of file."""


class Launcher(Protocol):
    """Starts processes and ends their whole trees."""

    async def launch(self, spec: LaunchSpec, on_output: Callable[[bytes], None]) -> Child:
        """Start a process. Raises StartFailed or BackendMissing."""

    async def stop(self, child: Child, *, polite: float, term_grace: float) -> ProcessEnd:
        """End the whole tree: EOF for `polite` seconds, SIGTERM for `term_grace` seconds, SIGKILL."""

    async def kill(self, child: Child) -> ProcessEnd:
        """End the whole tree at once with SIGKILL."""

    def started_since(self, child: Child, moment: float) -> tuple[int, ...]:
        """Pids of the tree's living processes that started after a moment, which `process_time` gave."""

    def waits_for_writer(self, child: Child) -> bool | None:
        """Whether the process waits in the opening of a named pipe; None where that cannot be seen."""

    async def collect(self, child: Child, term_grace: float) -> ProcessEnd:
        """The process ended by itself: end what it left behind."""
