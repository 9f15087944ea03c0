"""Time and chance, injected at one place so that policies and tests never touch the real ones."""

from __future__ import annotations

import random
import time
from typing import Protocol


class Clock(Protocol):
    """A source of time in seconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""

    def wall(self) -> float:
        """Seconds since 1970, for people and files."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class ManualClock:
    """A clock that moves only when told to, for tests, replay and what-if runs."""

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
