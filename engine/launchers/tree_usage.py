"""What whole process trees take: one reading of /proc for all sessions, tools that left their tree included."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import psutil

from engine.base.processes import ENGINE_TAG, GONE, SESSION_TAG, ProcessId, tags_of

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_STAT_BYTES = 2048


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """One living process: `cpu` in seconds, its ended and reaped children included; `rss` in bytes."""

    id: ProcessId
    parent: int
    cpu: float
    rss: int


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """A session's living processes, its root first, and their sums in seconds and bytes."""

    processes: tuple[ProcessUsage, ...]

    @property
    def cpu(self) -> float:
        """CPU seconds of the tree; a child that its parent reaps stays counted."""
        return sum(process.cpu for process in self.processes)

    @property
    def rss(self) -> int:
        """Resident memory in bytes; pages that processes share count once for each."""
        return sum(process.rss for process in self.processes)


class TreeReader:
    """Owner of the knowledge which process belongs to which session.

    A process belongs to the session whose root is above it. One whose parents have ended is known from an earlier
    reading, or by its tag, which is read once in its life. Call it from one thread at a time.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._owners: dict[ProcessId, str] = {}
        self._tagged: dict[ProcessId, bool] = {}

    @property
    def untagged(self) -> list[ProcessId]:
        """Those of the sessions' processes that carried no tag when they were first read."""
        return [process for process, tagged in self._tagged.items() if not tagged]

    def owner_of(self, process: ProcessId) -> str:
        """The session in whose tree a process was at the last reading, empty for one of nobody here."""
        return self._owners.get(process, "")

    def read(self, roots: Mapping[str, int], strays: Mapping[int, str] = MappingProxyType({})) -> dict[str, TreeUsage]:
        """The tree of each session whose root, given by its pid, is alive; about 10 µs for a process of the machine.

        `strays` names the sessions of processes that left their trees, by pid.
        """
        usages = {usage.id.pid: usage for usage in all_usages()}
        sessions = {pid: session for session, pid in roots.items() if pid in usages}
        owners: dict[int, str] = {**{pid: session for pid, session in strays.items() if pid in usages}, **sessions}
        for pid in usages:
            if pid not in owners:
                self._resolve(pid, usages, owners)
        found: dict[str, list[ProcessUsage]] = {session: [usages[pid]] for pid, session in sessions.items()}
        tagged: dict[ProcessId, bool] = {}
        for pid, session in owners.items():
            if session in found and pid not in sessions:
                found[session].append(usages[pid])
                process = usages[pid].id
                known = self._tagged.get(process)
                tagged[process] = known if known is not None else bool(session_of(pid, self._engine))
        self._tagged = tagged
        self._owners = {usages[pid].id: session for pid, session in owners.items()}
        return {session: TreeUsage(tuple(mine)) for session, mine in found.items()}

    def _resolve(self, pid: int, usages: Mapping[int, ProcessUsage], owners: dict[int, str]) -> None:
        """Find the owner of a process and of those above it, from the nearest one whose owner is known."""
        path: list[int] = []
        while pid in usages and pid not in owners and pid not in path:
            path.append(pid)
            pid = usages[pid].parent
        owner = owners.get(pid, "")
        for each in reversed(path):
            owner = owners[each] = owner or self._remembered(usages[each].id)

    def _remembered(self, process: ProcessId) -> str:
        known = self._owners.get(process)
        return known if known is not None else session_of(process.pid, self._engine)


def session_of(pid: int, engine: str) -> str:
    """The session whose tag a process carries; empty for a process of nobody here."""
    tags = tags_of(pid)
    return tags.get(SESSION_TAG, "").removeprefix(f"{engine}/") if tags.get(ENGINE_TAG) == engine else ""


def all_usages() -> Iterable[ProcessUsage]:
    """Every living process of the machine that is no zombie."""
    names = os.listdir("/proc")  # noqa: PTH208 - called often
    return [found for name in names if name.isdecimal() and (found := usage_of(int(name))) is not None]


def usage_of(pid: int) -> ProcessUsage | None:
    """One process as it is now; None for one that has ended. Raises OSError when nothing can be seen."""
    try:
        handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            text = os.read(handle, _STAT_BYTES)
        finally:
            os.close(handle)
    except GONE:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    if fields[0] in {b"Z", b"X"}:
        return None
    ticks = int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])
    return ProcessUsage(ProcessId(pid, int(fields[19])), int(fields[1]), ticks / _TICKS, int(fields[21]) * _PAGE)


def tree_pss(tree: TreeUsage) -> int:
    """Proportional set size of a whole tree in bytes; a process whose own cannot be read counts by its RSS."""
    return sum(_pss_or_rss(process) for process in tree.processes)


def _pss_or_rss(process: ProcessUsage) -> int:
    if (pss := pss_of(process.id.pid)) is not None:
        return pss
    now = usage_of(process.id.pid)
    return now.rss if now is not None and now.id == process.id else 0


def pss_of(pid: int) -> int | None:
    """Proportional set size of one process in bytes, from the kernel's own sum; None when it is gone. Some 2 ms."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:  # noqa: PTH123 - called often
            line = next((line for line in rollup if line.startswith(b"Pss:")), None)
    except OSError:
        return None
    return int(line.split()[1]) * 1024 if line is not None else None


def cpu_of(pid: int) -> float | None:
    """CPU seconds that a process used so far; None when it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)
