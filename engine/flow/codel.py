"""Controlled delay (CoDel, RFC 8289): drops from the head while even the shortest wait of an interval is too long.

Pure: fed with the head's wait and the time, it says whether the head goes. After the first drop the next one comes
`interval / sqrt(drops)` later, so the pressure rises until the wait falls below the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass(slots=True)
class Codel:
    """Owner of one lane's state; `target` and `interval` in seconds."""

    target: float
    interval: float
    _above_since: float | None = None
    _next_drop: float | None = None
    _drops: int = 0

    def drops(self, waited: float | None, now: float) -> bool:
        """Whether the head, which waited so many seconds, is dropped now; None when nobody waits."""
        if waited is None or waited < self.target:
            self._above_since = self._next_drop = None
            return False
        if self._above_since is None:
            self._above_since = now
        if self._next_drop is None:
            if now - self._above_since < self.interval:
                return False
            self._drops, self._next_drop = 1, now
        elif now < self._next_drop:
            return False
        else:
            self._drops += 1
        self._next_drop += self.interval / sqrt(self._drops)
        return True
