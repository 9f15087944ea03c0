"""The pool's counts, as the API and the metrics show them."""

from __future__ import annotations

import msgspec


class PoolCounts(msgspec.Struct):
    """What happened since the pool opened; owned by the pool."""

    leases: int = 0
    reuses: int = 0
    affinity_hits: int = 0
    warm_hits: int = 0
    starts: int = 0
    start_failures: int = 0
    evictions: int = 0
    crashes: int = 0
    survivors: int = 0


class PoolStatistics(msgspec.Struct, frozen=True):
    """The pool as it is now. `utilisation` = (leased + waiting) / (all + starting), 0 for an empty pool."""

    size: int
    active: int
    idle: int
    starting: int
    waiting: int
    min_size: int
    max_size: int
    utilisation: float
    counts: PoolCounts
