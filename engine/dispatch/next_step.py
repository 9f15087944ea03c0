"""What follows a failed attempt: one pure decision for retry, breaker wait, probe wait, recovery and giving up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.base.errors import BreakerOpen, Overloaded, QuarterdeckError
from engine.recovery.breakers.guard import blamed_scope
from engine.recovery.escalation import FAIL_FAST, PARK, PLAIN_RETRY, EscalationState, next_level, strategy_at
from engine.recovery.failure import Failure
from engine.recovery.orchestrator import RecoveryOptions
from engine.recovery.retry.backoff import Uniform, delay_before
from engine.recovery.retry.policy import RetryPolicy
from engine.recovery.strategies.builtin import refusal, resets_in

_BREAKER_WAIT_S = (0.1, 0.5)
"""Shortest and longest wait before a refused request tries its breaker again, spread so that not all do at once."""


_NOT_ESCALATED = EscalationState()


@dataclass(frozen=True, slots=True)
class RequestState:
    """Facts of the request whose attempt failed; times in seconds.

    `attempt` counts from 1, `left` is the time to the deadline, `breaker_waited` what it has waited at breakers so far.
    `may_wait` states that it was parked before, `was_probe` that the attempt was a half-open breaker's probe, and
    `may_repeat` that a second run may use tools again. `price` is what a retry takes of the budget, None when the
    budget cannot pay it; `load` is the pool's utilisation and `failing` the share of recent attempts that failed, both
    from 0 to 1.
    """

    attempt: int
    left: float
    last_delay: float = 0.0
    breaker_waited: float = 0.0
    may_wait: bool = False
    was_probe: bool = False
    may_repeat: bool = False
    price: int | None = 0
    load: float = 0.0
    failing: float = 0.0
    escalation: EscalationState = _NOT_ESCALATED


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds; `cost` is taken from the budget."""

    delay: float
    reason: str
    cost: int = 0
    escalation: EscalationState = _NOT_ESCALATED


@dataclass(frozen=True, slots=True)
class Recover:
    """Run `strategy`, and try again after `delay` seconds and once it worked; `may_wait` from now on."""

    strategy: str
    delay: float
    reason: str
    cost: int = 0
    escalation: EscalationState = _NOT_ESCALATED
    may_wait: bool = False


@dataclass(frozen=True, slots=True)
class WaitForBreaker:
    """Try the breaker again after `delay` seconds; this is no attempt. `may_wait` from now on."""

    delay: float
    may_wait: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No attempt follows. `strategy` runs for those who come later; `retry_after` is when the caller may try again."""

    reason: str = ""
    strategy: str = PLAIN_RETRY
    escalation: EscalationState = _NOT_ESCALATED
    retry_after: float | None = None
    over_budget: bool = False


Step = Retry | Recover | WaitForBreaker | GiveUp


def next_step(
    failure: Failure, state: RequestState, policy: RetryPolicy, options: RecoveryOptions, uniform: Uniform
) -> Step:
    """Decide what follows a failed attempt. `uniform(low, high)` draws the jitter."""
    error = failure.error
    if error is None:
        return GiveUp("nothing failed")
    if isinstance(error, BreakerOpen):
        wait = _at_open_breaker(error, state, policy, uniform)
        return wait or GiveUp()
    if state.was_probe and (wait := _after_probe(error, state, policy, uniform)) is not None:
        return wait
    return _recover_or_retry(failure, error, state, policy, options, uniform)


def _at_open_breaker(
    error: BreakerOpen, state: RequestState, policy: RetryPolicy, uniform: Uniform
) -> WaitForBreaker | None:
    """No call was made: the request waits a while, or is refused with the breaker's own error."""
    wait = breaker_wait(policy, error.retry_after, state, uniform, parked=error.parked)
    if wait is None or (error.parked and wait > state.left):
        return None
    return WaitForBreaker(wait, state.may_wait or error.parked)


