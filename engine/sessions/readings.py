"""Resource readings of the sessions' processes: CPU in percent of a core since the last reading, RSS in bytes."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from engine.events.types import Reading


class Readings:
    """Owner of what was read last; `now` is a monotonic time in seconds."""

    def __init__(self) -> None:
        self._processes: dict[str, psutil.Process] = {}
        self._last: dict[str, tuple[float, float]] = {}

    def read(self, pids: Mapping[str, int], now: float) -> list[Reading]:
        """One reading for each name whose process is there; 25 µs a process."""
        for gone in self._processes.keys() - pids.keys():
            del self._processes[gone]
            self._last.pop(gone, None)
        return [reading for name, pid in pids.items() if (reading := self._one(name, pid, now)) is not None]

    def _one(self, name: str, pid: int, now: float) -> Reading | None:
        try:
            process = self._processes.get(name)
            if process is None or process.pid != pid:
                process = self._processes[name] = psutil.Process(pid)
            with process.oneshot():
                times, rss = process.cpu_times(), process.memory_info().rss
        except psutil.Error:
            return None
        used = times.user + times.system
        before_used, before = self._last.get(name, (used, now))
        self._last[name] = (used, now)
        percent = 100.0 * (used - before_used) / (now - before) if now > before else 0.0
        return Reading(name, round(percent, 1), rss)


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
