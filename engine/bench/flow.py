"""Group `flow`: the queue beside asyncio's, its fairness, the adaptive limits beside every fixed one."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.bench.figures import Figure, at_least, at_most, figure
from engine.bench.flow_model import BusyPool, FixedLimit, SteppingApi
from engine.flow.fair_line import FairLine
from engine.flow.limit_policies import AimdLimit, GradientLimit, LimitPolicy
from engine.flow.queue_limits import queue_limits
from engine.settings.schema import Settings

USERS = 1000
REQUESTS = 10_000
_PUSH_POP_US, _SHARE, _WAIT_S, _GOODPUT = 5.0, 1.1, 1.0, 0.9
_MOST = 16
_STRICT = (0.0, 1.0)
"""Seconds that a refusal costs a place: an API that only refuses, and one that punishes."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How often the queue is timed; the fastest counts, for what else runs only adds."""

    repeats: int = 12


FULL, QUICK = Size(), Size(6)


def measure(_folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """All figures of the group."""
    repeats = size.repeats
    progress(f"push and pop with {USERS} users")
    ours, theirs = _push_pop(_fair(), repeats), _push_pop(_plain(), repeats)
    progress(f"{REQUESTS} requests of users who never rest")
    share = fairness(50, seed)
    progress("people beside a batch that fills the pool")
    wait = BusyPool(queue_limits(Settings()), 10, seed).interactive_wait()
    return [
        at_most(
            f"queue push + pop, {USERS} users wait", ours, "us", _PUSH_POP_US, ratio=ours / theirs,
            against=f"asyncio.PriorityQueue, neither fair nor weighted: {theirs:.2f} us; CPU, fastest of {repeats}",
        ),
        at_most(
            "fairness: the most that a user has over its share", share, "times", _SHARE,
            against=f"{REQUESTS} requests of 50 users, costs 1 to 10, seed {seed}",
        ),
        at_most(
            "interactive wait while a batch fills the pool, p95", wait, "s", _WAIT_S,
            against=f"model in virtual time: 10 sessions, batch turns of 2 to 30 s, shipped settings, seed {seed}",
        ),
        *(_goodput(strict, seed, progress) for strict in _STRICT),
        *(_gradient(strict, seed) for strict in _STRICT),
    ]  # fmt: skip


def fairness(users: int, seed: int) -> float:
    """The most that one of `users` who always have two requests waiting got, as a multiple of its share."""
    rng, line = random.Random(seed), FairLine[tuple[int, int]]()  # noqa: S311 - a model
    had: dict[int, float] = defaultdict(float)
    costs: dict[tuple[int, int], float] = {}

    def ask(user: int, number: int) -> None:
        one = (user, number)
        costs[one] = rng.uniform(1, 10)
        line.add(one, "medium", 0.0, user=str(user), cost=costs[one])

    for number in range(2 * users):
        ask(number % users, number)
    for number in range(REQUESTS):
        one = line.first()
        if one is None:
            break
        line.remove(one, served=True)
        had[one[0]] += costs.pop(one)
        ask(one[0], 2 * users + number)
    return max(had.values()) / (sum(had.values()) / users)


def _goodput(strict: float, seed: int, progress: Progress) -> Figure:
    progress(f"an API whose capacity steps, refusals cost {strict:g} s")
    fixed = {most: _answers(lambda most=most: FixedLimit(most), strict, seed) for most in range(1, _MOST + 1)}  # type: ignore[misc]
    best = max(fixed, key=lambda most: fixed[most])
    ratio = _answers(AimdLimit, strict, seed) / fixed[best]
    against = f"the best fixed limit of {_MOST}, {best}: {fixed[best]:.2f}/s; model in virtual time, seed {seed}"
    name = f"goodput of the adaptive limit, capacity steps, a refusal costs {strict:g} s"
    return at_least(name, ratio, "times", _GOODPUT, against=against)


def _gradient(strict: float, seed: int) -> Figure:
    ratio = _answers(GradientLimit, strict, seed) / _answers(AimdLimit, strict, seed)
    return figure(f"goodput of `gradient`, a refusal costs {strict:g} s", ratio, "times", against="`aimd`, same run")


def _answers(make: Callable[[], LimitPolicy], strict: float, seed: int) -> float:
    return SteppingApi(make, _MOST, seed, strict).goodput()


def _push_pop(once: Callable[[int], float], repeats: int) -> float:
    return min(once(5000) for _ in range(repeats))


def _fair() -> Callable[[int], float]:
    """Microseconds of CPU for one in and one out of our line."""

    def run(count: int) -> float:
        line, items = FairLine[object](), [object() for _ in range(USERS + count)]
        users = [f"u{number % USERS}" for number in range(USERS + count)]
        for number in range(USERS):
            line.add(items[number], "medium", 0.0, user=users[number])
        began = time.process_time()
        for number in range(USERS, USERS + count):
            line.add(items[number], "medium", 0.0, user=users[number])
            line.remove(line.first(), served=True)
        return (time.process_time() - began) / count * 1e6

    return run


def _plain() -> Callable[[int], float]:
    """The same for asyncio's queue."""

    def run(count: int) -> float:
        queue: asyncio.PriorityQueue[tuple[int, int]] = asyncio.PriorityQueue()
        for number in range(USERS):
            queue.put_nowait((1, number))
        began = time.process_time()
        for number in range(USERS, USERS + count):
            queue.put_nowait((1, number))
            queue.get_nowait()
        return (time.process_time() - began) / count * 1e6

    return run
