"""Profiles that compete share the pool by their weights, and the weights act live."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine import Engine
from engine.pool.lease import Lease
from engine.pool.shares import Shares
from tests.pool.pools import MANY, idle, request
from tests.support.engines import running
from tests.support.processes import until

A, B, C = ("t", "a"), ("t", "b"), ("t", "c")


@given(
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0]), min_size=2, max_size=4), st.integers(1, 30), st.integers(0, 10_000)
)
def test_moves_between_waiting_profiles_end_near_the_weights_and_never_go_back(
    weights: list[float], size: int, seed: int
) -> None:
    names = [("t", f"p{n}") for n in range(len(weights))]
    by_name = {name[1]: weight for name, weight in zip(names, weights, strict=True)}
    sizes = Counter({names[seed % len(names)]: size})
    moved: set[tuple[tuple[str, str], tuple[str, str]]] = set()
    for _ in range(10 * size + 10):
        shares = Shares(sizes, by_name, frozenset(names))
        moves = [
            (giver, taker)
            for giver in names
            for taker in names
            if giver != taker and sizes[giver] and shares.may_take(giver, taker)
        ]
        if not moves:
            break
        giver, taker = moves[seed % len(moves)]
        assert (taker, giver) not in moved or len(names) > 2
        moved.add((giver, taker))
        sizes[giver], sizes[taker] = sizes[giver] - 1, sizes[taker] + 1
    else:
        pytest.fail("the moves do not end")
    for name in names:
        assert abs(sizes[name] - size * by_name[name[1]] / sum(weights)) < len(names) * max(1.0, max(weights) / 0.5)


def test_a_profile_that_nobody_waits_for_gives_its_idle_sessions_up() -> None:
    shares = Shares({A: 3, B: 1}, {}, frozenset({B}))
    assert shares.may_take(A, B)
    assert Shares({A: 1, B: 5}, {}, frozenset({B})).may_take(A, B)
    assert not Shares({A: 1, B: 1}, {}, frozenset({A, B})).may_take(A, B)


def test_with_unequal_weights_the_profile_with_most_for_its_weight_gives_up_first() -> None:
    sizes = {A: 2, B: 2, C: 0}
    assert Shares(sizes, {}, frozenset({C})).givers([A, B], C) == {A, B}
    assert Shares(sizes, {"a": 4.0}, frozenset({C})).givers([A, B], C) == {B}


def sizes(engine: Engine) -> dict[str, int]:
    """Sessions by profile."""
    return dict(Counter(member.request.profile.name for member in engine.pool.members.values() if member.stays))


class Crowd:
    """More waiters of two profiles than the pool has sessions, each of which gives its session back at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.order: list[str] = []
        self._stopped = False

    async def one(self, name: str) -> None:
        """Leases until stopped."""
        while not self._stopped:
            lease: Lease = await self._engine.pool.lease(request(self._engine, name=name), timeout=60)
            self.order.append(name)
            await asyncio.sleep(0)
            self._engine.pool.release(lease)

    async def press(self, weights: dict[str, int]) -> dict[str, int]:
        """Wait until the pool is divided so, and for 200 leases more; how it is divided then."""
        async with asyncio.TaskGroup() as group:
            for name in weights:
                for _ in range(8):
                    group.create_task(self.one(name))
            await until(lambda: sizes(self._engine) == weights)
            before = Counter(self.order)
            await until(lambda: len(self.order) > before.total() + 200)
            divided = sizes(self._engine)
            self._stopped = True
        return divided


PROFILES = ("profiles.a.weight=3", "profiles.b.weight=1", "session_pool.max_size=4", "session_pool.warm=0")


async def test_profiles_that_compete_get_sessions_by_weight_and_a_live_change_moves_them(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, *PROFILES) as engine:
        assert await Crowd(engine).press({"a": 3, "b": 1}) == {"a": 3, "b": 1}
        engine.live.propose({"profiles.a.weight": 1, "profiles.b.weight": 3}, "test")
        assert await Crowd(engine).press({"a": 1, "b": 3}) == {"a": 1, "b": 3}


async def test_idle_sessions_move_to_the_profile_that_is_short_of_them(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, *PROFILES) as engine:
        held = await asyncio.gather(*(engine.pool.lease(request(engine, name="a")) for _ in range(4)))
        for lease in held:
            engine.pool.release(lease)
        assert sizes(engine) == {"a": 4}
        taken = await asyncio.gather(*(engine.pool.lease(request(engine, name="b")) for _ in range(3)))
        assert sizes(engine) == {"a": 1, "b": 3}
        for lease in taken:
            engine.pool.release(lease)
        assert len(await idle(engine, 1)) == 1
