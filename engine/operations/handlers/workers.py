"""The workers of the background, and ending those that are idle."""

from __future__ import annotations

from engine.operations.declared.workers import (
    CLEAN_UP_WORKERS,
    WORKER_STATISTICS,
    WorkerRow,
    WorkersEnded,
    WorkersResult,
)
from engine.operations.handlers.binding import CallContext, handles, row_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments


@handles(WORKER_STATISTICS)
async def statistics(services: Services, _call: CallContext, _args: NoArguments) -> WorkersResult:
    """As they are now."""
    return WorkersResult(workers=row_as(WorkerRow, services.workers.statistics()))


@handles(CLEAN_UP_WORKERS)
async def clean_up(services: Services, _call: CallContext, _args: NoArguments) -> WorkersEnded:
    """Those at work go on."""
    return WorkersEnded(ended=services.workers.cleanup_idle())
