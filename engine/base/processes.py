"""Who a process is: identity is pid and start time, ownership a tag in its environment.

The reasons are hazards H1 and H2 of docs/development/hazards.md.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")
ENGINE_TAG = "QUARTERDECK_ENGINE"
SESSION_TAG = "QUARTERDECK_SESSION"
_TICKS = os.sysconf("SC_CLK_TCK")
GONE = (FileNotFoundError, ProcessLookupError, NotADirectoryError)
"""Errors that mean that a process is not there. Any other one means that nothing could be seen, and is raised."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same pid; `started` in clock ticks since boot."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """The fields of /proc/PID/stat that containment needs."""

    id: ProcessId
    parent: int
    state: str

    @property
    def zombie(self) -> bool:
        """Whether it has ended and waits to be reaped."""
        return self.state in {"Z", "X"}


def stat_of(pid: int) -> ProcessStat | None:
    """The process as it is now, or None when it is gone. Raises OSError when nothing can be seen."""
    try:
        text = (PROC / str(pid) / "stat").read_bytes()
    except GONE:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return ProcessStat(ProcessId(pid, int(fields[19])), int(fields[1]), fields[0].decode())


def identify(pid: int) -> ProcessId | None:
    """The identity of a running or zombie process, or None when it is gone. Raises OSError."""
    found = stat_of(pid)
    return found.id if found else None


def alive(process: ProcessId) -> bool:
    """Whether this very process still runs; a zombie does not, one that cannot be looked at counts as running."""
    try:
        found = stat_of(process.pid)
    except OSError:
        return True
    return found is not None and found.id == process and not found.zombie


def process_time() -> float:
    """Seconds since boot, the clock that the kernel dates the starts of processes with."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def started_since(process: ProcessId, moment: float) -> bool:
    """Whether a process started at a moment of `process_time` or later, as exactly as the kernel dates starts."""
    return process.started >= int(moment * _TICKS)


def children_of(parent: int, without: Collection[int] = ()) -> list[ProcessStat]:
    """The children of one process but these, zombies included; some microseconds for each of its threads.

    Raises OSError.
    """
    try:
        tasks = os.listdir(PROC / str(parent) / "task")  # noqa: PTH208 - called often
    except GONE:
        return []
    pids: set[int] = set()
    for task in tasks:
        with contextlib.suppress(*GONE), open(f"/proc/{parent}/task/{task}/children", "rb") as children:  # noqa: PTH123
            pids.update(map(int, children.read().split()))
    return [stat for pid in pids.difference(without) if (stat := stat_of(pid)) is not None]


@cache
def boot_id() -> str:
    """Names this boot of the machine: pids of another boot mean nothing. Raises OSError."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return ""


def all_stats() -> list[ProcessStat]:
    """Every process of the machine. Raises OSError when not all of them can be seen."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
    return [found for pid in pids if (found := stat_of(pid)) is not None]


def tags_of(pid: int) -> dict[str, str]:
    """The engine's tags in a process's environment; empty when it is a stranger's, a zombie or gone. Raises OSError."""
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except (*GONE, PermissionError):
        return {}
    if ENGINE_TAG.encode() not in environment:
        return {}
    pairs = (entry.partition(b"=") for entry in environment.split(b"\0"))
    wanted = {ENGINE_TAG.encode(), SESSION_TAG.encode()}
    return {name.decode(): value.decode("utf-8", "replace") for name, _, value in pairs if name in wanted}


def tagged(matches: Callable[[dict[str, str]], bool]) -> list[ProcessId]:
    """All living processes whose tags match."""
    me = os.getpid()
    return [
        found.id
        for found in all_stats()
        if found.id.pid != me and not found.zombie and (tags := tags_of(found.id.pid)) and matches(tags)
    ]


def descendants(root: int) -> list[ProcessId]:
    """All living processes below `root`, nearest first, found by parent."""
    return trees([root], all_stats())[root]


def trees(roots: Iterable[int], stats: Iterable[ProcessStat]) -> dict[int, list[ProcessId]]:
    """The living processes below each root in one reading of the machine, nearest first."""
    children: dict[int, list[ProcessStat]] = {}
    for found in stats:
        children.setdefault(found.parent, []).append(found)
    return {root: _below(root, children) for root in roots}


def _below(root: int, children: Mapping[int, list[ProcessStat]]) -> list[ProcessId]:
    below: list[ProcessId] = []
    front = [root]
    while front:
        born = [child for parent in front for child in children.get(parent, ())]
        below += [child.id for child in born if not child.zombie]
        front = [child.id.pid for child in born]
    return below


def send_signal(process: ProcessId, number: signal.Signals) -> bool:
    """Signal this very process through a pidfd, never a later owner of its pid; False when it is gone.

    One that cannot be signalled (no descriptor left, another user's) is still there.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    try:
        if identify(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    finally:
        os.close(handle)
    return True
