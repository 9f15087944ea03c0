"""The profiler and the performance indicators, and what they read of the other parts."""

from __future__ import annotations

from collections.abc import Mapping

from engine.launchers.tree_usage import TreeUsage
from engine.maintenance import Maintenance
from engine.parts.core import Core
from engine.parts.part import Part
from engine.parts.sessions import Sessions
from engine.profiling.loop_lag import LoopLag
from engine.profiling.performance import PerformanceMeter
from engine.profiling.profiler import Profiler, ProfilerPorts
from engine.profiling.session_usage import read_trees


class Profiling(Part):
    """Owner of the profiler, off until somebody starts it, and of the indicators, which are always measured."""

    def __init__(self, core: Core, sessions: Sessions, maintenance: Maintenance) -> None:
        self._sessions = sessions
        lag = LoopLag()
        self.performance = PerformanceMeter(core.bus, lag, core.clock.monotonic)
        maintenance.add("the performance indicators", self.performance.measure, essential=False)
        self.profiler = Profiler(
            ProfilerPorts(
                settings=lambda: core.settings.profiler,
                folder=lambda: core.settings.captures,
                publish=core.bus.publish,
                clock=core.clock,
                trees=self._trees,
                lag=lag,
            )
        )

    async def open(self) -> None:
        """Measure the loop and the garbage collector from now on."""
        self.performance.open()

    async def aclose(self) -> None:
        """Measure no more."""
        self.performance.close()

    async def stop(self, *, at_once: bool) -> None:
        """End a capture under way; its files are written unless all ends at once."""
        await self.profiler.aclose(at_once=at_once)

    async def _trees(self) -> Mapping[str, TreeUsage]:
        members = self._sessions.pool.members
        return await read_trees({name: each.session.pid for name, each in members.items() if each.session.pid})
