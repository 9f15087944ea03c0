"""The one decision after a failed attempt: retry, recover, wait for the breaker, or give up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.base.errors import BreakerOpen, ErrorClass, ErrorKind, Overloaded, QuarterdeckError, TurnFailed
from engine.dispatch.next_step import GiveUp, Recover, RequestState, Retry, Step, WaitForBreaker, next_step
from engine.recovery.escalation import CLEAN, FAIL_FAST, PARK, RESTART, RESUME, EscalationState
from engine.recovery.failure import Failure
from engine.recovery.orchestrator import RecoveryOptions
from engine.recovery.retry.backoff import Backoff
from engine.recovery.retry.policy import RetryPolicy

POLICY = RetryPolicy(max_attempts=3, attempts={ErrorKind.NETWORK: 5}, backoff=Backoff(1.0, 5.0))
FIRST = RequestState(attempt=1, left=1e9, price=5)
ALL = frozenset({RESUME, RESTART, CLEAN, PARK}).__contains__


def _high(_low: float, high: float) -> float:
    return high


def _step(
    error: QuarterdeckError,
    state: RequestState = FIRST,
    policy: RetryPolicy = POLICY,
    options: RecoveryOptions | None = None,
    patience: float = 0.0,
) -> Step:
    failure = Failure(error=error, session="s1", credential="credential:default", patience=patience)
    return next_step(failure, state, policy, options or RecoveryOptions(), _high)


def _overloaded(retry_after: float | None = None) -> TurnFailed:
    return TurnFailed("overloaded", kind=ErrorKind.RESOURCE, retryable=True, retry_after=retry_after)


def _crashed() -> TurnFailed:
    return TurnFailed("crashed", kind=ErrorKind.PROCESS, retryable=True)


def _open(retry_after: float | None = 5.0, *, parked: bool = False) -> QuarterdeckError:
    return BreakerOpen("open", retry_after=retry_after).changed(parked=parked)


def test_the_servers_delay_comes_before_the_backoff() -> None:
    once = EscalationState(tries=1)
    assert _step(_overloaded()) == Retry(1.0, "overloaded", 5, once)
    assert _step(_overloaded(retry_after=4.0)) == Retry(4.0, "overloaded", 5, once)


@pytest.mark.parametrize(
    ("reason", "error", "state"),
    [
        ("fail again", TurnFailed("bad key", kind=ErrorKind.AUTH), FIRST),
        ("ask again later", TurnFailed("spent", kind=ErrorKind.RESOURCE, retry_after=9.0), FIRST),
        ("sheds load", Overloaded("no disk"), FIRST),
        ("3 attempts", _overloaded(), replace(FIRST, attempt=3)),
        ("not idempotent", _overloaded().changed(acted=True), FIRST),
        ("deadline", _overloaded(), replace(FIRST, left=0.5)),
        ("allow 5 s", _overloaded(retry_after=60.0), FIRST),
        ("budget is spent", _overloaded(), replace(FIRST, price=None)),
    ],
)
def test_it_gives_up_with_a_reason(reason: str, error: QuarterdeckError, state: RequestState) -> None:
    step = _step(error, state)
    assert isinstance(step, GiveUp)
    assert reason in step.reason
    assert step.over_budget is (reason == "budget is spent")


def test_tools_may_be_used_again_by_an_idempotent_request() -> None:
    assert isinstance(_step(_overloaded().changed(acted=True), replace(FIRST, may_repeat=True)), Retry)


def test_a_type_of_error_may_have_attempts_of_its_own() -> None:
    broken = TurnFailed("reset", kind=ErrorKind.NETWORK, retryable=True)
    assert isinstance(_step(broken, replace(FIRST, attempt=4)), Retry)
    assert isinstance(_step(broken, replace(FIRST, attempt=5)), GiveUp)


@pytest.mark.parametrize(
    ("retry_after", "waited", "expected"),
    [(5.0, 0.0, 0.5), (5.0, 9.8, pytest.approx(0.2)), (5.0, 10.0, None), (None, 0.0, None)],
)
def test_a_request_waits_at_a_breaker_in_short_steps_up_to_its_bound(
    retry_after: float | None, waited: float, expected: float | None
) -> None:
    state = replace(FIRST, breaker_waited=waited)
    step = _step(_open(retry_after), state, RetryPolicy(breaker_wait=10.0))
    assert step == (GiveUp() if expected is None else WaitForBreaker(expected))
    assert _step(_open(retry_after), policy=RetryPolicy()) == GiveUp()


@pytest.mark.parametrize(
    ("retry_after", "waited", "parked", "may_wait", "expected"),
    [
        (50.0, 0.0, True, False, 53.0),
        (90.0, 20.0, True, False, None),
        (5.0, 50.0, False, True, 0.5),
        (5.0, 50.0, False, False, None),
        (None, 0.0, True, True, None),
    ],
)
def test_a_request_is_parked_until_the_reset_within_its_bound_and_may_wait_afterwards(
    retry_after: float | None, waited: float, parked: bool, may_wait: bool, expected: float | None
) -> None:
    policy = RetryPolicy(park_max=100.0, wake_spread=3.0)
    state = replace(FIRST, breaker_waited=waited, may_wait=may_wait)
    step = _step(_open(retry_after, parked=parked), state, policy)
    assert step == (GiveUp() if expected is None else WaitForBreaker(expected, may_wait or parked))


def test_a_request_is_not_parked_beyond_its_deadline() -> None:
    policy = RetryPolicy(park_max=100.0, wake_spread=3.0)
    assert _step(_open(50.0, parked=True), replace(FIRST, left=52.0), policy) == GiveUp()


def test_a_failed_probe_waits_on_for_its_breaker_and_costs_no_attempt() -> None:
    policy, probe = RetryPolicy(breaker_wait=10.0), replace(FIRST, was_probe=True)
    assert _step(_overloaded(), probe, policy) == WaitForBreaker(0.5)
    assert isinstance(_step(_overloaded(), replace(probe, breaker_waited=10.0), policy), Retry)
    assert isinstance(_step(_overloaded().changed(acted=True), probe, policy), GiveUp)
    fault_of_the_request = TurnFailed("too long", kind=ErrorKind.VALIDATION)
    assert isinstance(_step(fault_of_the_request, probe, policy), GiveUp)


def test_the_class_of_a_failure_brings_its_strategy_and_the_second_failure_at_a_level_the_next() -> None:
    options = RecoveryOptions(RESUME, ALL)
    first = _step(_crashed(), options=options)
    assert isinstance(first, Recover)
    assert (first.strategy, first.escalation) == (RESUME, EscalationState(RESUME, RESUME, 1))
    second = _step(_crashed(), replace(FIRST, escalation=first.escalation), options=options)
    assert isinstance(second, Recover)
    assert second.strategy == RESUME
    third = _step(_crashed(), replace(FIRST, escalation=second.escalation), options=options)
    assert isinstance(third, Recover)
    assert (third.strategy, third.escalation) == (RESTART, EscalationState(RESUME, RESTART, 1))
    spent = replace(FIRST, escalation=EscalationState(RESUME, RESTART, 2))
    assert _step(_crashed(), spent, options=options) == GiveUp(
        f"{RESUME} did not help", escalation=EscalationState(RESUME, FAIL_FAST, 1, f"{RESUME} did not help")
    )


def test_a_strategy_that_cannot_act_is_passed_over() -> None:
    step = _step(_crashed(), options=RecoveryOptions(RESUME, frozenset({RESTART}).__contains__))
    assert isinstance(step, Recover)
    assert step.strategy == RESTART
    assert isinstance(_step(_crashed(), options=RecoveryOptions(CLEAN)), Retry)


def test_a_request_that_may_not_wait_for_a_reset_is_given_up_while_its_credential_is_parked() -> None:
    error, options = _overloaded(retry_after=90.0), RecoveryOptions(PARK, ALL)
    policy = replace(POLICY, park_max=100.0)
    held = _step(error, policy=policy, options=options, patience=100.0)
    assert isinstance(held, Recover)
    assert (held.strategy, held.may_wait, held.delay) == (PARK, True, 90.0)
    refused = _step(error, policy=policy, options=options, patience=30.0)
    assert isinstance(refused, GiveUp)
    assert (refused.strategy, refused.retry_after) == (PARK, 90.0)
    assert "resets in 90 s" in refused.reason


def test_what_is_given_up_still_runs_its_strategy_for_those_who_come_later() -> None:
    step = _step(_overloaded(), replace(FIRST, attempt=3), options=RecoveryOptions(CLEAN, ALL))
    assert isinstance(step, GiveUp)
    assert step.strategy == CLEAN


def test_observed_recovery_gives_no_request_up() -> None:
    class_of_error = TurnFailed("no", kind=ErrorKind.AUTH, retryable=True).changed(
        verdict=ErrorClass("rule", "refused", "high", "fail_fast")
    )
    assert isinstance(_step(class_of_error, options=RecoveryOptions(FAIL_FAST, ALL)), GiveUp)
    assert isinstance(_step(class_of_error, options=RecoveryOptions(FAIL_FAST, ALL, observe=True)), Retry)
