"""One budget for retries, respawns and probes, so that no outage is met with more load than health (R17). Pure.

The token bucket of botocore's standard mode: a retry takes RETRY_COST, one after a throttling THROTTLED_COST; a first
attempt that works gives back 1, a retry that works gives back what it took. A crash of our own process says nothing
of the API: its retry takes RESPAWN_COST, and the last tenth of the tokens is kept for those.
"""

from __future__ import annotations

from engine.base.errors import ErrorKind

RETRY_COST = 14
THROTTLED_COST = 5
RESPAWN_COST = 2
_COSTS = {ErrorKind.RESOURCE: THROTTLED_COST, ErrorKind.PROCESS: RESPAWN_COST}
_RESERVED = 10


class Budget:
    """Owner of the tokens; `size` 0 refuses every retry."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tokens = size
        self.refused = 0

    @property
    def tokens(self) -> int:
        """What is left."""
        return self._tokens

    @property
    def size(self) -> int:
        """What there may be."""
        return self._size

    def resize(self, size: int) -> None:
        """Another size; what was spent stays spent."""
        self._tokens = max(0, min(size, self._tokens + size - self._size))
        self._size = size

    def price(self, cause: ErrorKind) -> int | None:
        """What a retry after an error of this type costs, or None when that is not there."""
        cost = _COSTS.get(cause, RETRY_COST)
        kept = 0 if cause is ErrorKind.PROCESS else self._size // _RESERVED
        return cost if cost <= self._tokens - kept else None

    def spend(self, cost: int) -> None:
        """A retry is made."""
        self._tokens -= cost

    def take(self, cause: ErrorKind) -> int | None:
        """Spend what a retry costs and return it, or None when that is not there."""
        cost = self.price(cause)
        if cost is None:
            self.refused += 1
        else:
            self.spend(cost)
        return cost

    def worked(self, taken: int = 0) -> None:
        """A call worked; `taken` is what its retry took, 0 for a first attempt."""
        self._tokens = min(self._size, self._tokens + max(1, taken))
