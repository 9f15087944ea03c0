"""Takes away what is proven to be ours and of no more use: what dead engines and dead sessions left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from engine.base.clock import Clock
from engine.base.errors import ConversationHeld
from engine.base.processes import ProcessId, alive
from engine.events.bus import Bus
from engine.events.types import OrphansReaped
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry
from engine.pool.conversations import Conversations
from engine.recovery.strategies.base import Cleaned
from engine.store.leases import SqliteLeases
from engine.store.sqlite import StoreUnusable

_TERM_GRACE_S = 5.0
_DRAFT_AGE_S = 3600.0
"""A draft that nobody finished in that time has lost its writer: writing one takes milliseconds."""


@dataclass(frozen=True)
class Cleanup:
    """`living` names the pool's sessions; `drafts` are folders of ours where files are written as `*.new` first."""

    containment: Containment
    registry: EngineRegistry
    leases: SqliteLeases
    conversations: Conversations
    living: Callable[[], Collection[str]]
    own_children: Callable[[], set[int]]
    drafts: tuple[Path, ...]
    bus: Bus
    clock: Clock

    async def clean(self) -> Cleaned:
        """All of it."""
        zombies = len(self.containment.reap_adopted(self.own_children()))
        of_sessions, survivors = await self._dead_sessions()
        of_engines, leases = await self.dead_engines()
        files = await asyncio.to_thread(self._old_drafts)
        return Cleaned(of_sessions + of_engines, zombies, leases, files, survivors)

    async def dead_engines(self) -> tuple[int, int]:
        """End what dead engines left and give free what they held; the numbers of processes and of conversations.

        Dead is an engine of our ledger whose process is gone, and of which nothing is left that carries its tag.
        """
        ended = leases = 0
        for engine in self.registry.dead_engines():
            orphans = await asyncio.to_thread(self.registry.orphans, engine)
            left = await self.containment.end(orphans, _TERM_GRACE_S)
            if orphans:
                self.bus.publish(OrphansReaped(pids=[process.pid for process in orphans], origin=f"engine {engine}"))
            if not left:
                leases += self._forget(engine)
                self.registry.leave(engine)
            ended += len(orphans) - len(left)
        return ended, leases

    async def _dead_sessions(self) -> tuple[int, int]:
        """End what sessions left that the pool no longer has, and give their conversations free; ended, and not."""
        ended = survivors = 0
        for session, found in (await self.containment.by_session()).items():
            if session in self.living():
                continue
            orphans = [process for process in found if alive(process)]
            left = await self.containment.end_session(session, orphans, _TERM_GRACE_S)
            if orphans:
                self.bus.publish(OrphansReaped(pids=[process.pid for process in orphans], origin=f"session {session}"))
            if not left:
                await self.conversations.close(session, "its processes were reaped")
            ended += len(orphans) - len(left)
            survivors += len(left)
        return ended, survivors

    def _forget(self, engine: str) -> int:
        """A lease that cannot be given back now is taken over by whoever wants it next."""
        try:
            return self.leases.forget(engine)
        except (ConversationHeld, StoreUnusable):
            return 0

    def _old_drafts(self) -> int:
        files = 0
        for draft in (path for folder in self.drafts for path in folder.glob("*.new")):
            try:
                if self.clock.wall() - draft.stat().st_mtime > _DRAFT_AGE_S:
                    draft.unlink()
                    files += 1
            except OSError:
                continue  # its writer moved it into place, or it is not to be had
        return files


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
