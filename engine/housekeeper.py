"""The engine's regular chores: readings, idle sessions, adopted zombies, flushing the recorder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from engine.clock import Clock
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.types import Notice, Reading, SessionReadings, Severity
from engine.launchers.containment import Containment
from engine.pool.pool import Pool
from engine.sessions.readings import Readings

TICK_S = 1.0
"""Seconds between two rounds."""
READ_EVERY = 2
"""Rounds between two readings."""
_ENGINE = ""


class Housekeeper:
    """Owner of the chores' schedule; each round is short and never awaits."""

    def __init__(
        self,
        pool: Pool,
        bus: Bus,
        clock: Clock,
        containment: Containment,
        recorder: Recorder | None,
        own_children: Callable[[], set[int]],
    ) -> None:
        self._pool = pool
        self._bus = bus
        self._clock = clock
        self._containment = containment
        self._recorder = recorder
        self._own_children = own_children
        self._readings = Readings()
        self._rounds = 0
        self._told_recorder = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.round()
            await asyncio.sleep(TICK_S)

    def round(self) -> None:
        """All chores once."""
        self._rounds += 1
        self._pool.retire_idle()
        self._containment.reap_adopted(self._own_children())
        if self._rounds % READ_EVERY == 1:
            self._read()
        if self._recorder is not None:
            self._flush(self._recorder)

    def _read(self) -> None:
        pids = {name: session.pid for name, session in self._pool.sessions.items() if session.pid}
        now = self._clock.monotonic()
        readings = self._readings.read({**pids, _ENGINE: os.getpid()}, now)
        own = next((reading for reading in readings if reading.session == _ENGINE), Reading(_ENGINE, 0.0, 0))
        sessions = [reading for reading in readings if reading.session != _ENGINE]
        self._bus.publish(SessionReadings(readings=sessions, engine_cpu=own.cpu, engine_rss=own.rss))

    def _flush(self, recorder: Recorder) -> None:
        recorder.flush()
        if recorder.error is not None and not self._told_recorder:
            self._told_recorder = True
            text = f"the flight recorder stopped: {recorder.error.strerror}"
            remedy = "Free disk space or set `events.recording_dir`, then restart the engine."
            self._bus.publish(Notice(severity=Severity.WARNING, text=text, remedy=remedy))
