"""The cap on running requests: halved, given back step by step, first come first served."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.flow.concurrency_limit import ConcurrencyLimiter
from engine.flow.limit_policies import AimdLimit, Running


def test_it_halves_what_runs_and_gives_back_a_tenth_of_the_whole_at_each_step() -> None:
    policy = AimdLimit()
    assert policy.limit(Running(0.0, 0, 20, 10.0)) is None
    assert policy.decrease(Running(0.0, 16, 20, 10.0)) == 8
    assert [policy.limit(Running(at, 8, 20, 10.0)) for at in (9.9, 10.0, 35.0)] == [8, 10, 14]
    assert policy.decrease(Running(36.0, 14, 20, 10.0)) == 7
    assert policy.limit(Running(36.0 + 70.0, 7, 20, 10.0)) is None


@given(
    acts=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50), st.booleans()), max_size=40),
    most=st.integers(1, 50),
)
def test_a_cap_lets_one_run_at_least_and_always_ends(acts: list[tuple[float, int, bool]], most: int) -> None:
    policy, now = AimdLimit(), 0.0
    for gap, running, less in acts:
        now += gap
        if less:
            before = policy.limit(Running(now, running, most, 5.0)) or max(1, running or most)
            assert 1 <= policy.decrease(Running(now, running, most, 5.0)) <= before
        limit = policy.limit(Running(now, running, most, 5.0))
        assert limit is None or limit >= 1
    assert policy.limit(Running(now + 5.0 * 60, 0, most, 5.0)) is None


async def test_who_waits_for_a_place_gets_it_in_turn_and_one_who_left_takes_none() -> None:
    clock = ManualClock()
    limiter = ConcurrencyLimiter(lambda: 4, lambda: 10.0, clock)
    for _ in range(4):
        await limiter.enter()
    assert limiter.decrease() == 2
    served: list[int] = []

    async def come(number: int) -> None:
        await limiter.enter()
        served.append(number)

    tasks = [asyncio.create_task(come(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert limiter.waiting == 3
    tasks[0].cancel()
    await asyncio.sleep(0)
    limiter.leave()
    limiter.leave()
    await asyncio.sleep(0)
    assert served == []
    limiter.leave()
    await tasks[1]
    assert served == [1]
    clock.advance(10.0)
    limiter.look()
    await tasks[2]
    assert (served, limiter.running, limiter.waiting) == ([1, 2], 3, 0)


async def test_a_place_given_to_one_who_leaves_at_that_moment_is_passed_on() -> None:
    limiter = ConcurrencyLimiter(lambda: 2, lambda: 10.0, ManualClock())
    await limiter.enter()
    limiter.decrease()
    first, second = (asyncio.create_task(limiter.enter()) for _ in range(2))
    await asyncio.sleep(0)
    limiter.leave()
    first.cancel()
    await second
    assert limiter.running == 1
