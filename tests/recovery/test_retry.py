"""The retry decision, the delays before it, and the budget that bounds it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import ErrorKind, Overloaded, QuarterdeckError, TurnFailed
from engine.recovery.retry.backoff import Backoff, Curve, Jitter, delay_before
from engine.recovery.retry.budget import RESPAWN_COST, RETRY_COST, THROTTLED_COST, Budget
from engine.recovery.retry.policy import AttemptFacts, RetryDecision, RetryPolicy, decide, wait_at_breaker

POLICY = RetryPolicy(max_attempts=3, attempts={ErrorKind.NETWORK: 5}, backoff=Backoff(1.0, 5.0))
FIRST = AttemptFacts(1, acted=False, left=1e9)


def _high(_low: float, high: float) -> float:
    return high


def _decide(error: QuarterdeckError, tried: AttemptFacts = FIRST, budget: Budget | None = None) -> RetryDecision:
    return decide(POLICY, error, tried, budget or Budget(500), _high)


def _overloaded(retry_after: float | None = None) -> TurnFailed:
    return TurnFailed("overloaded", kind=ErrorKind.RESOURCE, retryable=True, retry_after=retry_after)


def test_the_servers_delay_comes_first() -> None:
    assert _decide(_overloaded()).delay == 1.0
    assert _decide(_overloaded(retry_after=4.0)).delay == 4.0


def test_it_gives_up_with_a_reason() -> None:
    given_up = {
        "fail again": _decide(TurnFailed("bad key", kind=ErrorKind.AUTH)),
        "sheds load": _decide(Overloaded("no disk")),
        "3 attempts": _decide(_overloaded(), AttemptFacts(3, acted=False, left=1e9)),
        "not idempotent": _decide(_overloaded(), AttemptFacts(1, acted=True, left=1e9)),
        "deadline": _decide(_overloaded(), AttemptFacts(1, acted=False, left=0.5)),
        "budget is spent": _decide(_overloaded(), budget=Budget(THROTTLED_COST - 1)),
    }
    for reason, decision in given_up.items():
        assert (decision.again, reason in decision.reason) == (False, True), reason


def test_a_type_of_error_may_have_attempts_of_its_own() -> None:
    broken = TurnFailed("reset", kind=ErrorKind.NETWORK, retryable=True)
    assert _decide(broken, AttemptFacts(4, acted=False, left=1e9)).again
    assert not _decide(broken, AttemptFacts(5, acted=False, left=1e9)).again


def test_what_will_not_be_tried_again_takes_nothing_from_the_budget() -> None:
    budget = Budget(100)
    _decide(_overloaded(), AttemptFacts(3, acted=False, left=1e9), budget)
    assert budget.tokens == 100
    assert _decide(_overloaded(), budget=budget).cost == THROTTLED_COST
    assert budget.tokens == 100 - THROTTLED_COST


@pytest.mark.parametrize(
    ("growth", "ceilings"),
    [
        (Curve.FIXED, [1.0, 1.0, 1.0, 1.0]),
        (Curve.LINEAR, [1.0, 2.0, 3.0, 4.0]),
        (Curve.EXPONENTIAL, [1.0, 2.0, 4.0, 8.0]),
        (Curve.ADAPTIVE, [2.25, 4.5, 9.0, 10.0]),
    ],
)
def test_delays_grow_as_they_are_told_up_to_the_cap(growth: Curve, ceilings: list[float]) -> None:
    backoff = Backoff(1.0, 10.0, growth, Jitter.NONE)
    assert [delay_before(backoff, n, _high, load=0.5, failing=0.5) for n in (1, 2, 3, 4)] == ceilings


@given(
    attempt=st.integers(1, 2000),
    growth=st.sampled_from(list(Curve)),
    jitter=st.sampled_from(list(Jitter)),
    last=st.floats(0, 100),
    seed=st.integers(0, 10),
)
def test_no_delay_is_ever_negative_or_above_the_cap(
    attempt: int, growth: Curve, jitter: Jitter, last: float, seed: int
) -> None:
    uniform = random.Random(seed).uniform
    delay = delay_before(Backoff(0.5, 30.0, growth, jitter), attempt, uniform, last=last, load=1.0, failing=1.0)
    assert 0.0 <= delay <= 30.0


def test_equal_jitter_keeps_half_and_decorrelated_looks_at_the_last_delay() -> None:
    low = min
    assert delay_before(Backoff(1.0, 30.0, jitter=Jitter.EQUAL), 3, low) == 2.0
    assert delay_before(Backoff(1.0, 30.0, jitter=Jitter.DECORRELATED), 3, _high, last=4.0) == 12.0


def test_in_an_outage_retries_end_and_the_load_falls_to_the_first_attempts() -> None:
    budget, retries = Budget(500), 0
    for _ in range(10_000):
        retries += budget.take(ErrorKind.NETWORK) is not None
    assert retries == 450 // RETRY_COST
    for _ in range(RETRY_COST):
        budget.worked()
    assert budget.take(ErrorKind.NETWORK) == RETRY_COST


def test_an_outage_of_the_api_leaves_something_for_crashes_of_our_own() -> None:
    budget = Budget(500)
    while budget.take(ErrorKind.RESOURCE) is not None:
        pass
    respawns = 0
    while budget.take(ErrorKind.PROCESS) is not None:
        respawns += 1
    assert respawns >= 50 // RESPAWN_COST
    assert budget.tokens < RESPAWN_COST


def test_a_retry_that_works_gives_back_what_it_took_and_never_more_than_there_may_be() -> None:
    budget = Budget(100)
    cost = budget.take(ErrorKind.RESOURCE)
    assert cost == THROTTLED_COST
    budget.worked(cost)
    budget.worked(1000)
    assert budget.tokens == 100
    budget.take(ErrorKind.NETWORK)
    budget.resize(50)
    assert (budget.tokens, budget.size) == (50 - RETRY_COST, 50)


@pytest.mark.parametrize(
    ("retry_after", "waited", "expected"),
    [(5.0, 0.0, 0.5), (5.0, 9.8, pytest.approx(0.2)), (5.0, 10.0, None), (None, 0.0, None)],
)
def test_a_request_waits_at_a_breaker_in_short_steps_up_to_its_bound(
    retry_after: float | None, waited: float, expected: float | None
) -> None:
    assert wait_at_breaker(RetryPolicy(breaker_wait=10.0), retry_after, waited, _high) == expected
    assert wait_at_breaker(RetryPolicy(), retry_after, 0.0, _high) is None


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
def test_a_request_is_parked_until_the_reset_within_its_bound_and_stays_patient(
    retry_after: float | None, waited: float, parked: bool, may_wait: bool, expected: float | None
) -> None:
    policy = RetryPolicy(park_max=100.0, wake_spread=3.0)
    assert wait_at_breaker(policy, retry_after, waited, _high, may_wait=may_wait, parked=parked) == expected
