"""The balancers, each by its promise."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from engine.pool.balancers import (
    BALANCERS,
    Balancer,
    ConsistentHash,
    LeastLoaded,
    PowerOfTwo,
    RoundRobin,
    WeightedRoundRobin,
)


@dataclass
class Idle:
    """An idle session as a balancer sees it."""

    session: str
    load: float = 0.0
    turns: int = 0
    last_used: float = 0.0
    weight: float = 1.0


def some(count: int) -> list[Idle]:
    return [Idle(f"s{number:02}") for number in range(count)]


def served(balancer: Balancer, sessions: Sequence[Idle], requests: int, key: str = "ana") -> Counter[str]:
    """How many requests each session got; each is idle again at the next one."""
    by_name = {one.session: one for one in sessions}
    given: Counter[str] = Counter()
    for _ in range(requests):
        name = balancer.choose(sessions, key)
        by_name[name].turns += 1
        given[name] += 1
    return given


@pytest.mark.parametrize("name", BALANCERS)
def test_every_balancer_takes_the_only_one(name: str) -> None:
    balancer = BALANCERS[name]()
    assert [balancer.choose(some(1), key) for key in ("ana", "ben")] == ["s00", "s00"]
    assert balancer.considers >= 2


def test_round_robin_gives_everybody_the_same() -> None:
    assert set(served(RoundRobin(), some(7), 70).values()) == {10}


def test_round_robin_goes_on_behind_a_session_that_left() -> None:
    balancer, sessions = RoundRobin(), some(4)
    assert [balancer.choose(sessions, "") for _ in range(2)] == ["s00", "s01"]
    del sessions[1]
    assert [balancer.choose(sessions, "") for _ in range(3)] == ["s02", "s03", "s00"]


def test_weighted_round_robin_honours_weights_exactly_and_without_runs() -> None:
    sessions = [Idle("a", weight=1.0), Idle("b", weight=2.0), Idle("c", weight=3.0)]
    balancer = WeightedRoundRobin()
    order = [balancer.choose(sessions, "") for _ in range(600)]
    assert Counter(order) == {"a": 100, "b": 200, "c": 300}
    assert "ccc" not in "".join(order)


def test_weighted_round_robin_gives_a_loaded_session_less() -> None:
    given = served(WeightedRoundRobin(), [Idle("idle"), Idle("busy", load=1.0)], 300)
    assert given == {"idle": 200, "busy": 100}


def test_least_loaded_takes_the_least_cpu_and_then_the_fewest_turns() -> None:
    sessions = [Idle("a", load=0.5, turns=0), Idle("b", load=0.1, turns=9), Idle("c", load=0.1, turns=3)]
    assert LeastLoaded().choose(sessions, "") == "c"


def test_power_of_two_never_takes_the_worst_and_stays_close_to_an_even_share() -> None:
    balancer = PowerOfTwo(random.Random(7))
    sessions = [Idle(f"s{number}", load=number / 10) for number in range(8)]
    assert "s7" not in {balancer.choose(sessions, "") for _ in range(500)}
    given = served(balancer, some(16), 8000)
    assert max(given.values()) - 500 <= 5
    blind = Counter(random.Random(7).choice(range(16)) for _ in range(8000))
    assert max(blind.values()) - 500 > 20


def test_consistent_hash_keeps_a_user_and_moves_only_those_of_a_session_that_left() -> None:
    balancer, sessions = ConsistentHash(), some(10)
    users = [f"user{number}" for number in range(500)]
    before = {user: balancer.choose(sessions, user) for user in users}
    assert before == {user: balancer.choose(sessions, user) for user in users}
    assert len(set(before.values())) == 10
    gone = sessions.pop(3).session
    after = {user: balancer.choose(sessions, user) for user in users}
    assert {user for user in users if before[user] != after[user]} == {user for user in users if before[user] == gone}


def test_consistent_hash_bounds_the_share_of_a_session_even_for_one_hot_user() -> None:
    given = served(ConsistentHash(), some(4), 1000, key="hot")
    assert max(given.values()) <= 1.25 * 1000 / 4 + 2
    assert min(given.values()) > 0


def test_consistent_hash_takes_the_least_used_when_all_are_beyond_their_share() -> None:
    class Strict(ConsistentHash):
        BOUND = 0.0

    sessions = [Idle("a", turns=5), Idle("b", turns=3)]
    assert Strict().choose(sessions, "ana") == "b"
