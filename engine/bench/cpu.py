"""CPU seconds of processes: what a benchmark gates on, because the clock on the wall has neighbours."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil


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


def _ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