def _after_probe(
    error: QuarterdeckError, state: RequestState, policy: RetryPolicy, uniform: Uniform
) -> WaitForBreaker | None:
    """A failed probe speaks of the breaker: its request waits on, as it would had another one been sent."""
    repeats_tools = error.acted and not state.may_repeat
    wait = breaker_wait(policy, 0.0, state, uniform)
    if wait is None or repeats_tools or not error.retryable or not blamed_scope(error):
        return None
    return WaitForBreaker(wait, state.may_wait)


def breaker_wait(
    policy: RetryPolicy, retry_after: float | None, state: RequestState, uniform: Uniform, *, parked: bool = False
) -> float | None:
    """Seconds until a refused request tries its breaker again, None when it is refused for good.

    A probe that works closes a breaker before `retry_after`: waits are short, and spread so that not all try at once.
    No probe runs before that at a `parked` one; a request that was parked before waits as long as a parked one may.
    """
    longest = max(policy.breaker_wait, policy.park_max) if state.may_wait or parked else policy.breaker_wait
    if retry_after is None or state.breaker_waited >= longest:
        return None
    if parked:
        fits = state.breaker_waited + retry_after <= longest
        return retry_after + uniform(0.0, policy.wake_spread) if fits else None
    return min(uniform(*_BREAKER_WAIT_S), longest - state.breaker_waited)


def _recover_or_retry(
    failure: Failure,
    error: QuarterdeckError,
    state: RequestState,
    policy: RetryPolicy,
    options: RecoveryOptions,
    uniform: Uniform,
) -> Step:
    escalation = next_level(state.escalation, options.first, options.able)
    strategy = strategy_at(escalation.level, options.able)
    if strategy == FAIL_FAST and options.observe:
        strategy = PLAIN_RETRY
    if strategy == FAIL_FAST:
        why = "" if options.first == FAIL_FAST else f"{options.first} did not help"
        return GiveUp(why or "nothing that the engine can do would help", escalation=replace(escalation, why=why))
    if strategy == PARK and not options.observe and (why := refusal(failure)):
        return GiveUp(why, strategy, replace(escalation, why=why), resets_in(failure))
    step = _retry(error, state, policy, uniform)
    if isinstance(step, GiveUp):
        return replace(step, strategy=strategy, escalation=escalation)
    if strategy == PLAIN_RETRY:
        return replace(step, escalation=escalation)
    return Recover(strategy, step.delay, step.reason, step.cost, escalation, may_wait=strategy == PARK)


def _retry(error: QuarterdeckError, state: RequestState, policy: RetryPolicy, uniform: Uniform) -> Retry | GiveUp:
    """A server's delay comes first, then the backoff; the budget is looked at last."""
    if (reason := _no_retry(error, state, policy)) is not None:
        return GiveUp(reason)
    delay = delay_before(
        policy.backoff_of(error.kind),
        state.attempt,
        uniform,
        last=state.last_delay,
        load=state.load,
        failing=state.failing,
    )
    delay = max(delay, error.retry_after or 0.0)
    if delay >= state.left:
        return GiveUp(f"the deadline is in {state.left:.1f} s, the next attempt would be in {delay:.1f} s")
    if state.price is None:
        return GiveUp("the retry budget is spent: too many calls fail", over_budget=True)
    return Retry(delay, error.message, state.price)


def _no_retry(error: QuarterdeckError, state: RequestState, policy: RetryPolicy) -> str | None:
    """Why another attempt is out of the question, whatever the delay; None when it is not."""
    if not error.retryable:
        later = error.retry_after is not None
        return "it cannot be done now; ask again later" if later else "the same request would fail again"
    if isinstance(error, Overloaded):
        return "this engine sheds load, and its own attempts would add to it"
    if error.acted and not state.may_repeat:
        return "the turn had used tools and the request is not idempotent"
    if state.attempt >= policy.most(error.kind):
        return f"{state.attempt} attempts were made"
    longest = max(policy.backoff_of(error.kind).cap, policy.park_max)
    if error.retry_after is not None and error.retry_after > longest:
        wait = f"the server asks for a wait of {error.retry_after:.0f} s"
        own = f"the longest delay of {error.kind.value} errors" if error.kind in policy.by_type else "`retry.max_delay`"
        return f"{wait}, and {own} and `recovery.park_max` allow {longest:.0f} s"
    return None
