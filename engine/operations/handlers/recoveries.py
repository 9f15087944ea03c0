"""Recoveries: what was done about failures, and a run by hand."""

from __future__ import annotations

from engine.operations.declared.paging import PageArgs
from engine.operations.declared.recoveries import (
    LIST_RECOVERIES,
    RUN_RECOVERY,
    RecoveriesResult,
    RecoveryOutcome,
    RecoveryResult,
    RecoveryRow,
    RunRecovery,
    StrategyRow,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services


@handles(LIST_RECOVERIES)
async def list_recoveries(services: Services, _call: CallContext, args: PageArgs) -> RecoveriesResult:
    """The last ones, newest first, and what each strategy achieved."""
    rows = services.state.recoveries[::-1]
    return RecoveriesResult(
        recoveries=rows_as(RecoveryRow, page_of(args, rows)),
        total=len(rows),
        strategies=rows_as(StrategyRow, services.recoveries.statistics()),
        cap=services.concurrency.limit,
    )


@handles(RUN_RECOVERY)
async def run(services: Services, call: CallContext, args: RunRecovery) -> RecoveryResult:
    """Run a strategy at a target, to its end. Raises NotFound, BadInput."""
    ended = await services.recoveries.execute(args.strategy, args.target, call.who)
    return RecoveryResult(recovery=row_as(RecoveryOutcome, ended))
