"""The delays before a retry, and the budget that bounds retries."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import ErrorKind, SettingsError
from engine.recovery.retry.backoff import Backoff, delay_before
from engine.recovery.retry.budget import RESPAWN_COST, RETRY_COST, THROTTLED_COST, Budget
from engine.recovery.retry.curves import Curve, Jitter
from engine.recovery.retry.policy import retry_policy
from engine.settings.load import load_settings
from engine.settings.schema import RetryByType, Settings


def _settings(*overrides: str) -> Settings:
    return load_settings(None, overrides, {"HOME": "/nowhere"}, None).settings


def _high(_low: float, high: float) -> float:
    return high


@pytest.mark.parametrize(
    ("growth", "ceilings"),
    [
        (Curve.FIXED, [1.5, 1.5, 1.5, 1.5]),
        (Curve.LINEAR, [1.5, 3.0, 4.5, 6.0]),
        (Curve.EXPONENTIAL, [1.5, 3.0, 6.0, 10.0]),
        (Curve.ADAPTIVE, [2.25, 4.5, 9.0, 10.0]),
    ],
)
def test_delays_grow_along_the_curve_and_with_the_load_up_to_the_cap(growth: Curve, ceilings: list[float]) -> None:
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


def test_what_a_type_of_error_leaves_empty_is_as_for_all_types() -> None:
    stated = ("retry.attempts.network=7", "retry.jitter=equal", "retry.by_type.network.max_delay=90s")
    policy = retry_policy(_settings(*stated, "retry.by_type.auth={max_attempts: 2, backoff_strategy: fixed}"))
    assert policy.most(ErrorKind.NETWORK) == 7
    assert policy.backoff_of(ErrorKind.NETWORK) == Backoff(0.5, 90.0, Curve.EXPONENTIAL, Jitter.EQUAL)
    assert policy.most(ErrorKind.AUTH) == 2
    assert policy.backoff_of(ErrorKind.AUTH) == Backoff(0.5, 30.0, Curve.FIXED, Jitter.EQUAL)
    assert policy.by_type.keys() == {ErrorKind.NETWORK, ErrorKind.AUTH}
    assert policy.most(ErrorKind.VALIDATION) == 1
    assert policy.backoff_of(ErrorKind.VALIDATION) == policy.backoff


def test_every_type_of_error_may_have_a_policy() -> None:
    assert set(RetryByType.model_fields) == {kind.value for kind in ErrorKind}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            "weather={max_attempts: 3}",
            "known names there are network, process, auth, resource",
        ),
        (
            "netwrk.max_attempts=3",
            "netwrk.max_attempts = 3 (--set): no such setting; known names there are",
        ),
        ("network.max_attempts=0", "it must be a whole number from 1 to 100, or empty"),
        ("network.backoff_strategy=linaer", "the nearest is linear"),
        ("network.base_delay=60s", "retry.by_type.network.base_delay = 60s (--set) is above retry.max_delay = 30s"),
        (
            "network.max_delay=0.1s",
            "retry.base_delay = 500ms (default) is above retry.by_type.network.max_delay",
        ),
        (
            "network={base_delay: 9s, max_delay: 8s}",
            "network.base_delay = 9s (--set) is above retry.by_type.network.max_delay",
        ),
    ],
)
def test_a_wrong_policy_of_a_type_is_named_with_what_there_is(wrong: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        _settings(f"retry.by_type.{wrong}")
    assert words in str(refused.value)


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
