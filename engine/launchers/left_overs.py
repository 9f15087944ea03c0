"""What an engine that was killed left running: found for `doctor`, ended on request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from engine.base.processes import PROC, ProcessId
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry

_TERM_GRACE_S = 5.0
_COMMAND = 60
"""Characters of a command line that are shown."""


@dataclass(frozen=True, slots=True)
class LeftOver:
    """One process of an engine, with the beginning of its command line."""

    process: ProcessId
    engine: str
    command: str

    def __str__(self) -> str:
        return f"{self.process.pid} ({self.command})"


def of_dead_engines(registry: EngineRegistry) -> list[LeftOver]:
    """Processes whose engine is gone. Raises OSError when nothing can be seen."""
    return [
        LeftOver(process, engine, _command_of(process.pid))
        for engine in registry.dead_engines()
        for process in registry.orphans(engine)
    ]


def end(left: list[LeftOver]) -> list[LeftOver]:
    """SIGTERM, five seconds, SIGKILL; returns those that are still alive. Not for a running event loop."""
    processes = [each.process for each in left]
    alive = asyncio.run(Containment("").end(processes, _TERM_GRACE_S))
    return [each for each in left if each.process in alive]


def _command_of(pid: int) -> str:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    text = b" ".join(words).decode("utf-8", "replace").strip()
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable[:_COMMAND] or "?"
