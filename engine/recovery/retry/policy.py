"""Whether and when to try again: a pure decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.base.errors import ErrorKind, Overloaded, QuarterdeckError
from engine.recovery.retry.backoff import Backoff, Curve, Jitter, Uniform, delay_before
from engine.recovery.retry.budget import Budget
from engine.settings.schema import Settings

_ASK_AGAIN_S = (0.1, 0.5)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` in all, or what `attempts` says for the type of the error.

    `breaker_wait` is the longest wait in seconds for an open breaker, which is no attempt; `park_max` that for a limit
    to reset, after which requests wake within `wake_spread` seconds.
    """

    max_attempts: int = 3
    attempts: Mapping[ErrorKind, int] = field(default_factory=dict)
    backoff: Backoff = field(default_factory=Backoff)
    breaker_wait: float = 0.0
    park_max: float = 0.0
    wake_spread: float = 5.0

    def most(self, kind: ErrorKind) -> int:
        """Attempts for this type of error."""
        return self.attempts.get(kind, self.max_attempts)


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """The attempt that failed: its number (from 1), whether it acted, seconds left, the delay before it.

    `acted` says that the turn used tools and the request is not idempotent.
    """

    attempt: int
    acted: bool
    left: float
    last_delay: float = 0.0
    load: float = 0.0
    failing: float = 0.0


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """AttemptFacts again after `delay` seconds, or give up; and why. `cost` is what it took from the budget."""

    again: bool
    delay: float
    reason: str
    cost: int = 0


def decide(
    policy: RetryPolicy, error: QuarterdeckError, tried: AttemptFacts, budget: Budget, uniform: Uniform
) -> RetryDecision:
    """Decide after an attempt failed. A server's delay comes first, then the backoff; the budget is asked last."""
    if not error.retryable:
        later = error.retry_after is not None
        return give_up("it cannot be done now; ask again later" if later else "the same request would fail again")
    if isinstance(error, Overloaded):
        return give_up("this engine sheds load, and its own attempts would add to it")
    if tried.acted:
        return give_up("the turn had used tools and the request is not idempotent")
    if tried.attempt >= policy.most(error.kind):
        return give_up(f"{tried.attempt} attempts were made")
    longest = max(policy.backoff.cap, policy.park_max)
    if error.retry_after is not None and error.retry_after > longest:
        wait = f"the server asks for a wait of {error.retry_after:.0f} s"
        return give_up(f"{wait}, and `retry.max_delay` and `recovery.park_max` allow {longest:.0f} s")
    delay = delay_before(
        policy.backoff, tried.attempt, uniform, last=tried.last_delay, load=tried.load, failing=tried.failing
    )
    delay = max(delay, error.retry_after or 0.0)
    if delay >= tried.left:
        return give_up(f"the deadline is in {tried.left:.1f} s, the next attempt would be in {delay:.1f} s")
    cost = budget.take(error.kind)
    if cost is None:
        return give_up("the retry budget is spent: too many calls fail")
    return RetryDecision(True, delay, error.message, cost)


def wait_at_breaker(
    policy: RetryPolicy,
    retry_after: float | None,
    waited: float,
    uniform: Uniform,
    *,
    may_wait: bool = False,
    parked: bool = False,
) -> float | None:
    """Seconds until a refused request asks its breaker again, None when it is refused for good.

    A probe that works closes a breaker before `retry_after`: waits are short, and spread so that not all ask at once.
    At a `parked` one there is no probe before; a `may_wait` request is one that was parked before.
    """
    most = max(policy.breaker_wait, policy.park_max) if may_wait or parked else policy.breaker_wait
    if retry_after is None or waited >= most:
        return None
    if parked:
        return retry_after + uniform(0.0, policy.wake_spread) if waited + retry_after <= most else None
    return min(uniform(*_ASK_AGAIN_S), most - waited)


def give_up(reason: str) -> RetryDecision:
    """No attempt follows."""
    return RetryDecision(False, 0.0, reason)


def retry_policy(settings: Settings) -> RetryPolicy:
    """How often and how soon an error of each kind is tried again."""
    retry = settings.retry
    given = retry.attempts.model_dump()
    attempts = {ErrorKind(name): most for name, most in given.items() if most is not None}
    backoff = Backoff(retry.base_delay, retry.max_delay, Curve(retry.backoff), Jitter(retry.jitter))
    recovery = settings.recovery
    return RetryPolicy(
        retry.max_attempts, attempts, backoff, retry.breaker_wait, recovery.park_max, recovery.wake_spread
    )
