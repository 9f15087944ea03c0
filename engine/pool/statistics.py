"""The pool's counts and waits, as the API and the metrics show them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from engine.base.percentiles import nearest_rank
from engine.events.types import Percentiles, PoolCounts

THROUGHPUT_S = 60
"""Seconds that throughput is counted over."""
SAMPLES = 1024
"""Waits and wakes that percentiles are drawn from, the newest."""


class Rate:
    """Owner of counts by second, of the last minute; `began` and `now` are monotonic times in seconds."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._seconds: deque[tuple[int, int]] = deque(maxlen=THROUGHPUT_S)

    def count(self, now: float) -> None:
        """One more."""
        second, counted = self._seconds[-1] if self._seconds else (-1, 0)
        if second == int(now):
            self._seconds[-1] = (second, counted + 1)
        else:
            self._seconds.append((int(now), 1))

    def a_second(self, now: float) -> float:
        """Mean rate over the last minute, or over the time since the beginning while that is shorter."""
        first = int(now) - THROUGHPUT_S + 1
        counted = sum(count for second, count in self._seconds if second >= first)
        return counted / max(1.0, min(now - first, now - self._began))


class PoolRecord:
    """Owner of what happened in the pool since it opened at `began`, a monotonic time in seconds."""

    def __init__(self, began: float) -> None:
        self.counts = PoolCounts()
        self._waits: deque[float] = deque(maxlen=SAMPLES)
        self._wakes: deque[float] = deque(maxlen=SAMPLES)
        self._leases = Rate(began)

    def leased(self, now: float, waited: float) -> None:
        """A lease was granted after so many seconds."""
        self._waits.append(waited)
        self._leases.count(now)

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

    def throughput(self, now: float) -> float:
        """Leases a second over the last minute, as far as the pool was open then."""
        return self._leases.a_second(now)

    def snapshot(self) -> PoolCounts:
        """A copy of the counts."""
        return msgspec.structs.replace(self.counts)


def percentiles(values: Iterable[float]) -> Percentiles:
    """Nearest-rank percentiles; zeros without values."""
    ordered = sorted(values)
    return Percentiles(*(nearest_rank(ordered, share) for share in (0.50, 0.95, 0.99)))
