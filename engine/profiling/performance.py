"""The indicators of the engine's own process, measured once a second and published while somebody needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from engine.events.bus import Bus
from engine.events.types import PerformanceMeasured, PerformanceReading
from engine.profiling.garbage import GarbageMeter
from engine.profiling.loop_lag import ALWAYS_S, LagWindow, LoopLag
from engine.profiling.own_process import descriptor_count, thread_count

_WINDOW_S = 60.0
SELDOM_S = 60.0
"""Seconds between two events while no request is under way and nobody follows the events."""


class PerformanceMeter:
    """Owner of the latest reading. `now` is a monotonic clock in seconds; call it on the loop that is measured."""

    def __init__(self, bus: Bus, lag: LoopLag, now: Callable[[], float]) -> None:
        self._bus, self._lag, self._now = bus, lag, now
        self._garbage = GarbageMeter()
        self._window: LagWindow | None = None
        self._before = (0.0, 0, 0)
        self._published: float | None = None
        self.latest = PerformanceReading()

    def open(self) -> None:
        """Follow the loop and the garbage collector from now on."""
        self._window = self._lag.open(ALWAYS_S, _WINDOW_S)
        self._garbage.start()
        self._before = (self._now(), sys.getallocatedblocks(), self._bus.state.seq)

    def close(self) -> None:
        """Follow nothing more; safe to call twice."""
        self._garbage.stop()
        if self._window is not None:
            self._lag.close(self._window)
            self._window = None

    def measure(self) -> None:
        """Once a second: read, and publish where that is of use to somebody."""
        if self._window is None:
            return
        now = self._now()
        self.latest = self._read(self._window, now)
        needed = bool(self._bus.state.requests) or self._bus.followed
        if needed or self._published is None or now - self._published >= SELDOM_S:
            self._published = now
            self._bus.publish(PerformanceMeasured(performance=self.latest))

    def _read(self, window: LagWindow, now: float) -> PerformanceReading:
        lag, blocks, seq = window.summary(), sys.getallocatedblocks(), self._bus.state.seq
        (at, before, earlier), self._before = self._before, (now, blocks, seq)
        passed = max(now - at, 1e-3)
        return PerformanceReading(
            lag_p50=round(lag.p50, 6),
            lag_p99=round(lag.p99, 6),
            lag_most=round(window.take_recent(), 6),
            threads=thread_count(),
            descriptors=descriptor_count(),
            blocks=blocks,
            block_growth=round((blocks - before) / passed, 1),
            events=round((seq - earlier) / passed, 1),
            events_dropped=self._bus.dropped,
            garbage=self._garbage.readings(),
        )
