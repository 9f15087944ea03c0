"""Who goes first among those who wait: by priority, then by arrival, with a bound on how long `low` is passed over.

Each priority stands as if it had arrived later by its head start: a request is passed over only by those of a higher
priority that come within the difference. So nothing starves, and the order never has to be worked out again. Pure.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, TypeVar

HEAD_STARTS = {"urgent": 0.0, "high": 30.0, "medium": 60.0, "low": 120.0}
"""Seconds by which a priority stands behind `urgent`; a `low` request is passed over for two minutes at most."""
T = TypeVar("T")
_Entry = tuple[float, int, T]


class PriorityLine(Generic[T]):
    """Owner of the order of those who wait; entering and leaving cost O(log n) comparisons."""

    def __init__(self) -> None:
        self._order: list[_Entry[T]] = []
        self._places: dict[int, tuple[float, int]] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[T]:
        """All that wait, the next one first; the line may change meanwhile."""
        return iter([entry[2] for entry in self._order])

    def add(self, waiting: T, priority: str, now: float) -> None:
        """One more waits, since `now` (monotonic seconds)."""
        self._arrivals += 1
        place = (now + HEAD_STARTS.get(priority, HEAD_STARTS["medium"]), self._arrivals)
        self._places[id(waiting)] = place
        insort(self._order, (*place, waiting))

    def remove(self, waiting: T) -> bool:
        """It waits no more; False for one that is not there."""
        place = self._places.pop(id(waiting), None)
        if place is None:
            return False
        del self._order[bisect_left(self._order, place, key=lambda entry: entry[:2])]
        return True

    def first(self) -> T | None:
        """The next one, or None."""
        return self._order[0][2] if self._order else None
