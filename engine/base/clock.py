"""Time and chance, injected at one place so that policies and tests never touch the real ones."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

LATE_TICKS = 2
"""Ticks that a beat may be late before the time counts as a pause."""


class Clock(Protocol):
    """A source of time in seconds; `paused` are those that `monotonic` has left out so far."""

    paused: float

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""

    def wall(self) -> float:
        """Seconds since 1970, for people and files."""


class SystemClock:
    """The machine's own clocks."""

    paused = 0.0

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class PausableClock:
    """A clock on which the time does not count in which the whole process stood still, or its loop did.

    `beat` is called once a tick; a read that comes long after the last beat finds out about a pause first.
    """

    def __init__(self, clock: Clock, tick: float) -> None:
        self._clock = clock
        self._tick = tick
        self._late = tick + LATE_TICKS * tick
        self._beat: float | None = None
        self.paused = 0.0

    def beat(self) -> None:
        """The loop runs."""
        self._beat = self._now()

    def monotonic(self) -> float:
        """Seconds in which the engine ran."""
        return self._now() - self.paused

    def wall(self) -> float:
        """Seconds since 1970."""
        return self._clock.wall()

    def _now(self) -> float:
        """The time of the clock within; a pause up to now is counted."""
        now = self._clock.monotonic()
        if self._beat is not None and now - self._beat > self._late:
            self.paused += now - self._beat - self._tick
            self._beat = now
        return now


class ManualClock:
    """A clock that moves only by `advance`, for tests, replay and what-if runs."""

    paused = 0.0

    def __init__(self, start: float | None = None) -> None:
        # A random start makes code that mixes two clocks fail at once (after trio).
        self._now = random.uniform(1e3, 1e6) if start is None else start  # noqa: S311

    def monotonic(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self._now += seconds


@asynccontextmanager
async def deadline(clock: Clock, seconds: float | None) -> AsyncIterator[None]:
    """Cancel the block after `seconds`, pauses that `clock` knows of left out; raises TimeoutError. None never does."""
    loop, timers = asyncio.get_running_loop(), list[asyncio.TimerHandle]()
    async with asyncio.timeout(None) as timeout:
        if seconds is not None:
            until = loop.time() + seconds - clock.paused

            def look() -> None:
                clock.monotonic()  # finds out about a pause that has just ended
                left = until + clock.paused - loop.time()
                if left > 0:
                    timers[:] = [loop.call_later(left, look)]
                else:
                    timeout.reschedule(loop.time())

            timers.append(loop.call_later(seconds, look))
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()
