"""The pool's counts and waits, as the API and the metrics show them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from engine.events.types import Percentiles, PoolCounts

SAMPLES = 1024
"""Waits and wakes that percentiles are drawn from, the newest."""


class PoolRecord:
    """Owner of what happened in the pool since it opened."""

    def __init__(self) -> None:
        self.counts = PoolCounts()
        self._waits: deque[float] = deque(maxlen=SAMPLES)
        self._wakes: deque[float] = deque(maxlen=SAMPLES)
        self._turns: deque[float] = deque(maxlen=SAMPLES)

    def leased(self, now: float, waited: float) -> None:
        """A lease was granted after so many seconds."""
        self._waits.append(waited)
        self._turns.append(now)

    def woke(self, took: float) -> None:
        """A hibernated conversation was resumed."""
        self._wakes.append(took)

    @property
    def waits(self) -> Percentiles:
        """Waits for a session, in seconds."""
        return percentiles(self._waits)

    @property
    def wakes(self) -> Percentiles:
        """Wakes of conversations, in seconds."""
        return percentiles(self._wakes)

    def throughput(self, now: float, window: float = 60.0) -> float:
        """Leases a second over the last `window` seconds, as far as they are remembered."""
        recent = sum(1 for at in reversed(self._turns) if now - at <= window)
        return recent / window

    def snapshot(self) -> PoolCounts:
        """A copy of the counts."""
        return msgspec.structs.replace(self.counts)


def percentiles(values: Iterable[float]) -> Percentiles:
    """Nearest-rank percentiles; zeros without values."""
    ordered = sorted(values)
    if not ordered:
        return Percentiles()

    def rank(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return Percentiles(rank(0.50), rank(0.95), rank(0.99))
