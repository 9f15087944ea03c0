"""How late the event loop runs what is due: one heartbeat for all who want to know."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass

from engine.base.percentiles import nearest_rank

ALWAYS_S, CAPTURE_S = 0.25, 0.05
"""Seconds between two beats, always and during a capture: a wake-up of an idle loop costs some 0.1 ms of CPU."""
LAGS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class LagSummary:
    """How late the loop ran what was due, in seconds."""

    p50: float
    p99: float
    most: float
    beats: int


class LagWindow:
    """Owner of the lags, in seconds, of the last `seconds`, LAGS_KEPT at most, and of the largest since the beginning.

    `beat` is how often it wants one, in seconds.
    """

    def __init__(self, beat: float, seconds: float = math.inf) -> None:
        self.beat = beat
        self._seconds = seconds
        self._lags: deque[tuple[float, float]] = deque(maxlen=LAGS_KEPT)
        self._most = self._recent = 0.0
        self._beats = 0

    def add(self, now: float, lag: float) -> None:
        """One beat came so late; `now` is a monotonic time in seconds."""
        self._lags.append((now, lag))
        while self._lags[0][0] < now - self._seconds:
            self._lags.popleft()
        self._most, self._recent = max(self._most, lag), max(self._recent, lag)
        self._beats += 1

    def summary(self) -> LagSummary:
        """What was measured so far; the percentiles are those of the lags that are kept."""
        lags = sorted(lag for _, lag in self._lags)
        return LagSummary(nearest_rank(lags, 0.50), nearest_rank(lags, 0.99), self._most, self._beats)

    def take_recent(self) -> float:
        """The largest lag since the last call."""
        recent, self._recent = self._recent, 0.0
        return recent


class LoopLag:
    """Owner of the heartbeat on the running loop, which beats while a window is open, as often as one wants it."""

    def __init__(self) -> None:
        self._windows: list[LagWindow] = []
        self._timer: asyncio.TimerHandle | None = None

    def open(self, beat: float, seconds: float = math.inf) -> LagWindow:
        """A window that each beat is added to until it is closed. Call it on the loop that is measured."""
        window = LagWindow(beat, seconds)
        self._windows.append(window)
        self._schedule()
        return window

    def close(self, window: LagWindow) -> None:
        """Add nothing more to it; the last one ends the heartbeat."""
        if window in self._windows:
            self._windows.remove(window)
        if not self._windows and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        """The next beat, and no other one."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        due = loop.time() + min(window.beat for window in self._windows)
        self._timer = loop.call_at(due, self._beat, loop, due)

    def _beat(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        for window in self._windows:
            window.add(now, max(0.0, now - due))
        self._schedule()
