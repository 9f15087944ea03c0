"""Those who wait for a session: in fair order, cancellable at any moment, told the truth."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from engine.base.errors import DeadlinePassed, Overloaded
from tests.pool.pools import MANY, Conversation, leases, request
from tests.support.engines import running
from tests.support.processes import until

WAITERS = 1000


@pytest.mark.parametrize("seed", range(6))
async def test_a_thousand_waiters_are_served_in_order_and_whoever_leaves_leaks_nothing(
    tmp_path: Path, seed: int
) -> None:
    """Some leave before their turn, some at the very moment of it, some while they are served."""
    async with running(tmp_path, *MANY, "session_pool.max_size=4") as engine:
        rng, pool = random.Random(seed), engine.pool
        held = await leases(engine, 4)
        before, served = len(asyncio.all_tasks()), list[int]()

        async def one(number: int) -> None:
            lease = await pool.lease(request(engine, user=f"u{number % 20}"), timeout=60.0)
            try:
                served.append(number)
                for _ in range(rng.randrange(3)):
                    await asyncio.sleep(0)
            finally:
                pool.release(lease)

        tasks = [asyncio.create_task(one(number)) for number in range(WAITERS)]
        await asyncio.sleep(0)
        assert pool.statistics().waiting == WAITERS
        doomed = rng.sample(tasks, rng.randrange(WAITERS // 2))
        for task in doomed[::2]:
            task.cancel()
        for lease in held:
            pool.release(lease)
        for task in doomed[1::2]:
            for _ in range(rng.randrange(3)):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait(tasks)

        assert [task for task in tasks if not task.cancelled() and task.exception()] == []
        assert {number for number, task in enumerate(tasks) if not task.cancelled()} <= set(served)
        assert served == sorted(served)
        after = pool.statistics()
        assert (after.active, after.waiting, after.idle, after.size) == (0, 0, 4, 4)
        assert after.counts.starts == 4
        await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_user_who_comes_back_does_not_overtake_those_who_wait(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        talk, order = Conversation(engine), []

        async def one(name: str) -> None:
            await talk.ask("x", user=name)
            order.append(name)

        await one("ana")
        await asyncio.gather(*(one(name) for name in ("ben", "cleo", "ana", "dan")))
        assert order == ["ana", "ben", "cleo", "ana", "dan"]


async def test_everybody_who_waited_in_vain_is_told_what_for(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        (lease,) = await leases(engine, 1)
        waits = [engine.pool.lease(request(engine), timeout=0.05) for _ in range(3)]
        refusals = await asyncio.gather(*waits, return_exceptions=True)
        for refusal in refusals:
            assert isinstance(refusal, DeadlinePassed)
            assert refusal.message == "No session became free within 0.05 s: all 1 sessions are busy: max_size is 1."
            assert "session_pool.max_size" in refusal.remedy
        engine.pool.release(lease)


async def test_the_percentiles_of_the_wait_are_those_of_the_leases(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        (lease,) = await leases(engine, 1)
        engine.pool.release(lease)
        started = engine.pool.statistics().wait.p99
        assert started > 0
        for _ in range(99):
            engine.pool.release(await engine.pool.lease(request(engine)))
        wait = engine.pool.statistics().wait
        assert wait.p50 < started
        assert wait.p50 <= wait.p95 <= wait.p99 == started


async def test_a_drain_tells_all_who_wait(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1", "engine.grace=0s") as engine:
        (lease,) = await leases(engine, 1)
        waiting = [asyncio.create_task(engine.pool.lease(request(engine))) for _ in range(3)]
        await asyncio.sleep(0)
        await engine.drain("test")
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, Overloaded)
        with pytest.raises(Overloaded, match="takes no new work"):
            await engine.pool.lease(request(engine))
        engine.pool.release(lease)
        assert engine.pool.statistics().waiting == 0
