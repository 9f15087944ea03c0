"""`retry_with_backoff`: an operation of the caller's own, tried again by the engine's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.base.errors import ErrorKind, QuarterdeckError, TurnFailed
from engine.dispatch.next_step import RequestState, Retry, next_step
from engine.engine import Engine
from engine.library.errors import classify
from engine.library.policies import whole_policy
from engine.library.types import RetryPolicy as Given
from engine.recovery.failure import Failure
from engine.recovery.orchestrator import RecoveryOptions

T = TypeVar("T")


async def retried(engine: Engine, operation: Callable[[], Awaitable[T]], given: Given | None) -> T:
    """Await the operation again after errors that may pass; raises the last error, with a note of why it is the last.

    Delays and attempts are the policy's, or the engine's settings; retries are paid from the engine's budget.
    """
    policy = engine.retry_policy if given is None else whole_policy(given)
    attempt, delay, cost = 1, 0.0, 0
    while True:
        try:
            result = await operation()
        except Exception as error:
            failed = _as_engine_error(engine, error, given)
            state = RequestState(
                attempt=attempt,
                left=float("inf"),
                last_delay=delay,
                may_repeat=True,
                price=engine.budget.price(failed.kind),
                load=min(1.0, engine.pool.utilisation),
            )
            step = next_step(
                Failure(error=failed),
                state,
                policy,
                RecoveryOptions(),
                engine.rng.uniform,
            )
            if not isinstance(step, Retry):
                error.add_note(f"It was not tried again: {getattr(step, 'reason', '') or 'it may not wait'}.")
                raise
            engine.budget.spend(step.cost)
            attempt, delay, cost = attempt + 1, step.delay, step.cost
            await asyncio.sleep(step.delay)
        else:
            engine.budget.worked(cost)
            return result


def _as_engine_error(engine: Engine, error: Exception, given: Given | None) -> QuarterdeckError:
    found = classify(engine, error)
    kind = ErrorKind(found.type) if found.type in set(ErrorKind) else ErrorKind.INTERNAL
    named = {ErrorKind(each) for each in given.retryable_errors} if given is not None else set()
    retryable = kind in named if named else found.retryable
    return TurnFailed(str(error), kind=kind, retryable=retryable, retry_after=found.retry_after)
