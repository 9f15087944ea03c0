"""The port to a machine that runs sessions, and this machine behind it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Collection, Mapping
from typing import Protocol

from engine.base.processes import ProcessStat, stat_of
from engine.launchers.base import Launcher
from engine.launchers.containment import Containment
from engine.launchers.host import Host, HostFacts
from engine.launchers.paging import Paging
from engine.launchers.tree_usage import TreeUsage, cpu_of, tree_pss, usage_of


class SessionHost(Protocol):
    """What the pool asks of a machine. Each call may fail as its system does: with OSError."""

    @property
    def id(self) -> str:
        """Names the machine among those that run sessions."""

    @property
    def launcher(self) -> Launcher:
        """Starts, stops and kills the sessions' processes."""

    def facts(self) -> HostFacts:
        """What the machine still has."""

    async def trees(self, roots: Mapping[str, int]) -> dict[str, TreeUsage]:
        """What each session's whole process tree takes, by the pids of their roots. One call at a time."""

    async def memory(self, trees: Mapping[str, TreeUsage], sessions: Collection[str]) -> dict[str, int]:
        """The proportional set size of these sessions' trees, in bytes."""

    def paging_misses(self) -> str:
        """Why no session's memory can be paged out here; empty when it can."""

    async def page_out(self, session: str, tree: TreeUsage) -> bool:
        """Give the memory of a session's tree to swap; whether the system took the order."""

    def own_usage(self) -> tuple[TreeUsage, float] | None:
        """What the engine's own process takes, and its CPU seconds without those of its children."""

    def state(self, pid: int) -> ProcessStat | None:
        """A process as it is now, or None when it is gone."""

    def cpu(self, pid: int) -> float | None:
        """CPU seconds that a process used so far; None when it is gone."""


class ThisHost:
    """This machine; `resources` reads what it still has, `containment` knows the sessions' trees."""

    def __init__(self, launcher: Launcher, containment: Containment, resources: Host, paging: Paging) -> None:
        self.id = socket.gethostname()
        self.launcher = launcher
        self.trees = containment.read_trees
        self._resources = resources
        self.paging_misses = paging.missing
        self._page_out = paging.page_out

    def facts(self) -> HostFacts:
        """What the machine still has."""
        return self._resources.read()

    async def memory(self, trees: Mapping[str, TreeUsage], sessions: Collection[str]) -> dict[str, int]:
        """The proportional set sizes, read in a thread: some milliseconds a session."""
        return await asyncio.to_thread(_sizes, trees, sessions)

    async def page_out(self, session: str, tree: TreeUsage) -> bool:
        """In a thread, for it takes a third of a second."""
        pids = [process.id.pid for process in tree.processes]
        return await asyncio.to_thread(self._page_out, session, pids, tree.rss)

    def own_usage(self) -> tuple[TreeUsage, float] | None:
        """What the engine's own process takes."""
        own = usage_of(os.getpid())
        return (TreeUsage((own,)), cpu_of(own.id.pid) or 0.0) if own is not None else None

    def state(self, pid: int) -> ProcessStat | None:
        """A process as it is now."""
        return stat_of(pid)

    def cpu(self, pid: int) -> float | None:
        """CPU seconds that a process used so far."""
        return cpu_of(pid)


def _sizes(trees: Mapping[str, TreeUsage], sessions: Collection[str]) -> dict[str, int]:
    return {session: tree_pss(trees[session]) for session in sessions}
