"""Circuit breakers: reading them, and setting one by hand."""

from __future__ import annotations

from engine.operations.declared.breakers import (
    CONTROL_BREAKER,
    LIST_BREAKERS,
    SHOW_BREAKER,
    BreakerChange,
    BreakerName,
    BreakerResult,
    BreakerRow,
    BreakersResult,
    ControlBreaker,
)
from engine.operations.declared.paging import PageArgs
from engine.operations.handlers.binding import CallContext, handles, page_of
from engine.operations.handlers.services import Services
from engine.recovery.breakers.breaker import Breaker


@handles(LIST_BREAKERS)
async def list_breakers(services: Services, _call: CallContext, args: PageArgs) -> BreakersResult:
    """All breakers."""
    found = list(services.breakers.all.items())
    rows = [_row(services, name, each) for name, each in page_of(args, found)]
    return BreakersResult(breakers=rows, total=len(found))


@handles(SHOW_BREAKER)
async def show(services: Services, _call: CallContext, args: BreakerName) -> BreakerResult:
    """One breaker with its history. Raises NotFound."""
    return BreakerResult(breaker=_row(services, args.name, services.breakers.get(args.name)))


@handles(CONTROL_BREAKER)
async def control(services: Services, call: CallContext, args: ControlBreaker) -> BreakerResult:
    """Open, close, trip or disable a breaker. Raises NotFound, BadInput."""
    changed = services.breakers.control(args.name, args.act, call.who)
    return BreakerResult(breaker=_row(services, args.name, changed))


def _row(services: Services, name: str, breaker: Breaker) -> BreakerRow:
    figures = breaker.figures(name, services.clock.monotonic())
    history = [
        BreakerChange(at=change.wall, before=change.before, after=change.after, reason=change.reason)
        for change in breaker.history
    ]
    return BreakerRow(
        name=name,
        state=breaker.state,
        reason=breaker.reason,
        running=breaker.running,
        calls=figures.calls,
        failed=figures.failed,
        limit=figures.limit,
        next_probe=figures.next_probe,
        probes_ok=figures.probes_ok,
        probes_needed=figures.probes_needed,
        trips=figures.trips,
        shed=figures.shed,
        history=history,
    )
