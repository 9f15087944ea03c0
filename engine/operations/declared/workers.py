"""The workers of the background: how many there are, what they did, and ending the idle ones."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation


class WorkerRow(msgspec.Struct, kw_only=True):
    """Workers now (`active` and `idle`) within their bounds, jobs that wait, and jobs that ended by how.

    `mean_lifetime` is in seconds, of all workers there were, those that live included.
    """

    active: int
    idle: int
    queued: int
    completed: int
    failed: int
    timed_out: int
    cancelled: int
    mean_lifetime: float
    minimum: int
    maximum: int


class WorkersResult(msgspec.Struct, kw_only=True):
    """The workers as they are now."""

    workers: WorkerRow


class WorkersEnded(msgspec.Struct, kw_only=True):
    """The number of idle workers that end."""

    ended: int


WORKER_STATISTICS = Operation(
    "workers.statistics",
    "GET /api/workers",
    NoArguments,
    WorkersResult,
    "Show the workers of the background and what they did.",
    command="workers statistics",
    examples=("quarterdeck workers statistics",),
)
CLEAN_UP_WORKERS = Operation(
    "workers.cleanup",
    "POST /api/workers/cleanup",
    NoArguments,
    WorkersEnded,
    "End the idle workers above `workers.minimum`.",
    Scope.OPERATOR,
    command="workers cleanup",
    sentence="Ended {ended} idle workers.",
    examples=("quarterdeck workers cleanup",),
)
