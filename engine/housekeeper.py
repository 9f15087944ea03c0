"""The engine's regular chores: the pool's clockwork, adopted zombies, flushing the recorder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.types import Notice, Severity
from engine.launchers.containment import Containment
from engine.pool.keeper import Keeper

TICK_S = 1.0
"""Seconds between two rounds."""


class Housekeeper:
    """Owner of the chores' schedule; each round is short and never awaits."""

    def __init__(
        self,
        keeper: Keeper,
        bus: Bus,
        containment: Containment,
        recorder: Recorder | None,
        own_children: Callable[[], set[int]],
        look: Callable[[], None],
    ) -> None:
        self._look = look
        self._keeper = keeper
        self._bus = bus
        self._containment = containment
        self._recorder = recorder
        self._own_children = own_children
        self._told_recorder = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.round()
            await asyncio.sleep(TICK_S)

    def round(self) -> None:
        """All chores once."""
        self._keeper.round()
        self._look()
        self._containment.reap_adopted(self._own_children())
        if self._recorder is not None:
            self._flush(self._recorder)

    def _flush(self, recorder: Recorder) -> None:
        recorder.flush()
        if recorder.error is not None and not self._told_recorder:
            self._told_recorder = True
            text = f"the flight recorder stopped: {recorder.error.strerror}"
            remedy = "Free disk space or set `events.recording_dir`, then restart the engine."
            self._bus.publish(Notice(severity=Severity.WARNING, text=text, remedy=remedy))
