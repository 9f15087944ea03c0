"""The queue's statistics, and the load of the API as a caller reports it."""

from __future__ import annotations

from engine.operations.declared.queue import (
    ADJUST_BACKPRESSURE,
    QUEUE_STATISTICS,
    Backpressure,
    QueueResult,
    QueueStatistics,
)
from engine.operations.handlers.binding import CallContext, handles, row_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments


@handles(QUEUE_STATISTICS)
async def statistics(services: Services, _call: CallContext, _args: NoArguments) -> QueueResult:
    """The queue as it is now."""
    return _queue(services)


@handles(ADJUST_BACKPRESSURE)
async def backpressure(services: Services, _call: CallContext, args: Backpressure) -> QueueResult:
    """Leave that share of the concurrent requests unused from now on."""
    services.concurrency.adjust(args.load)
    return _queue(services)


def _queue(services: Services) -> QueueResult:
    return QueueResult(queue=row_as(QueueStatistics, services.pool.queue_reading()))
