"""The queue: its lanes and limits, and the load that somebody knows of."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation


class LaneRow(msgspec.Struct, kw_only=True):
    """One priority: who waits, its bounds (0 is none of its own), the oldest wait and the last waits in seconds."""

    name: str
    waiting: int
    weight: float
    max_waiting: int
    drop: str
    oldest: float
    wait_p50: float
    wait_p95: float


class LimitRow(msgspec.Struct, kw_only=True):
    """The limit of one credential and model: what runs and may run, why, and seconds to the next step up."""

    name: str
    running: int
    limit: int | None
    reason: str
    next_step: float | None


class QueueStatistics(msgspec.Struct, kw_only=True):
    """The queue now. `drain` in seconds and `out` in requests a second are null while they are not known.

    `dropped` counts by cause since the start (`full`, `codel`, `hopeless`), `aged` those that went up a priority;
    `load` is what `queue backpressure` was given, from 0 to 1.
    """

    waiting: int
    max_waiting: int
    drain: float | None
    out: float | None
    aged: int
    dropped: dict[str, int]
    lanes: list[LaneRow]
    limits: list[LimitRow]
    load: float


class QueueResult(msgspec.Struct, kw_only=True):
    """The queue as it is now."""

    queue: QueueStatistics


class Backpressure(msgspec.Struct, kw_only=True, frozen=True):
    """How loaded the API is, as somebody knows it: that share of the places stays free; 0 takes it back."""

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
    "Leave a share of the places free, from 0 to 1; 0 takes it back.",
    Scope.OPERATOR,
    command="queue backpressure",
    examples=("quarterdeck queue backpressure 0.5",),
)
