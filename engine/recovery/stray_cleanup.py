"""The upkeep of strays: ends those whose sessions are gone, and writes down what a later engine could not find."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.base.processes import ProcessId
from engine.events.bus import Bus
from engine.events.types import OrphansReaped
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry


@dataclass
class StrayCleanup:
    """Owner of what was written down last; `term_grace` gives the seconds between SIGTERM and SIGKILL."""

    containment: Containment
    ledger: EngineRegistry
    bus: Bus
    term_grace: Callable[[], float]
    recorded: frozenset[ProcessId] = field(default_factory=frozenset)

    async def end(self) -> None:
        """Once a round: end the strays that no living session can have started. Raises OSError."""
        found, left = await self.containment.end_ownerless(self.term_grace())
        if ended := [process.pid for process in found if process not in left]:
            self.bus.publish(OrphansReaped(pids=ended, origin="sessions that have ended"))

    async def record(self) -> None:
        """Once a round: write the processes without a tag down when they have changed. Raises OSError."""
        untagged = self.containment.untagged
        if untagged != self.recorded:
            await asyncio.to_thread(self.ledger.record_untagged, self.containment.engine, untagged)
            self.recorded = untagged
