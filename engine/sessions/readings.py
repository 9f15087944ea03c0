"""Readings of the sessions' process trees: CPU in percent of a core since the last reading, memory in bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psutil

from engine.base.processes import ProcessId
from engine.events.types import Reading
from engine.launchers.tree_usage import ProcessUsage, TreeUsage, usage_of


class Readings:
    """Owner of the CPU times that were read last; `now` is a monotonic time in seconds."""

    def __init__(self) -> None:
        self._last: dict[ProcessId, tuple[float, float]] = {}

    def read(self, trees: Mapping[str, TreeUsage], now: float) -> list[Reading]:
        """One reading for each session's tree, and one without a name for the engine's own process."""
        own = usage_of(os.getpid())
        trees = {**trees, "": TreeUsage((own,))} if own is not None else trees
        before, self._last = self._last, {}
        return [self._one(name, tree, now, before) for name, tree in trees.items()]

    def _one(self, name: str, tree: TreeUsage, now: float, last: Mapping[ProcessId, tuple[float, float]]) -> Reading:
        root, used = tree.processes[0].id, tree.cpu if name else _own_time(tree.processes[0])
        self._last[root] = (used, now)
        before_used, before = last.get(root, (used, now))
        grown = max(0.0, used - before_used)  # an orphan takes its time with it
        percent = 100.0 * grown / (now - before) if now > before else 0.0
        return Reading(name, round(percent, 1), tree.rss, len(tree.processes))


def _own_time(engine: ProcessUsage) -> float:
    """CPU seconds of the engine without its children, whose time is the sessions'."""
    used = cpu_of(engine.id.pid)
    return used if used is not None else 0.0


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
