"""The performance dashboard, from the latest reading and what the events say."""

from __future__ import annotations

from engine.events.indicators import indicators
from engine.operations.declared.performance import SHOW_PERFORMANCE, PerformanceResult, PerformanceRow
from engine.operations.handlers.binding import CallContext, handles, row_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments


@handles(SHOW_PERFORMANCE)
async def show(services: Services, _call: CallContext, _args: NoArguments) -> PerformanceResult:
    """As it was measured in this second."""
    return PerformanceResult(
        performance=row_as(PerformanceRow, indicators(services.state, services.performance.latest))
    )
