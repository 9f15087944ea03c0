"""Strays: processes that the engine adopted, that carry no tag of it, and the sessions that they may belong to."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePath

from engine.base.processes import (
    ENGINE_TAG,
    PROC,
    ProcessId,
    children_of,
    process_time,
    started_since,
    tags_of,
)

_SETTLED = 2
"""Rounds in which a process that belongs to nobody was seen before it is ended: it may just have been launched."""


SessionSeen = Callable[[ProcessId, frozenset[int]], str]
"""The session in whose tree a process was read, or one of its leaders, given by their pids; empty for none."""


@dataclass(frozen=True, slots=True)
class SessionRoot:
    """Where a session's processes come from: its first process, and the directory that it was started in."""

    process: ProcessId
    folder: str


@dataclass(frozen=True, slots=True)
class ProcessTraces:
    """What a process shows of its origin.

    `seen_with` names the session in whose tree it, or the leader of its kernel session or process group, was seen;
    `folder` is its working directory, empty when that cannot be read.
    """

    process: ProcessId
    leaders: frozenset[int]
    seen_with: str
    folder: str


@dataclass(frozen=True, slots=True)
class Stray:
    """One adopted process, the sessions that may have started it, and the rounds in which it was seen."""

    process: ProcessId
    owners: frozenset[str]
    rounds: int = 0


def possible_owners(traces: ProcessTraces, sessions: Mapping[str, SessionRoot]) -> frozenset[str]:
    """The sessions that a process may come from, by the strongest trace that it shows."""
    if traces.seen_with:
        return frozenset({traces.seen_with})
    led = {name for name, root in sessions.items() if root.process.pid in traces.leaders}
    if led:
        return frozenset(led)
    alive_then = {name: root for name, root in sessions.items() if root.process.started <= traces.process.started}
    return _nearest(traces.folder, alive_then) or frozenset(alive_then)


def _nearest(folder: str, sessions: Mapping[str, SessionRoot]) -> frozenset[str]:
    """The sessions in whose directory this folder is; of nested ones those of the innermost."""
    if not folder:
        return frozenset()
    inside = [root.folder for root in sessions.values() if PurePath(folder).is_relative_to(root.folder)]
    deepest = max(inside, key=len, default="")
    return frozenset(name for name, root in sessions.items() if deepest and root.folder == deepest)


class StrayTracker:
    """Owner of the knowledge whose the adopted processes are. Used on the engine's thread.

    Tagged processes are none: a scan finds them. As a guest in a foreign process (`adopts` is off) it claims nothing,
    since children that it does not know may be its host's.
    """

    def __init__(self, engine: str, *, adopts: bool) -> None:
        self._engine = engine
        self._adopts = adopts
        self._born = process_time()
        self._sessions: dict[str, SessionRoot] = {}
        self._launches: list[float] = []
        self._found: dict[ProcessId, Stray] = {}

    def began(self, session: str, process: ProcessId, folder: str) -> None:
        """A session's first process runs."""
        self._sessions[session] = SessionRoot(process, folder)

    def ended(self, session: str) -> None:
        """Nothing is left of the session, or what is left is a stray of nobody."""
        self._sessions.pop(session, None)

    @contextmanager
    def launching(self) -> Iterator[None]:
        """While a child is started that nobody knows by its pid yet: none that starts meanwhile is judged."""
        moment = process_time()
        self._launches.append(moment)
        try:
            yield
        finally:
            self._launches.remove(moment)

    def look(self, own_children: Collection[int], session_seen: SessionSeen) -> None:
        """See which adopted processes there are now. Raises OSError."""
        if not self._adopts:
            return
        found = {}
        for child in children_of(os.getpid(), without=own_children):
            if child.zombie or not started_since(child.id, self._born):
                continue
            stray = self._found.get(child.id) or self._examine(child.id, session_seen)
            if stray is not None:
                found[child.id] = stray
        self._found = found

    def all(self) -> list[ProcessId]:
        """Every stray that was there at the last look."""
        return list(self._found)

    def of(self, session: str) -> list[ProcessId]:
        """Those that no other living session may have started."""
        return [stray.process for stray in self._found.values() if self._living_owners(stray) == {session}]

    def may_be_of(self, session: str, process: ProcessId) -> bool | None:
        """Whether a process may come from a session; None for one that is no stray."""
        stray = self._found.get(process)
        return session in stray.owners if stray is not None else None

    def owned(self) -> dict[int, str]:
        """The session of each stray whose owner is certain, by pid."""
        owners = {stray.process.pid: self._living_owners(stray) for stray in self._found.values()}
        return {pid: next(iter(living)) for pid, living in owners.items() if len(living) == 1}

    def ownerless(self) -> list[ProcessId]:
        """Once a round: those that were seen in an earlier one and that no living session may have started."""
        self._found = {
            process: replace(stray, rounds=stray.rounds + 1) if not self._living_owners(stray) else stray
            for process, stray in self._found.items()
        }
        return [stray.process for stray in self._found.values() if stray.rounds >= _SETTLED]

    def _living_owners(self, stray: Stray) -> frozenset[str]:
        return stray.owners & self._sessions.keys()

    def _examine(self, process: ProcessId, session_seen: SessionSeen) -> Stray | None:
        """The process as a stray; None for a helper of the engine, a tagged one and one that has just been started."""
        if self._launches and started_since(process, min(self._launches)):
            return None
        try:
            leaders = frozenset({os.getsid(process.pid), os.getpgid(process.pid)})
            helper = os.getsid(process.pid) == os.getsid(0)  # agents are started in a kernel session of their own
        except ProcessLookupError:
            return None
        if helper or tags_of(process.pid).get(ENGINE_TAG) == self._engine:
            return None
        traces = ProcessTraces(process, leaders, session_seen(process, leaders), working_directory(process.pid))
        return Stray(process, possible_owners(traces, self._sessions))


def working_directory(pid: int) -> str:
    """Where a process is; empty when that cannot be seen."""
    try:
        return os.readlink(PROC / str(pid) / "cwd")  # noqa: PTH115 - a deleted one is no path
    except OSError:
        return ""
