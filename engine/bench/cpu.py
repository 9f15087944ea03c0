"""CPU seconds of processes: what a benchmark gates on, because the clock on the wall has neighbours."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.base.version import __version__


@dataclass
class Spent:
    """What a stretch of work took: wall seconds, CPU seconds of this process and of the agents."""

    wall: float = 0.0
    own: float = 0.0
    agents: float = 0.0

    def add(self, other: Spent) -> None:
        """Both stretches together."""
        self.wall += other.wall
        self.own += other.own
        self.agents += other.agents

    @property
    def cpu(self) -> float:
        """All CPU seconds."""
        return self.own + self.agents


class Meter:
    """Measures from its making to `read`; the agents are `pids` that live on, and all children that ended meanwhile."""

    def __init__(self, pids: Iterable[int] = ()) -> None:
        self._pids = list(pids)
        self._wall, self._own, self._ended = time.perf_counter(), time.process_time(), _ended_children()
        self._living = cpu_seconds(self._pids)

    def read(self) -> Spent:
        """What was spent since."""
        agents = cpu_seconds(self._pids) - self._living + _ended_children() - self._ended
        return Spent(time.perf_counter() - self._wall, time.process_time() - self._own, agents)


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU seconds of processes and of their children that have ended."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def fastest(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of the fastest of several runs: whatever else the process does only adds."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def _ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def describe(cli_version: str = "") -> dict[str, str | int | float]:
    """Facts about this machine that explain a figure; no name, address or path of it."""
    return {
        "quarterdeck": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "claude": cli_version,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
