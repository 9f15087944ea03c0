"""What all parts share: identity, time, settings in force, events, transcripts, the flight recorder."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from engine.base import process
from engine.base.clock import Clock, PausableClock, SystemClock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.segments import pack_segment
from engine.maintenance import TICK_S, Maintenance
from engine.memory.buffers import BufferPool
from engine.parts.part import Part
from engine.sessions.transcripts import Transcripts
from engine.settings.live import LiveSettings
from engine.settings.load import Loaded
from engine.settings.paths import config_file
from engine.settings.schema import Settings


class Core(Part):
    """Owner of the engine's identity, clock, settings, bus and recorder."""

    def __init__(self, loaded: Loaded, clock: Clock | None, environ: Mapping[str, str] | None) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.environ = process.environment() if environ is None else environ
        self.notices = loaded.notices
        self.config = loaded.config or config_file(self.environ)
        self._pauses = PausableClock(SystemClock(), TICK_S) if clock is None else None
        self.clock: Clock = clock or self._pauses or SystemClock()
        self.live = LiveSettings(loaded.settings, clock=self.clock, origins=loaded.origins)
        self.state = loaded.settings.engine.state_dir
        self.bus = Bus(self.clock, loaded.settings.events.history)
        self.buffers = BufferPool()
        self.transcripts = Transcripts(loaded.settings.events.transcript_bytes)
        self.rng = random.Random()  # noqa: S311 - jitter and placement, not secrets
        self.phase = "starting"
        self._recorder: Recorder | None = None
        self._unpackable: set[Path] = set()
        self._reported_pause = 0.0

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.live.current

    async def open(self) -> None:
        """Start the flight recorder where the settings want one."""
        events = self.settings.events
        if events.recording:
            self._recorder = Recorder(
                self.bus,
                self.settings.recordings,
                self.id,
                segment_bytes=events.segment_bytes,
                segments=events.segments,
            )
            self._recorder.start()

    async def aclose(self) -> None:
        """Close the recording."""
        if self._recorder is not None:
            self._recorder.close()

    def add_chores(self, maintenance: Maintenance) -> None:
        """The recorder is flushed once a second."""
        if self._recorder is not None:
            maintenance.add("the flight recorder", self._recorder.flush, essential=False)
            maintenance.add("the packing of recordings", self._pack, essential=False, deferrable=True)

    def _pack(self) -> Coroutine[Any, Any, None] | None:
        """One finished segment a round; what cannot be packed is not tried again."""
        if self._recorder is None:
            return None
        finished = self._recorder.finished(self.clock.wall())
        self._unpackable &= set(finished)
        if path := next((each for each in finished if each not in self._unpackable), None):
            self._unpackable.add(path)  # also where packing raises: the chore says so once
            return _packed(path)
        return None

    def look_for_pause(self) -> None:
        """A pause of the whole process counts for no deadline."""
        if self._pauses is None:
            return
        self._pauses.beat()
        if lost := self._pauses.paused - self._reported_pause:
            self._reported_pause = self._pauses.paused
            text = f"the engine stood still for {lost:.1f} s; the time counts for no deadline"
            self.notice(text, "Look for a stopped process, a suspended machine or a starved CPU.")

    def notice(self, text: str, remedy: str, severity: ev.Severity = ev.Severity.WARNING) -> None:
        """Publish a notice to the operators."""
        self.bus.publish(ev.Notice(severity=severity, text=text, remedy=remedy))

    def on_chore_error(self, name: str, error: BaseException) -> None:
        """A background task ended with an error that it did not foresee."""
        self.notice(f"{name} failed: {error!r}", "Restart the engine.", ev.Severity.CRITICAL)

    def on_job_error(self, name: str, error: BaseException) -> None:
        """A job of the workers failed; the worker goes on."""
        self.notice(f"The background job {name} failed: {error!r}", "See the engine's log, and start the job again.")


async def _packed(path: Path) -> None:
    await asyncio.to_thread(pack_segment, path)
