"""How many users a way of asking carries: each asks, reads a while, and asks again; most must be answered in time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.bench.baseline import Ask
from engine.pool.statistics import percentiles

_MOST = 1024


@dataclass(frozen=True)
class Load:
    """Mean seconds that a user reads, seconds in which 95 of 100 must be answered, seconds that a load is watched.

    The number of users is found to a factor of `step`.
    """

    think: float = 1.0
    within: float = 2.0
    seconds: float = 8.0
    step: float = 1.15


def capacity(carries: Callable[[int], bool], first: int, step: float) -> int:
    """The most users that are carried: by doubling, then by halving what lies between; 0 when one is too many."""
    low, high = 0, first
    while high <= _MOST and carries(high):
        low, high = high, 2 * high
    while high > max(low + 1, int(low * step)):
        middle = (low + high) // 2
        low, high = (middle, high) if carries(middle) else (low, middle)
    return low


async def slowest(ask: Ask, users: int, load: Load, seed: int) -> float:
    """The 95th percentile of the seconds to an answer under a load; what is under way at the end counts as it is."""
    chance = random.Random(seed)  # noqa: S311 - load, not secrets
    took: list[float] = []
    ends = time.perf_counter() + load.seconds

    async def user(number: int) -> None:
        turn = 0
        await asyncio.sleep(chance.uniform(0, load.think))
        while (began := time.perf_counter()) < ends:
            await ask(f"[[words: 40]] {seed} {number} {turn}")
            took.append(time.perf_counter() - began)
            turn += 1
            await asyncio.sleep(chance.expovariate(1 / load.think))

    async with asyncio.TaskGroup() as group:
        for number in range(users):
            group.create_task(user(number))
    return percentiles(took).p95
