"""The queue's statistics, and the load of the API as a caller reports it."""

from __future__ import annotations

from engine.events.quota_state import QuotaView
from engine.operations.declared.queue import (
    ADJUST_BACKPRESSURE,
    QUEUE_STATISTICS,
    Backpressure,
    QueueResult,
    QueueStatistics,
    QuotaRow,
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
    now = services.clock.wall()
    quotas = [_quota(each, now) for each in services.bus.state.quotas.values() if not each.is_over(now)]
    return QueueResult(queue=row_as(QueueStatistics, services.pool.queue_reading()), quotas=quotas)


def _quota(view: QuotaView, now: float) -> QuotaRow:
    return QuotaRow(
        credential=view.credential,
        limit=view.limit,
        status=view.status,
        used=view.used,
        resets_in=None if view.resets_at is None else round(view.resets_at - now, 3),
        overage=view.overage,
    )
