"""Ends whole process trees: every descendant, tools in their own process groups included."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable, Mapping

from engine.launchers.processes import (
    ENGINE_TAG,
    PROC,
    SESSION_TAG,
    ProcessId,
    ProcessStat,
    alive,
    all_stats,
    descendants,
    send_signal,
    stat_of,
    tags_of,
    trees,
)

_POLL_S = 0.02
_KILL_WAIT_S = 5.0
_ZOMBIE_ROUNDS = 3
_SIGHTED_KEPT = 256


class Containment:
    """Knows which processes belong to this engine's sessions, and ends them.

    Used on the engine's thread; the scans of /proc run in a worker thread and are shared by all who wait.
    """

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self._scan: asyncio.Task[dict[str, list[ProcessId]]] | None = None
        self._next_scan: asyncio.Task[dict[str, list[ProcessId]]] | None = None
        self._seen_zombies: dict[ProcessId, int] = {}
        self._sighted: dict[str, list[ProcessId]] = {}

    def tags(self, session: str) -> dict[str, str]:
        """The environment entries that mark a process as the session's."""
        return {ENGINE_TAG: self.engine, SESSION_TAG: f"{self.engine}/{session}"}

    async def look(self, roots: Mapping[str, int]) -> dict[str, int]:
        """Look at the sessions' trees, by the pids of their roots, and remember who is in them; returns their sizes.

        A tool that later leaves its tree and has dropped its tag is still known as the session's.
        """
        seen = await asyncio.to_thread(lambda: trees(roots.values(), all_stats()))
        for session, pid in roots.items():
            known = [process for process in self._sighted.get(session, ()) if process not in seen[pid]]
            self._sighted[session] = [*filter(alive, known), *seen[pid]][-_SIGHTED_KEPT:]
        return {session: 1 + len(seen[pid]) for session, pid in roots.items()}

    async def members(self, session: str, root: ProcessId | None = None) -> list[ProcessId]:
        """All living processes of a session: by tag, by descent from `root`, and those that were in its tree before."""
        by_tag = (await self._fresh_scan()).get(f"{self.engine}/{session}", [])
        below = await asyncio.to_thread(descendants, root.pid) if root is not None and alive(root) else []
        before = filter(alive, self._sighted.get(session, ()))
        return list(dict.fromkeys([*by_tag, *below, *before]))

    async def by_session(self) -> dict[str, list[ProcessId]]:
        """Every living process that carries this engine's tag, by its session's id."""
        prefix = f"{self.engine}/"
        found = await self._fresh_scan()
        return {tag.removeprefix(prefix): mine for tag, mine in found.items() if tag.startswith(prefix)}

    async def end(self, processes: Iterable[ProcessId], term_grace: float) -> list[ProcessId]:
        """SIGTERM, up to `term_grace` seconds, SIGKILL; returns those that are still alive."""
        left = _signal_all(processes, signal.SIGTERM)
        left = await _wait_gone(left, term_grace)
        return await self.kill(left)

    async def kill(self, processes: Iterable[ProcessId]) -> list[ProcessId]:
        """SIGKILL; returns those that are still alive after five seconds (stuck in the kernel)."""
        return await _wait_gone(_signal_all(processes, signal.SIGKILL), _KILL_WAIT_S)

    async def end_session(self, session: str, known: Iterable[ProcessId], term_grace: float) -> list[ProcessId]:
        """End what is left of a session until a scan finds nothing more; returns the survivors.

        `known` are members seen earlier: they count even if they dropped their tag since.
        """
        suspects = list(known)
        for _ in range(5):
            found = await self.members(session)
            left = [process for process in dict.fromkeys([*suspects, *found]) if alive(process)]
            if not left:
                self._sighted.pop(session, None)
                return []
            suspects = await self.end(left, term_grace)
            term_grace = 0.0
        return [process for process in suspects if alive(process)]

    def reap_adopted(self, own_children: set[int]) -> list[int]:
        """Reap zombies that this process adopted, one by one by pid, never those in `own_children`.

        A zombie has no environment left, so one that nobody collected in three rounds counts as adopted.
        """
        zombies = {stat.id for stat in _children_of(os.getpid()) if stat.zombie and stat.id.pid not in own_children}
        self._seen_zombies = {zombie: self._seen_zombies.get(zombie, 0) + 1 for zombie in zombies}
        return [
            zombie.pid for zombie, rounds in self._seen_zombies.items() if rounds >= _ZOMBIE_ROUNDS and _reap(zombie)
        ]

    async def _fresh_scan(self) -> dict[str, list[ProcessId]]:
        """A scan that began after this call; at most one runs and one waits."""
        if self._scan is None or self._scan.done():
            self._scan = asyncio.create_task(asyncio.to_thread(_by_session, self.engine))
            return await asyncio.shield(self._scan)
        if self._next_scan is None or self._next_scan.done():
            self._next_scan = asyncio.create_task(self._scan_after(self._scan))
        return await asyncio.shield(self._next_scan)

    async def _scan_after(self, running: asyncio.Task[dict[str, list[ProcessId]]]) -> dict[str, list[ProcessId]]:
        await asyncio.wait([running])
        self._next_scan = None
        self._scan = asyncio.create_task(asyncio.to_thread(_by_session, self.engine))
        return await self._scan


def _by_session(engine: str) -> dict[str, list[ProcessId]]:
    found: dict[str, list[ProcessId]] = {}
    for stat in all_stats():
        if stat.zombie or stat.id.pid == os.getpid():
            continue
        tags = tags_of(stat.id.pid)
        if tags.get(ENGINE_TAG) == engine:
            found.setdefault(tags.get(SESSION_TAG, ""), []).append(stat.id)
    return found


def _children_of(parent: int) -> list[ProcessStat]:
    pids: set[int] = set()
    for task in (PROC / str(parent) / "task").iterdir():
        try:
            pids.update(map(int, (task / "children").read_bytes().split()))
        except OSError:
            continue
    return [stat for pid in pids if (stat := stat_of(pid)) is not None]


def _reap(zombie: ProcessId) -> bool:
    try:
        pid, _ = os.waitpid(zombie.pid, os.WNOHANG)
    except ChildProcessError:
        return False
    return pid == zombie.pid


def _signal_all(processes: Iterable[ProcessId], number: signal.Signals) -> list[ProcessId]:
    return [process for process in processes if send_signal(process, number)]


async def _wait_gone(processes: list[ProcessId], seconds: float) -> list[ProcessId]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    left = [process for process in processes if alive(process)]
    while left and loop.time() < deadline:
        await asyncio.sleep(_POLL_S)
        left = [process for process in left if alive(process)]
    return left
