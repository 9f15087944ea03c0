"""The queue: statistics of its lanes and limits, and the load of the API as a caller reports it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation


class LaneRow(msgspec.Struct, kw_only=True):
    """One priority: waiting requests, its bounds (0 is none of its own), oldest and last waits in seconds."""

    name: str
    waiting: int
    weight: float
    max_waiting: int
    drop: str
    oldest: float
    wait_p50: float
    wait_p95: float


class LimitRow(msgspec.Struct, kw_only=True):
    """The limit of one credential and model: running requests, the limit, its reason, seconds until it next rises."""

    name: str
    running: int
    limit: int | None
    reason: str
    next_step: float | None


class QuotaRow(msgspec.Struct, kw_only=True):
    """A plan's limit at a credential: share `used` from 0 to 1, seconds until it resets; null while unknown.

    `status` is the API's: allowed, allowed_warning or rejected; `overage` states that what is beyond is paid for.
    """

    credential: str
    limit: str
    status: str
    used: float | None
    resets_in: float | None
    overage: bool


class QueueStatistics(msgspec.Struct, kw_only=True):
    """The queue now: `drain_time` in seconds and `throughput` in requests a second are null while unknown.

    `dropped` counts by cause since the start (`full`, `codel`, `hopeless`), `aged` those that went up a priority;
    `load` is the load of the API that `queue backpressure` set, from 0 to 1.
    """

    waiting: int
    max_waiting: int
    drain_time: float | None
    throughput: float | None
    aged: int
    dropped: dict[str, int]
    lanes: list[LaneRow]
    limits: list[LimitRow]
    load: float


class QueueResult(msgspec.Struct, kw_only=True):
    """The queue as it is now, and the limits of the plans as the API reported them last."""

    queue: QueueStatistics
    quotas: list[QuotaRow]


class Backpressure(msgspec.Struct, kw_only=True, frozen=True):
    """The load of the API, from 0 to 1: that share of the concurrent requests stays unused; 0 lifts the limit."""

    load: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


QUEUE_STATISTICS = Operation(
    "queue.statistics",
    "GET /api/queue",
    NoArguments,
    QueueResult,
    "Show the queue's priorities, limits, pace and what it dropped.",
    command="queue statistics",
    examples=("quarterdeck queue statistics --json",),
)
ADJUST_BACKPRESSURE = Operation(
    "queue.backpressure",
    "POST /api/queue/backpressure",
    Backpressure,
    QueueResult,
    "Report the load of the API, from 0 to 1: that share of the concurrent requests stays unused.",
    Scope.OPERATOR,
    command="queue backpressure",
    examples=("quarterdeck queue backpressure 0.5",),
)
