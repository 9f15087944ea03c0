"""The breaker's states, its leased permits and their generations."""

from __future__ import annotations

import random

from engine.recovery.breakers.breaker import Breaker, BreakerState, Permit, Refusal
from engine.recovery.breakers.limits import BreakerLimits

LIMITS = BreakerLimits(failure_threshold=3, timeout=60.0, half_open_max_calls=2)


def _ask(breaker: Breaker, now: float) -> Permit:
    permit = breaker.acquire(now)
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
    breaker.succeeded(_ask(breaker, 0.0), 0.0)
    for _ in range(2):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed(_ask(breaker, 0.0), 0.0)
    assert breaker.state is BreakerState.OPEN


def test_open_refuses_and_says_for_how_long() -> None:
    refusal = _opened().acquire(20.0)
    assert isinstance(refusal, Refusal)
    assert (refusal.retry_after, refusal.reason) == (40.0, "3 failures in a row: a call failed")


def test_half_open_lets_so_many_calls_try_and_closes_when_they_work() -> None:
    breaker = _opened()
    first, second = _ask(breaker, 60.0), _ask(breaker, 60.0)
    assert isinstance(breaker.acquire(60.0), Refusal)
    breaker.succeeded(first, 60.0)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.succeeded(second, 60.0)
    assert breaker.state is BreakerState.CLOSED


def test_one_failure_while_half_open_opens_it_again() -> None:
    breaker = _opened()
    breaker.failed(_ask(breaker, 60.0), 60.0)
    again = breaker.acquire(61.0)
    assert isinstance(again, Refusal)
    assert again.retry_after == 119.0  # twice as long the second time in a row


def test_a_call_from_before_cannot_vote_after() -> None:
    breaker = Breaker(LIMITS)
    early = _ask(breaker, 0.0)
    for _ in range(3):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    breaker.succeeded(early, 0.0)
    assert breaker.state is BreakerState.OPEN


def test_permits_come_back_when_returned_and_expire_when_forgotten() -> None:
    breaker = _opened()
    permit, _forgotten = _ask(breaker, 60.0), _ask(breaker, 60.0)
    breaker.release(permit)
    _ask(breaker, 61.0)
    assert isinstance(breaker.acquire(62.0), Refusal)
    assert isinstance(breaker.acquire(122.0), Permit)


RATES = BreakerLimits(failure_threshold=1000, failure_rate=0.5, slow_rate=0.5, slow_call=5.0, minimum_calls=10)


def _run(breaker: Breaker, now: float, *, failed: bool) -> None:
    permit = _ask(breaker, now)
    if failed:
        breaker.failed(permit, now)
    else:
        breaker.succeeded(permit, now)


def test_it_opens_on_the_failure_rate_of_the_window_and_not_before_the_minimum() -> None:
    breaker = Breaker(RATES)
    for n in range(9):
        _run(breaker, n * 0.1, failed=n % 2 == 0)
    assert breaker.state is BreakerState.CLOSED
    _run(breaker, 0.9, failed=True)
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, "6 of 10 calls failed within 60 s")


def test_what_has_left_the_window_counts_no_more() -> None:
    breaker = Breaker(RATES)
    for n in range(9):
        _run(breaker, n * 0.1, failed=True)
    for n in range(30):
        _run(breaker, 61.0 + n * 0.1, failed=n % 3 == 0)
    assert breaker.state is BreakerState.CLOSED


def test_calls_that_hang_open_it_while_they_run() -> None:
    breaker = Breaker(RATES)
    for _ in range(10):
        _ask(breaker, 0.0)
    breaker.tick(4.9)
    assert breaker.state is BreakerState.CLOSED
    breaker.tick(5.0)
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, "10 of 10 calls within 60 s took over 5 s")


def test_a_long_answer_that_began_in_time_is_not_slow() -> None:
    breaker = Breaker(RATES)
    for _ in range(10):
        permit = _ask(breaker, 100.0)
        breaker.answered(permit, 104.0)
    breaker.tick(900.0)
    assert breaker.state is BreakerState.CLOSED


def test_a_loaded_pool_opens_at_a_lower_rate() -> None:
    def opens(load: float) -> bool:
        breaker = Breaker(RATES)
        breaker.load = load
        for n in range(20):
            if breaker.state is BreakerState.CLOSED:
                _run(breaker, n * 0.1, failed=n % 3 == 0)
        return breaker.state is BreakerState.OPEN

    assert (opens(0.0), opens(1.0)) == (False, True)


