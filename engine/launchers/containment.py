"""Ends whole process trees: every descendant, tools in their own process groups included."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Collection, Iterable, Mapping
from time import sleep

from engine.base.processes import (
    ENGINE_TAG,
    SESSION_TAG,
    ProcessId,
    ProcessStat,
    alive,
    all_stats,
    children_of,
    descendants,
    send_signal,
    started_since,
    tags_of,
)
from engine.launchers.strays import StrayTracker
from engine.launchers.tree_usage import TreeReader, TreeUsage, session_of

_POLL_S = 0.02
_KILL_WAIT_S = 5.0
_ZOMBIE_ROUNDS = 3
_MOST_SEEN = 16 * 1024
"""Processes that are remembered as a session's, the ended ones included."""
_SCANS = 5
"""Times that a tree is looked for until nothing is found: each may start something while it is ended."""
_LOOKS = 50
"""Tries of a scan that cannot see the machine (no descriptor left)."""
_LOOK_AGAIN_S = 0.1


class Containment:
    """Knows which processes belong to this engine's sessions, and ends them.

    With `adopts`, every child of this process that nobody launched belongs to a session, or is ended; else this process
    is a host whose children are its own affair, and only those with a tag count.
    Used on the engine's thread; the scans of /proc run in a worker thread and are shared by all who wait.
    """

    def __init__(self, engine: str, *, adopts: bool = False) -> None:
        self.engine = engine
        self.own_children: Callable[[], Collection[int]] = frozenset
        """Pids of the children that the launcher started."""
        self.strays = StrayTracker(engine, adopts=adopts)
        self._scan: asyncio.Task[dict[str, list[ProcessId]]] | None = None
        self._next_scan: asyncio.Task[dict[str, list[ProcessId]]] | None = None
        self._seen_zombies: dict[ProcessId, int] = {}
        self._sighted: dict[str, list[ProcessId]] = {}
        self._adopts = adopts
        # In the order in which they were seen last; at the bound the first are forgotten.
        self._ours: dict[ProcessId, None] = {}
        self._trees = TreeReader(engine)

    def tags(self, session: str) -> dict[str, str]:
        """The environment entries that mark a process as the session's."""
        return {ENGINE_TAG: self.engine, SESSION_TAG: f"{self.engine}/{session}"}

    async def read_trees(self, roots: Mapping[str, int]) -> dict[str, TreeUsage]:
        """Read the sessions' trees, by the pids of their roots, and remember who is in them. One call at a time.

        A tool that later leaves its tree and has dropped its tag is still known as the session's.
        """
        self._look_for_strays()
        trees = await asyncio.to_thread(self._trees.read, roots, self.strays.owned())
        for session, tree in trees.items():
            self._sighted[session] = [process.id for process in tree.processes]
            self._saw(self._sighted[session])
        return trees

    @property
    def untagged(self) -> frozenset[ProcessId]:
        """The processes of our sessions that no later engine would find by their tag."""
        return frozenset([*self._trees.untagged, *self.strays.all()])

    async def end_ownerless(self, term_grace: float) -> tuple[list[ProcessId], list[ProcessId]]:
        """Once a round: end the strays that no living session can have started; those found, and those still alive.

        Raises OSError.
        """
        self._look_for_strays()
        found = self.strays.ownerless()
        return found, await self.end(_with_descendants(found), term_grace) if found else []

    async def end_everything(self, tagged: Callable[[], list[ProcessId]], term_grace: float) -> list[ProcessId]:
        """No session is left: end what `tagged` finds and every stray until nothing is found; returns survivors."""
        left: list[ProcessId] = []
        for _ in range(_SCANS):
            found = [*await asyncio.to_thread(tagged), *self._strays_now(self.strays.all)]
            left = [process for process in dict.fromkeys([*left, *found]) if alive(process)]
            if not left:
                return []
            left = await self.end(left, term_grace)
            term_grace = 0.0
        return [process for process in left if alive(process)]

    def started_since(self, session: str, root: ProcessId, moment: float, own_children: set[int]) -> list[ProcessId]:
        """Living processes of a session that started after `moment`, below its root, adopted or seen in its tree.

        It reads only the session's own processes and those that the engine adopted: some 0.2 ms. One that was adopted
        before anybody could know whose it is counts for every session. Raises OSError.
        """
        found = [stat.id for stat in _below(root.pid) if not stat.zombie]
        self._look_for_strays()
        adopted = [stat.id for stat in children_of(os.getpid(), without=own_children) if not stat.zombie]
        found += [process for process in adopted if self._may_be_of(session, process)]
        found += [process for process in self._sighted.get(session, ()) if alive(process)]  # a guest adopts none
        return [process for process in dict.fromkeys(found) if started_since(process, moment)]

    def _may_be_of(self, session: str, process: ProcessId) -> bool:
        as_stray = self.strays.may_be_of(session, process)
        if as_stray is not None:
            return as_stray
        owner = session_of(process.pid, self.engine)
        owner = owner or next((name for name, seen in self._sighted.items() if process in seen), "")
        return owner == session if owner else _left_process_session(process.pid)

    async def members(self, session: str, root: ProcessId | None = None) -> list[ProcessId]:
        """All living processes of a session: by tag, by descent from `root`, its strays, and those seen in its tree."""
        before = filter(alive, self._sighted.get(session, ()))
        try:
            by_tag = (await self._tagged_now()).get(f"{self.engine}/{session}", [])
            below = await asyncio.to_thread(descendants, root.pid) if root is not None and alive(root) else []
            below += self._strays_now(lambda: self.strays.of(session))
        except OSError:  # the machine cannot be seen: whoever was there before counts as there
            return list(dict.fromkeys([*([root] if root is not None else []), *before]))
        return list(dict.fromkeys([*by_tag, *below, *before]))

    async def by_session(self) -> dict[str, list[ProcessId]]:
        """Every living process that carries this engine's tag, by its session's id."""
        prefix = f"{self.engine}/"
        found = await self._tagged_now()
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
        for _ in range(_SCANS):
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

        A zombie has no environment left, so one that nobody collected in three rounds counts as adopted, unless it may
        be a child of this process by another way: where all children are the engine's, those in its own kernel session,
        to which no agent's process can come; as a guest, all that were not seen as a session's while they lived.
        """
        adopted = self._escaped if self._adopts else self._ours.__contains__
        waiting = [stat.id for stat in children_of(os.getpid(), without=own_children) if stat.zombie]
        zombies = [process for process in waiting if adopted(process)]
        self._seen_zombies = {zombie: self._seen_zombies.get(zombie, 0) + 1 for zombie in zombies}
        return [
            zombie.pid for zombie, rounds in self._seen_zombies.items() if rounds >= _ZOMBIE_ROUNDS and _reap(zombie)
        ]

    def _escaped(self, process: ProcessId) -> bool:
        return process in self._ours or _left_process_session(process.pid)

    def _saw(self, processes: Iterable[ProcessId]) -> None:
        """Remember processes as a session's."""
        for process in processes:
            self._ours.pop(process, None)
            self._ours[process] = None
        for forgotten in list(self._ours)[: max(0, len(self._ours) - _MOST_SEEN)]:
            del self._ours[forgotten]

    def _look_for_strays(self) -> None:
        self.strays.look(self.own_children(), self._session_seen)

    def _strays_now(self, chosen: Callable[[], list[ProcessId]]) -> list[ProcessId]:
        """The strays chosen, as they are now, with all that is below them."""
        self._look_for_strays()
        return _with_descendants(chosen())

    def _session_seen(self, process: ProcessId, leaders: frozenset[int]) -> str:
        """The session in whose tree a process was read, or the leader of its kernel session or process group."""
        seen_in = (
            name
            for name, seen in self._sighted.items()
            if process in seen or any(other.pid in leaders for other in seen)
        )
        return self._trees.owner_of(process) or next(seen_in, "")

    async def _tagged_now(self) -> dict[str, list[ProcessId]]:
        """Every living process that carries this engine's tag, by its session's tag. Raises OSError."""
        found = await self._fresh_scan()
        for processes in found.values():
            self._saw(processes)
        return found

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
    """The scan, in a worker thread; tried again while nothing can be seen. Raises OSError when that lasts."""
    for left in reversed(range(_LOOKS)):
        try:
            return _scan_once(engine)
        except OSError:
            if not left:
                raise
        sleep(_LOOK_AGAIN_S)
    return {}


def _scan_once(engine: str) -> dict[str, list[ProcessId]]:
    found: dict[str, list[ProcessId]] = {}
    for stat in all_stats():
        if stat.zombie or stat.id.pid == os.getpid():
            continue
        tags = tags_of(stat.id.pid)
        if tags.get(ENGINE_TAG) == engine:
            found.setdefault(tags.get(SESSION_TAG, ""), []).append(stat.id)
    return found


def _left_process_session(pid: int) -> bool:
    """Whether a process is in another process session than the engine, whose own helpers stay in it."""
    try:
        return os.getsid(pid) != os.getsid(0)
    except OSError:  # it has just ended
        return False


def _with_descendants(processes: Iterable[ProcessId]) -> list[ProcessId]:
    return [each for process in processes for each in [process, *(stat.id for stat in _below(process.pid))]]


def _below(root: int) -> list[ProcessStat]:
    below, front = [], children_of(root)
    while front:
        below += front
        front = [child for parent in front for child in children_of(parent.id.pid)]
    return below


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
