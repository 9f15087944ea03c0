"""The answers in memory, and single flight."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from engine.cache.memory import CacheLimits, MemoryCache
from engine.cache.single_flight import MOST_LEADERS, SingleFlight


def test_the_least_recently_used_goes_first_and_old_ones_are_gone() -> None:
    cache: MemoryCache[str] = MemoryCache(CacheLimits(max_entries=2, max_bytes=100, ttl=10.0))
    cache.put("a", "A", 1, 0.0)
    cache.put("b", "B", 1, 0.0)
    assert cache.get("a", 1.0) == "A"
    cache.put("c", "C", 1, 1.0)
    assert cache.get("b", 1.0) is None
    assert cache.get("a", 10.0) is None
    assert cache.get("c", 10.0) == "C"
    assert len(cache) == 1


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60)), max_size=50))
def test_the_bounds_hold(puts: list[tuple[str, int]]) -> None:
    cache: MemoryCache[str] = MemoryCache(CacheLimits(max_entries=4, max_bytes=50, ttl=10.0))
    for key, size in puts:
        assert cache.put(key, key, size, 0.0) is (size <= 50)
        assert cache.size <= 50
        assert len(cache) <= 4
    cache.clear()
    assert (cache.size, len(cache)) == (0, 0)


async def test_equal_requests_fly_once() -> None:
    active_requests: SingleFlight[str] = SingleFlight()
    assert await active_requests.join("k") is None
    others = [asyncio.create_task(active_requests.join("k")) for _ in range(3)]
    await asyncio.sleep(0)
    active_requests.land("k", "answer")
    assert await asyncio.gather(*others) == ["answer"] * 3


async def test_when_the_leader_fails_exactly_one_of_those_who_wait_leads() -> None:
    active_requests: SingleFlight[str] = SingleFlight()
    assert await active_requests.join("k") is None
    others = [asyncio.create_task(active_requests.join("k")) for _ in range(3)]
    await asyncio.sleep(0)
    active_requests.land("k", None)
    done, waiting = await asyncio.wait(others, timeout=0.1)
    assert [task.result() for task in done] == [None]
    active_requests.land("k", "answer")
    assert {await task for task in waiting} == {"answer"}


async def test_who_leaves_takes_nobody_along() -> None:
    active_requests: SingleFlight[str] = SingleFlight()
    assert await active_requests.join("k") is None
    leaver, stayer = (asyncio.create_task(active_requests.join("k")) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.wait([leaver])
    active_requests.land("k", "answer")
    assert await stayer == "answer"


async def test_a_final_error_is_for_all_who_wait_at_once() -> None:
    active_requests: SingleFlight[str] = SingleFlight()
    assert await active_requests.join("k") is None
    others = [asyncio.create_task(active_requests.join("k")) for _ in range(9)]
    await asyncio.sleep(0)
    failed = ValueError("too long")
    active_requests.land("k", error=failed)
    assert await asyncio.gather(*others, return_exceptions=True) == [failed] * 9
    assert await active_requests.join("k") is None


async def test_leaders_that_leave_one_after_the_other_hold_up_nobody_for_ever() -> None:
    active_requests: SingleFlight[str] = SingleFlight()
    assert await active_requests.join("k") is None
    waiting = [asyncio.create_task(active_requests.join("k")) for _ in range(MOST_LEADERS + 3)]
    for _ in range(MOST_LEADERS):
        await asyncio.sleep(0)
        active_requests.land("k")
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(waiting)
    assert [task.result() for task in waiting] == [None] * len(waiting)
