"""The profiler, and what it reads of the other parts."""

from __future__ import annotations

from collections.abc import Mapping

from engine.launchers.tree_usage import TreeUsage
from engine.parts.core import Core
from engine.parts.part import Part
from engine.parts.sessions import Sessions
from engine.profiling.profiler import Profiler, ProfilerPorts
from engine.profiling.session_usage import read_trees


class Profiling(Part):
    """Owner of the profiler, which is off until somebody starts it."""

    def __init__(self, core: Core, sessions: Sessions) -> None:
        self._sessions = sessions
        self.profiler = Profiler(
            ProfilerPorts(
                settings=lambda: core.settings.profiler,
                folder=lambda: core.settings.captures,
                publish=core.bus.publish,
                clock=core.clock,
                trees=self._trees,
            )
        )

    async def stop(self, *, at_once: bool) -> None:
        """End a capture under way; its files are written unless all ends at once."""
        await self.profiler.aclose(at_once=at_once)

    async def _trees(self) -> Mapping[str, TreeUsage]:
        members = self._sessions.pool.members
        return await read_trees({name: each.session.pid for name, each in members.items() if each.session.pid})
