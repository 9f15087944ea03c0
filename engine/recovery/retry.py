"""Whether and when to try again: a pure decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import QuarterdeckError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` in all; delays in seconds grow from `base_delay` by doubling up to `max_delay`."""

    max_attempts: int = 3
    base_delay: float = 0.5
    max_delay: float = 30.0
    jitter: str = "full"


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """Try again after `delay` seconds, or give up; and why."""

    again: bool
    delay: float
    reason: str


def decide(
    policy: RetryPolicy,
    error: QuarterdeckError,
    attempt: int,
    *,
    acted: bool,
    left: float,
    uniform: Callable[[float, float], float],
) -> RetryDecision:
    """Decide after attempt number `attempt` (from 1) failed.

    `acted` says that the turn used tools and the request is not idempotent; `left` is the time in seconds to its
    deadline. A server's delay comes first; otherwise full jitter: U(0, min(max_delay, base_delay * 2**(attempt-1))).
    """
    if not error.retryable:
        return RetryDecision(False, 0.0, "the same request would fail again")
    if acted:
        return RetryDecision(False, 0.0, "the turn had used tools and the request is not idempotent")
    if attempt >= policy.max_attempts:
        return RetryDecision(False, 0.0, f"{attempt} attempts were made")
    ceiling = min(policy.max_delay, policy.base_delay * 2.0 ** (attempt - 1))
    delay = uniform(0.0, ceiling) if policy.jitter == "full" else ceiling
    delay = max(delay, error.retry_after or 0.0)
    if delay >= left:
        return RetryDecision(False, 0.0, f"the deadline is in {left:.1f} s, the next attempt would be in {delay:.1f} s")
    return RetryDecision(True, delay, error.message)
