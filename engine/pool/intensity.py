"""Restart intensity: so many crashes in a period are borne, then starts are held back for longer each time. Pure.

OTP's MaxR in MaxT; the hold doubles with each escalation, and a healthy period ends the streak.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IntensityLimits:
    """Crashes borne within `period` seconds; the hold in seconds and its bound."""

    crashes: int = 10
    period: float = 60.0
    hold: float = 2.0
    longest_hold: float = 300.0


class Intensity:
    """Owner of the crashes of one profile."""

    def __init__(self) -> None:
        self._crashes: deque[float] = deque()
        self._streak = 0
        self._until = float("-inf")
        self._last = float("-inf")

    def crashed(self, now: float, limits: IntensityLimits) -> float:
        """One more crash; the seconds that starts must wait from now on, 0 when it is borne."""
        if now - self._last > limits.period:
            self._streak = 0
        self._last = now
        self._crashes.append(now)
        while now - self._crashes[0] > limits.period:
            self._crashes.popleft()
        if len(self._crashes) <= limits.crashes or now < self._until:
            return self.held(now)
        hold = min(limits.longest_hold, limits.hold * 2.0**self._streak)
        self._streak = min(self._streak + 1, 30)
        self._until = now + hold
        self._crashes.clear()
        return hold

    def held(self, now: float) -> float:
        """Seconds for which no session of the profile may start yet."""
        return max(0.0, self._until - now)
