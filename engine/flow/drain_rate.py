"""How fast the queue moves, from the last places that it gave while somebody waited. Pure."""

from __future__ import annotations

from collections import deque

SAMPLES = 32
"""Services that the rate is drawn from, the newest."""
ENOUGH = 3
"""Services before a rate is known."""


class DrainRate:
    """Owner of the times at which somebody who had waited was served; monotonic seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=SAMPLES)

    def served(self, now: float) -> None:
        """Somebody was."""
        self._times.append(now)

    def idle(self) -> None:
        """Nobody waits: what comes next moves at a rate of its own."""
        self._times.clear()

    def a_second(self, now: float) -> float | None:
        """Services a second; a gap that lasts counts as it grows. None while too little is known."""
        if len(self._times) < ENOUGH:
            return None
        took = max(self._times[-1] - self._times[0], 1e-9)
        mean = took / (len(self._times) - 1)
        lasting = max(0.0, now - self._times[-1] - mean)
        return (len(self._times) - 1) / (took + lasting)

    def seconds_until(self, position: int, now: float) -> float | None:
        """Expected seconds until the one at this position, from 1, is served; None while that is not known."""
        rate = self.a_second(now)
        return None if rate is None else position / rate
