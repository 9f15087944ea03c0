"""The library's retry policy as the engine decides by it."""

from __future__ import annotations

from engine.library.types import RetryPolicy as Given
from engine.recovery.retry.backoff import Backoff
from engine.recovery.retry.curves import Curve, Jitter
from engine.recovery.retry.policy import RetryPolicy, TypePolicy


def type_policy(given: Given) -> TypePolicy:
    """The policy of one type of error."""
    return TypePolicy(given.max_attempts, _backoff(given))


def whole_policy(given: Given) -> RetryPolicy:
    """A policy for every type of error, without waits for breakers."""
    return RetryPolicy(given.max_attempts, backoff=_backoff(given))


def _backoff(given: Given) -> Backoff:
    return Backoff(given.base_delay, given.max_delay, Curve(given.backoff_strategy), Jitter(given.jitter))
