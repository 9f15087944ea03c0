"""What the pool says: its statistics, its size, its conversations."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Event


class Percentiles(msgspec.Struct, frozen=True):
    """Seconds; zeros without samples."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0


class PoolCounts(msgspec.Struct):
    """What happened since the pool opened. A reuse is a turn on a process that ran already; a wake is none.

    `spare_wakes` are the wakes that took a parked process; `page_outs` count idle sessions whose memory went to swap.
    """

    leases: int = 0
    reuses: int = 0
    affinity_hits: int = 0
    warm_hits: int = 0
    starts: int = 0
    start_failures: int = 0
    wakes: int = 0
    spare_wakes: int = 0
    hibernations: int = 0
    evictions: int = 0
    page_outs: int = 0
    retirements: int = 0
    crashes: int = 0
    condemned: int = 0
    survivors: int = 0


class PoolStatistics(msgspec.Struct, frozen=True):
    """The pool as it is now. `utilisation` = (leased + waiting) / (all + starting), 0 for an empty pool.

    `target` is the size that scaling goes to and `reason` why; `memory` is in bytes, `cpu` in percent of a core, both
    summed over the sessions; `throughput` in turns a second; `hibernated` counts conversations without a process,
    `spares` the parked processes, which `size` leaves out; `simulated` states that answers are made up.
    """

    size: int
    active: int
    idle: int
    warm: int
    starting: int
    waiting: int
    hibernated: int
    min_size: int
    max_size: int
    target: int
    reason: str
    utilisation: float
    reuse: float
    throughput: float
    memory: int
    cpu: float
    wait: Percentiles
    wake: Percentiles
    counts: PoolCounts
    simulated: bool = False
    spares: int = 0


class PoolMeasured(Event, frozen=True):
    """The pool's statistics, every few seconds."""

    pool: PoolStatistics


class PoolScaled(Event, frozen=True):
    """Scaling decided on another size; what it was decided from is beside it."""

    target: int
    size: int
    reason: str
    busy: int
    waiting: int
    cpu: float = 0.0
    memory: float = 0.0


class ConversationWoken(Event, frozen=True):
    """A hibernated conversation has a process again after `took` seconds; `cold` is why it was not a parked one."""

    conversation: str
    session: str
    took: float
    cold: str = ""


class ConversationHibernated(Event, frozen=True):
    """A conversation gave its process back; its transcript is on disk."""

    conversation: str
    session: str
    reason: str
