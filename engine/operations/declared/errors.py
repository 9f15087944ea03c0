"""Errors: list them, figures of how recovery went, rules of the classifier and corrections."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engine.base.caller import Scope
from engine.base.errors import ErrorKind
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import NoArguments, Operation

MOST_LINES, LONGEST_LINE = 100, 128 * 1024
"""Lines of one call, and characters of one line."""
MAX_CLASSIFY_BODY = 1024**2
ErrorType = Literal["network", "process", "auth", "resource", "timeout", "validation", "internal", "none"]
"""The seven types, and `none` for what is no error."""
ErrorSeverity = Literal["low", "medium", "high", "critical"]
StrategyWord = Literal["process", "session", "resource", "reauthenticate", "reduce_load", "park", "fail_fast", "none"]


class ErrorRow(msgspec.Struct, kw_only=True):
    """One failed attempt; `end` is answered or failed once its request has ended."""

    id: str
    at: float
    request: str
    session: str
    profile: str
    attempt: int
    type: str
    code: str
    category: str
    rule: str
    severity: str
    strategy: str
    text: str
    said: str
    confidence: float
    retryable: bool
    again: bool
    silent: float
    end: str


class LatencySummary(msgspec.Struct, kw_only=True):
    """Durations in seconds: exact count and mean, percentiles within 5 % of their value; zeros without any."""

    count: int
    mean: float
    p50: float
    p95: float


class RecoveryFigures(msgspec.Struct, kw_only=True):
    """One window, `seconds` of which were observed. A figure that nothing happened for is None.

    Ended requests are answered, failed, refused (no attempt was made) or cancelled (by their callers or by people).
    `excused` counts those that say nothing of the engine: cancelled, or at fault themselves (validation).
    Availability is answered / (requests - excused). `errors` are failed attempts, `failed` requests given up.
    `attempts` counts answered requests by the number that they took, `mean_attempts` is over those; `retry_success`
    is the share of tried again requests that were answered. `detect` is the session's silence before an error,
    `recover` the time from a request's first error to its answer.

    `mttr`, in seconds, is the mean time to restoration (IEC 60050-192, 192-07-23): the mean of `recover`. `mtbf`, in
    seconds, is the mean operating time between failures (192-05-13): the observed time / `failures`, which are the
    requests that saw an error, each counted once however often it was tried.
    """

    window: str
    seconds: float
    errors: int
    errors_per_minute: float
    by_type: dict[str, int]
    by_rule: dict[str, int]
    requests: int
    answered: int
    failed: int
    refused: int
    cancelled: int
    excused: int
    failures: int
    retries: int
    attempts: dict[str, int]
    mean_attempts: float | None
    retry_success: float | None
    breaker_changes: dict[str, int]
    sessions_lost: int
    detect: LatencySummary
    recover: LatencySummary
    availability: float | None
    mttr: float | None
    mtbf: float | None


class ListErrors(PageArgs, kw_only=True, frozen=True):
    """Those of one type, or of all."""

    type: ErrorKind | msgspec.UnsetType = msgspec.UNSET


class ErrorsResult(msgspec.Struct, kw_only=True):
    """A page of errors, newest first, of `total`."""

    errors: list[ErrorRow]
    total: int


class ErrorStatistics(msgspec.Struct, kw_only=True, frozen=True):
    """The time that the figures are of: 5m, 1h or 24h."""

    window: str = "1h"


class ErrorStatisticsResult(msgspec.Struct, kw_only=True):
    """The figures of one window."""

    statistics: RecoveryFigures


class CorrectError(msgspec.Struct, kw_only=True, frozen=True):
    """An error, and the type that errors like it are of."""

    id: str
    type: ErrorType


class RuleRow(msgspec.Struct, kw_only=True):
    """One rule of the classifier and how often it decided; a learned one has a template, others a weight."""

    id: str
    type: str
    category: str
    severity: str | None
    retryable: bool | None
    strategy: str
    description: str
    hits: int
    learned: bool
    weight: float | msgspec.UnsetType = msgspec.UNSET
    template: str | msgspec.UnsetType = msgspec.UNSET
    example: str | msgspec.UnsetType = msgspec.UNSET
    taught_by: str | msgspec.UnsetType = msgspec.UNSET
    taught_at: float | msgspec.UnsetType = msgspec.UNSET


class RuleResult(msgspec.Struct, kw_only=True):
    """The rule that was learned."""

    rule: RuleRow


class RulesResult(msgspec.Struct, kw_only=True):
    """The learned rules, then the others."""

    rules: list[RuleRow]


class LearnRule(msgspec.Struct, kw_only=True, frozen=True):
    """This text is an error of that type; what is left out is as usual for the type."""

    type: ErrorType
    text: str
    severity: ErrorSeverity | None = None
    retryable: bool | None = None
    strategy: StrategyWord | None = None


class RuleId(msgspec.Struct, kw_only=True, frozen=True):
    """One learned rule."""

    id: str


class Deleted(msgspec.Struct, kw_only=True):
    """The learned rule that was deleted."""

    deleted: str


class Classify(msgspec.Struct, kw_only=True, frozen=True):
    """Lines of error text, or records as JSON, each at most LONGEST_LINE characters."""

    lines: Annotated[list[Annotated[str, msgspec.Meta(max_length=LONGEST_LINE)]], msgspec.Meta(max_length=MOST_LINES)]


class ErrorClassRow(msgspec.Struct, kw_only=True):
    """The class of an error, what follows from it, and the rule that decided; `priority` 1 comes first."""

    type: str
    severity: str | None
    category: str
    description: str
    retryable: bool | None
    retry_after_s: float | None
    priority: int
    strategy: str
    confidence: float
    rule: str


class ClassesResult(msgspec.Struct, kw_only=True):
    """One class a line, in order."""

    classes: list[ErrorClassRow]


LIST_ERRORS = Operation(
    "errors.list",
    "GET /api/errors",
    ListErrors,
    ErrorsResult,
    "List the last errors, newest first.",
    columns=("id", "at", "type", "rule", "end", "session", "text"),
    examples=("quarterdeck errors list --type network",),
)
ERROR_STATISTICS = Operation(
    "errors.statistics",
    "GET /api/errors/statistics",
    ErrorStatistics,
    ErrorStatisticsResult,
    "Show rates, retries, availability, and the times to detect and to recover.",
    examples=("quarterdeck errors statistics --window 5m",),
)
LIST_RULES = Operation(
    "errors.rules",
    "GET /api/errors/rules",
    NoArguments,
    RulesResult,
    "List the classifier's rules with how many errors each decided.",
    columns=("id", "type", "retryable", "strategy", "hits", "description"),
    examples=("quarterdeck errors rules --json",),
)
LEARN_RULE = Operation(
    "errors.learn",
    "POST /api/errors/rules",
    LearnRule,
    RuleResult,
    "Learn that errors like a text are of a type.",
    Scope.OPERATOR,
    status=201,
    sentence="{rule.id}: errors like this are of type {rule.type}.",
    examples=("quarterdeck errors learn network 'the wire is cut'",),
)
FORGET_RULE = Operation(
    "errors.forget",
    "DELETE /api/errors/rules/{id}",
    RuleId,
    Deleted,
    "Delete learned rules.",
    Scope.OPERATOR,
    sentence="{id} is deleted.",
    examples=("quarterdeck errors forget learned-3",),
)
CLASSIFY = Operation(
    "errors.classify",
    "POST /api/classify",
    Classify,
    ClassesResult,
    "Classify errors by the rules of the engine; nothing is kept.",
    max_body=MAX_CLASSIFY_BODY,
    command="classify",
    examples=("echo 'ECONNRESET' | quarterdeck classify",),
)
CORRECT_ERROR = Operation(
    "errors.correct",
    "POST /api/errors/{id}/class",
    CorrectError,
    RuleResult,
    "Learn that errors like this one are of a type.",
    Scope.OPERATOR,
    status=201,
    examples=("quarterdeck errors correct 4f1c.1 network",),
)
