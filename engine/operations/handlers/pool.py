"""Statistics of the pool, and its size."""

from __future__ import annotations

from engine.operations.declared.pool import (
    AUTOSCALE_POOL,
    POOL_STATISTICS,
    SCALE_POOL,
    Autoscale,
    PoolResult,
    PoolStatistics,
    Scale,
)
from engine.operations.handlers.binding import CallContext, handles, row_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments

_ENABLED = "session_pool.auto_scaling.enabled"


@handles(POOL_STATISTICS)
async def statistics(services: Services, _call: CallContext, _args: NoArguments) -> PoolResult:
    """The pool as it is now."""
    return _pool(services)


@handles(SCALE_POOL)
async def scale(services: Services, _call: CallContext, args: Scale) -> PoolResult:
    """Keep so many sessions. Raises BadInput."""
    services.pool.scale(args.target)
    return _pool(services)


@handles(AUTOSCALE_POOL)
async def autoscale(services: Services, call: CallContext, args: Autoscale) -> PoolResult:
    """Follow the load from now on, or stay at the present size."""
    if services.settings.session_pool.auto_scaling.enabled != args.enabled:
        services.live.propose({_ENABLED: args.enabled}, call.who)
    services.pool.scale(None)
    return _pool(services)


def _pool(services: Services) -> PoolResult:
    return PoolResult(pool=row_as(PoolStatistics, services.engine.statistics()))
