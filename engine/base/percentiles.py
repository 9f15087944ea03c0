"""Counts over the last minutes or hours: a ring of buckets with a running total; percentiles from counts and values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Key = tuple[str, str]
"""What is counted, and of which label; the label is empty where there is none."""

RELATIVE_ERROR = 0.05
"""A percentile is at most this share off the true one."""
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SHORTEST_S, _LONGEST_S = 1e-3, 1e6


class RollingCounter:
    """Owner of the counts of the last `seconds`, kept in `buckets`; a bucket leaves as a whole.

    `now` is a time in seconds. Constant time a count; the memory is buckets times the keys that the caller uses.
    """

    def __init__(self, seconds: float, buckets: int) -> None:
        self._width = seconds / buckets
        self._ring: list[dict[Key, float]] = [{} for _ in range(buckets)]
        self._at: int | None = None
        self.total: dict[Key, float] = {}

    def add(self, now: float, key: Key, amount: float = 1) -> None:
        """Count something."""
        bucket = self._ring[self.advance(now) % len(self._ring)]
        bucket[key] = bucket.get(key, 0) + amount
        self.total[key] = self.total.get(key, 0) + amount

    def advance(self, now: float) -> int:
        """Forget what has left the window; returns the number of the present bucket. Time never goes back."""
        number = int(now / self._width)
        if self._at is None:
            self._at = number
        for step in range(1, min(number - self._at, len(self._ring)) + 1):
            self._forget(self._ring[(self._at + step) % len(self._ring)])
        self._at = max(self._at, number)
        return self._at

    def _forget(self, bucket: dict[Key, float]) -> None:
        for key, amount in bucket.items():
            self.total[key] = self.total.get(key, 0) - amount
            if self.total[key] <= 0:
                del self.total[key]
        bucket.clear()


def bucket_of(seconds: float) -> str:
    """The label that a duration is counted under: logarithmic slots, as DDSketch has them (Masson et al., 2019)."""
    bounded = min(max(seconds, _SHORTEST_S), _LONGEST_S)
    return str(math.ceil(math.log(bounded, _GAMMA)))


def percentile(slots: Mapping[str, float], share: float) -> float:
    """The duration, in seconds, that `share` of those counted by `bucket_of` do not exceed; 0 without any."""
    rank = share * sum(slots.values())
    seen = 0.0
    for number in sorted(map(int, slots)):
        seen += slots[str(number)]
        if seen >= rank:
            return 2 * _GAMMA**number / (_GAMMA + 1)
    return 0.0


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The value at `share`, from 0 to 1, of the way through an ascending sequence; 0 without any."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