def test_the_open_time_doubles_up_to_its_bound_and_is_forgotten_after_health() -> None:
    limits = BreakerLimits(failure_threshold=1, timeout=10.0, longest_timeout=35.0, half_open_max_calls=1)
    breaker, now, waits = Breaker(limits), 0.0, []
    for _ in range(4):
        breaker.failed(_ask(breaker, now), now)
        refusal = breaker.acquire(now)
        assert isinstance(refusal, Refusal)
        waits.append(refusal.retry_after)
        now += refusal.retry_after
    assert waits == [10.0, 20.0, 35.0, 35.0]
    breaker.succeeded(_ask(breaker, now), now)
    now += limits.forget_after + 1
    breaker.failed(_ask(breaker, now), now)
    refusal = breaker.acquire(now)
    assert isinstance(refusal, Refusal)
    assert refusal.retry_after == 10.0


def test_by_hand_it_stays_open_or_lets_everything_through() -> None:
    breaker = Breaker(LIMITS)
    breaker.force(BreakerState.FORCED_OPEN, 0.0, "ana")
    refusal = breaker.acquire(1e6)
    assert isinstance(refusal, Refusal)
    assert (refusal.retry_after, refusal.reason) == (float("inf"), "forced open by ana")
    breaker.force(BreakerState.DISABLED, 0.0, "ana")
    for _ in range(20):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    assert breaker.state is BreakerState.DISABLED
    breaker.force(BreakerState.CLOSED, 0.0, "ana")
    assert [change.after for change in breaker.history] == ["forced_open", "disabled", "closed"]


def test_ten_thousand_healthy_calls_with_five_percent_noise_open_nothing() -> None:
    rng, breaker = random.Random(7), Breaker(BreakerLimits())
    for n in range(10_000):
        breaker.load = rng.random()
        _run(breaker, n * 0.05, failed=rng.random() < 0.05)
    assert not breaker.history


def test_what_is_held_refuses_for_its_time_and_then_lets_calls_try() -> None:
    breaker = Breaker(LIMITS)
    breaker.hold(10.0, 30.0, "parked: the limit", parked=True)
    assert breaker.acquire(15.0) == Refusal(25.0, "parked: the limit", parked=True)
    breaker.succeeded(_ask(breaker, 40.0), 40.0)
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.let_through_since(5.0)
    breaker.succeeded(_ask(breaker, 41.0), 41.0)
    assert breaker.let_through_since(5.0)
    assert not breaker.let_through_since(41.0)


def test_a_hold_ends_by_hand_and_one_by_hand_never_ends_by_itself() -> None:
    breaker = Breaker(LIMITS)
    breaker.hold(0.0, 30.0, "stopped", parked=False)
    breaker.force(BreakerState.FORCED_OPEN, 1.0, "ana")
    refusal = breaker.acquire(1e9)
    assert isinstance(refusal, Refusal)
    assert (refusal.retry_after, refusal.parked) == (float("inf"), False)
    breaker.force(BreakerState.CLOSED, 2.0, "ana")
    assert isinstance(breaker.acquire(3.0), Permit)


def test_a_look_refuses_what_a_call_would_be_refused_for_and_takes_nothing() -> None:
    breaker = Breaker(LIMITS)
    assert breaker.refusal(0.0) is None
    for _ in range(3):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    assert breaker.refusal(10.0) == Refusal(50.0, breaker.reason)
    assert (breaker.refusal(60.0), breaker.state) == (None, BreakerState.OPEN)
    probes = [_ask(breaker, 60.0) for _ in range(2)]
    refused = breaker.refusal(61.0)
    assert refused is not None
    assert "probes" in refused.reason
    breaker.release(probes[0])
    assert breaker.refusal(61.0) is None
    assert breaker.running == 1


def test_its_figures_say_what_it_counted_and_when_it_tries_again() -> None:
    breaker = Breaker(LIMITS, wall=lambda: 1000.0)
    for _ in range(3):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    breaker.acquire(20.0)
    found = breaker.figures("credential:default", 20.0)
    assert (found.calls, found.failed, found.trips, found.shed) == (3, 1.0, 1, 1)
    assert found.next_probe == 1040.0
    breaker.succeeded(_ask(breaker, 60.0), 60.0)
    probing = breaker.figures("credential:default", 60.0)
    assert (probing.next_probe, probing.probes_ok, probing.probes_needed) == (0.0, 1, 2)


def test_what_a_person_holds_open_has_no_next_probe() -> None:
    breaker = Breaker(LIMITS)
    breaker.force(BreakerState.FORCED_OPEN, 0.0, "ana")
    assert breaker.figures("credential:default", 1.0).next_probe == 0.0


def test_its_window_begins_where_closing_emptied_it() -> None:
    wall = 1000.0
    breaker = Breaker(LIMITS, wall=lambda: wall)
    for _ in range(3):
        breaker.failed(_ask(breaker, 0.0), 0.0)
    wall = 1500.0
    breaker.force(BreakerState.CLOSED, 500.0, "ana")
    wall = 1501.0
    assert breaker.metrics(501.0).window_start == 1500.0
