"""Readings of process trees: CPU in percent of a core since the last reading, memory in bytes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from engine.base.processes import ProcessId
from engine.events.types import Reading
from engine.launchers.tree_usage import TreeUsage


class Readings:
    """Owner of the CPU times that were read last, each with its time; `now` is a monotonic time in seconds."""

    def __init__(self) -> None:
        self._last: dict[ProcessId, tuple[float, float]] = {}
        self._own: tuple[float, float] | None = None

    def read(self, trees: Mapping[str, TreeUsage], now: float) -> list[Reading]:
        """One reading for each session's tree."""
        before, self._last = self._last, {tree.processes[0].id: (tree.cpu, now) for tree in trees.values()}
        return [_reading(name, tree, tree.cpu, now, before.get(tree.processes[0].id)) for name, tree in trees.items()]

    def read_own(self, tree: TreeUsage, cpu: float, now: float) -> Reading:
        """The engine's own process; `cpu` is without its children, whose time is the sessions'."""
        before, self._own = self._own, (cpu, now)
        return _reading("", tree, cpu, now, before)


def _reading(name: str, tree: TreeUsage, used: float, now: float, last: tuple[float, float] | None) -> Reading:
    before_used, before = last or (used, now)
    grown = max(0.0, used - before_used)  # an orphan takes its time with it
    percent = 100.0 * grown / (now - before) if now > before else 0.0
    return Reading(name, round(percent, 1), tree.rss, len(tree.processes))
