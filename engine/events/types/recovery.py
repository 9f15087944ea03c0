"""What is said of errors and of what is done about them."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Event


class ErrorSeen(Event, frozen=True):
    """An attempt at a request failed; what the classifier made of it.

    `silent` is the time in seconds from the session's last sign of life to the error: it was found within that.
    `again` states that another attempt follows; `said` is the agent's own line about it, where known.
    """

    error: str
    request: str
    kind: str
    code: str
    text: str
    session: str = ""
    profile: str = ""
    attempt: int = 1
    rule: str = ""
    category: str = ""
    severity: str = "medium"
    strategy: str = "none"
    confidence: float = 1.0
    retryable: bool = False
    again: bool = False
    silent: float = 0.0
    said: str = ""


class BreakerChanged(Event, frozen=True):
    """A circuit breaker moved between closed, open and half_open."""

    breaker: str
    old: str
    new: str
    reason: str = ""


class BreakerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker in figures: of the `calls` in its window `failed` is the share that failed; it opens at `limit`.

    `next_probe` is when it lets a call try, in seconds since 1970, and 0 when it is not waiting for that;
    `probes_ok` of `probes_needed` have worked. `trips` and `shed`, calls that it refused, are since the start.
    """

    breaker: str
    calls: int
    failed: float
    limit: float
    next_probe: float
    probes_ok: int
    probes_needed: int
    trips: int
    shed: int


class RecoveryMeasured(Event, frozen=True):
    """The breakers, and the `budget` of tokens for retries, of `budget_size`; `refused` retries it could not pay."""

    breakers: list[BreakerFigures]
    budget: int
    budget_size: int
    refused: int


class RecoveryStarted(Event, frozen=True):
    """A recovery strategy was begun at a target; `observed` states that it is only told, and nothing is done.

    `error` is the id of the ErrorSeen that asked for it, `by` who did where a person or a breaker did; `estimated` is
    in seconds.
    """

    recovery: str
    strategy: str
    target: str
    error: str = ""
    reason: str = ""
    estimated: float = 0.0
    observed: bool = False
    by: str = ""


class RecoveryEnded(Event, frozen=True):
    """Its effect was seen: `ok` states whether it helped, `took` the seconds until then, which for
    those who waited for it ends with their answer, `waiters` who shared it.

    `gave_up` states that nothing else is tried for the requests that waited.
    """

    recovery: str
    strategy: str
    target: str
    ok: bool
    reason: str = ""
    took: float = 0.0
    gave_up: bool = False
    waiters: int = 0
    observed: bool = False
