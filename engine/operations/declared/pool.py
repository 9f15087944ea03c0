"""The pool: its statistics and its size."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation


class Percentiles(msgspec.Struct, kw_only=True):
    """Seconds; zeros without samples."""

    p50: float
    p95: float
    p99: float


class PoolCounts(msgspec.Struct, kw_only=True):
    """What happened since the pool opened. A reuse is a turn on a process that ran already; a wake is none.

    `spare_wakes` are the wakes that took a parked process; `page_outs` count idle sessions whose memory went to swap.
    """

    leases: int
    reuses: int
    affinity_hits: int
    warm_hits: int
    starts: int
    start_failures: int
    wakes: int
    spare_wakes: int
    hibernations: int
    evictions: int
    page_outs: int
    retirements: int
    crashes: int
    condemned: int
    survivors: int


class PoolStatistics(msgspec.Struct, kw_only=True):
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
    simulated: bool
    spares: int


class PoolResult(msgspec.Struct, kw_only=True):
    """The pool as it is now."""

    pool: PoolStatistics


class Scale(msgspec.Struct, kw_only=True, frozen=True):
    """How many sessions to keep, whatever the load."""

    target: int


class Autoscale(msgspec.Struct, kw_only=True, frozen=True):
    """Whether the pool follows the load, or stays at its present size."""

    enabled: bool


POOL_STATISTICS = Operation(
    "pool.statistics",
    "GET /api/pool",
    NoArguments,
    PoolResult,
    "Show the pool's size, use, reuse and waits.",
    command="pool",
    examples=("quarterdeck pool --json",),
)
SCALE_POOL = Operation(
    "pool.scale",
    "POST /api/pool/scale",
    Scale,
    PoolResult,
    "Keep so many sessions, whatever the load.",
    Scope.OPERATOR,
    confirm="Scale the pool to {target} sessions?",
    command="scale",
    examples=("quarterdeck scale 12",),
)
AUTOSCALE_POOL = Operation(
    "pool.autoscale",
    "POST /api/pool/autoscale",
    Autoscale,
    PoolResult,
    "Follow the load again, or stay at the present size.",
    Scope.OPERATOR,
    command="scale",
    examples=("quarterdeck scale auto",),
)
