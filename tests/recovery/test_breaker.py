"""The breaker's states, its leased permits and their generations."""

from __future__ import annotations

from engine.recovery.breaker import Breaker, BreakerLimits, BreakerState, Permit, Refusal

LIMITS = BreakerLimits(failure_threshold=3, timeout=60.0, half_open_max_calls=2)


def _ask(breaker: Breaker, now: float) -> Permit:
    permit = breaker.ask(now)
    assert isinstance(permit, Permit)
    return permit


def _opened() -> Breaker:
    breaker = Breaker(LIMITS)
    for _ in range(3):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker(LIMITS)
    for _ in range(2):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    breaker.succeeded(_ask(breaker, 0.0))
    for _ in range(2):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed(_ask(breaker, 0.0), 0.0)
    assert breaker.state is BreakerState.OPEN


def test_open_refuses_and_says_for_how_long() -> None:
    assert _opened().ask(20.0) == Refusal(40.0)


def test_half_open_lets_so_many_calls_try_and_closes_when_they_work() -> None:
    breaker = _opened()
    first, second = _ask(breaker, 60.0), _ask(breaker, 60.0)
    assert isinstance(breaker.ask(60.0), Refusal)
    breaker.succeeded(first)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.succeeded(second)
    assert breaker.state is BreakerState.CLOSED


def test_one_failure_while_half_open_opens_it_again() -> None:
    breaker = _opened()
    breaker.failed(_ask(breaker, 60.0), 60.0)
    assert breaker.ask(61.0) == Refusal(59.0)


def test_a_call_from_before_cannot_vote_after() -> None:
    breaker = Breaker(LIMITS)
    early = _ask(breaker, 0.0)
    for _ in range(3):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    breaker.succeeded(early)
    assert breaker.state is BreakerState.OPEN


def test_permits_come_back_when_returned_and_expire_when_forgotten() -> None:
    breaker = _opened()
    permit, _forgotten = _ask(breaker, 60.0), _ask(breaker, 60.0)
    breaker.returned(permit)
    _ask(breaker, 61.0)
    assert isinstance(breaker.ask(62.0), Refusal)
    assert isinstance(breaker.ask(122.0), Permit)
