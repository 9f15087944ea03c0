"""Recoveries: what was done about failures, and a run by hand."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation


class RecoveryRow(msgspec.Struct, kw_only=True):
    """One recovery, under way or over; times in seconds."""

    id: str
    strategy: str
    target: str
    error: str
    reason: str
    by: str
    estimated: float
    started_at: float
    running: bool
    ok: bool
    outcome: str
    took: float
    gave_up: bool
    waiters: int
    observed: bool


class RecoveryOutcome(msgspec.Struct, kw_only=True):
    """Its effect was seen: `ok` states whether it helped, `took` the seconds until then, which for
    those who waited for it ends with their answer, `waiters` who shared it.

    `gave_up` states that nothing else is tried for the requests that waited.
    """

    recovery: str
    strategy: str
    target: str
    ok: bool
    reason: str
    took: float
    gave_up: bool
    waiters: int
    observed: bool


class StrategyRow(msgspec.Struct, kw_only=True):
    """What one strategy achieved; durations in seconds."""

    strategy: str
    target_kind: str
    estimated_time: float
    runs: int
    worked: int
    gave_up: int
    observed: int
    success_rate: float
    mean: float
    p95: float


class RecoveriesResult(msgspec.Struct, kw_only=True):
    """A page of recoveries, newest first, of `total`; what each strategy achieved.

    `cap` is the number of requests that may run at once while the load is lowered, else null.
    """

    recoveries: list[RecoveryRow]
    total: int
    strategies: list[StrategyRow]
    cap: int | None


class RunRecovery(msgspec.Struct, kw_only=True, frozen=True):
    """A strategy and its target: session:ID, conversation:ID, profile:NAME, credential:NAME or engine."""

    strategy: str
    target: str


class RecoveryResult(msgspec.Struct, kw_only=True):
    """How the recovery ended."""

    recovery: RecoveryOutcome


LIST_RECOVERIES = Operation(
    "recoveries.list",
    "GET /api/recoveries",
    PageArgs,
    RecoveriesResult,
    "List the last recoveries, newest first.",
    examples=("quarterdeck recoveries list",),
)
RUN_RECOVERY = Operation(
    "recoveries.run",
    "POST /api/recoveries",
    RunRecovery,
    RecoveryResult,
    "Run a strategy at a target now, to its end.",
    Scope.OPERATOR,
    status=201,
    examples=("quarterdeck recoveries run clean_resources engine",),
)
