"""Errors as the library reads them: their class, their strategy, and the figures of retries and recoveries."""

from __future__ import annotations

from engine.base.errors import QuarterdeckError
from engine.engine import Engine
from engine.library.types import ErrorClass, RetryStatistics, StrategyStatistics
from engine.recovery.classify.evidence import Evidence, of_exception
from engine.recovery.escalation import BY_WORD, PLAIN_RETRY


def classify(engine: Engine, error: BaseException | str) -> ErrorClass:
    """The class of an exception or a text; an error of the engine carries its class already."""
    if isinstance(error, QuarterdeckError):
        return _of_engine(error)
    evidence = Evidence(text=error, failed=True) if isinstance(error, str) else of_exception(error)
    found = engine.diagnosis.classify(evidence)
    return ErrorClass(
        type=found.type.value,
        severity=found.severity.value if found.severity is not None else "low",
        category=found.category,
        description=found.description,
        retryable=bool(found.retryable),
        retry_after=found.retry_after_s,
        priority=found.priority,
        strategy=found.strategy.value,
        confidence=found.confidence,
    )


def strategy_for_class(engine: Engine, found: ErrorClass) -> str:
    """The strategy of a class: the settings' own first, then the one that the classifier's word stands for."""
    own = engine.recoveries.orchestrator.strategies.by_class
    for name in (f"{found.type}/{found.category}", found.type):
        if name in own:
            return own[name]
    return BY_WORD.get(found.strategy, PLAIN_RETRY)


def retry_statistics(engine: Engine) -> RetryStatistics:
    """Requests and retries since the engine started."""
    totals = engine.bus.state.totals
    ended = totals.answered - totals.cached + totals.failed
    return RetryStatistics(
        requests=totals.requests,
        answered=totals.answered,
        failed=totals.failed,
        retries=totals.retries,
        mean_attempts=(ended + totals.retries) / ended if ended else 0.0,
        budget_left=engine.budget.tokens,
        budget_size=engine.budget.size,
    )


def strategy_statistics(engine: Engine) -> list[StrategyStatistics]:
    """What was seen of each strategy; its own estimate before the first run."""
    return [
        StrategyStatistics(
            name=row["strategy"],
            runs=row["runs"],
            estimated_time=row["mean"] if row["runs"] else row["estimated_time"],
            success_rate=row["success_rate"] if row["runs"] else None,
        )
        for row in engine.recoveries.statistics()
    ]


def _of_engine(error: QuarterdeckError) -> ErrorClass:
    verdict = error.verdict
    return ErrorClass(
        type=error.kind.value,
        severity=verdict.severity,
        category=verdict.category or error.code,
        description=error.message,
        retryable=error.retryable,
        retry_after=error.retry_after,
        priority=1 if verdict.severity in {"critical", "high"} else 5,
        strategy=verdict.strategy,
        confidence=verdict.confidence,
    )
