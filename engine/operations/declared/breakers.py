"""Circuit breakers: list them, show the history of one, set one by hand."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation


class BreakerChange(msgspec.Struct, kw_only=True):
    """A change of state, `at` in seconds since 1970, and why."""

    at: float
    before: str
    after: str
    reason: str


class BreakerRow(msgspec.Struct, kw_only=True):
    """One breaker: its state and why, the calls that run behind it, and its changes, oldest first.

    Of the `calls` in its window `failed` is the share that failed; it opens at `limit`. `next_probe` is when it lets a
    call try, in seconds since 1970, 0 when it waits for none; `probes_ok` of `probes_needed` have worked. `trips` and
    `shed`, calls that it refused, are since the start.
    """

    name: str
    state: str
    reason: str
    running: int
    calls: int
    failed: float
    limit: float
    next_probe: float
    probes_ok: int
    probes_needed: int
    trips: int
    shed: int
    history: list[BreakerChange]


class BreakersResult(msgspec.Struct, kw_only=True):
    """A page of breakers, of `total`."""

    breakers: list[BreakerRow]
    total: int


class BreakerName(msgspec.Struct, kw_only=True, frozen=True):
    """One breaker, such as credential:default."""

    name: str


class BreakerResult(msgspec.Struct, kw_only=True):
    """One breaker."""

    breaker: BreakerRow


class ControlBreaker(msgspec.Struct, kw_only=True, frozen=True):
    """What to do with a breaker: open, close, trip or disable."""

    name: str
    act: Annotated[str, msgspec.Meta(examples=["open", "close", "trip", "disable"])]


LIST_BREAKERS = Operation(
    "breakers.list",
    "GET /api/breakers",
    PageArgs,
    BreakersResult,
    "List the circuit breakers.",
    columns=("name", "state", "running", "failed", "trips", "shed", "reason"),
    examples=("quarterdeck breakers --json",),
)
SHOW_BREAKER = Operation(
    "breakers.show",
    "GET /api/breakers/{name:path}",
    BreakerName,
    BreakerResult,
    "Show the changes of one breaker, oldest first.",
    examples=("quarterdeck breakers show credential:default",),
)
CONTROL_BREAKER = Operation(
    "breakers.control",
    "POST /api/breakers/{name:path}",
    ControlBreaker,
    BreakerResult,
    "Open, close, trip or disable a breaker by hand.",
    Scope.OPERATOR,
    command="breakers open",
    examples=("quarterdeck breakers open credential:default",),
)
