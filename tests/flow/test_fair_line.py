"""Who goes first among those who wait: by priority, fairly, and nobody is passed over for ever."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.flow.fair_line import FairLine
from engine.requests import PRIORITIES


def drain(line: FairLine[str], count: int | None = None) -> list[str]:
    """Serve so many, or all."""
    served: list[str] = []
    while len(line) and (count is None or len(served) < count):
        one = line.first()
        assert one is not None
        line.remove(one, served=True)
        served.append(one)
    return served


def test_higher_priorities_go_first_then_arrival() -> None:
    line: FairLine[str] = FairLine()
    for name, priority in [("a", "low"), ("b", "medium"), ("c", "low"), ("d", "urgent"), ("e", "high")]:
        line.add(name, priority, 0.0)
    assert list(line) == ["d", "e", "b", "a", "c"]
    assert drain(line) == ["d", "e", "b", "a", "c"]


def test_an_urgent_one_is_next_whatever_low_ones_were_there_first() -> None:
    line: FairLine[str] = FairLine()
    for name in ("low 1", "low 2", "low 3"):
        line.add(name, "low", 0.0)
    assert drain(line, 1) == ["low 1"]
    line.add("urgent", "urgent", 1.0)
    assert drain(line) == ["urgent", "low 2", "low 3"]


def test_under_steady_pressure_each_priority_has_the_share_of_its_weight() -> None:
    line: FairLine[str] = FairLine()
    for priority in PRIORITIES:
        for number in range(400):
            line.add(f"{priority} {number}", priority, 0.0)
    by = Counter(name.split()[0] for name in drain(line, 300))
    assert by == {"urgent": 160, "high": 80, "medium": 40, "low": 20}


def test_a_flood_of_one_user_holds_up_no_other() -> None:
    line: FairLine[str] = FairLine()
    for number in range(50):
        line.add(f"flood {number}", "medium", 0.0, user="flood")
    assert drain(line, 5) == [f"flood {number}" for number in range(5)]
    line.add("ana 1", "medium", 1.0, user="ana")
    line.add("ana 2", "medium", 1.0, user="ana")
    assert drain(line, 4) == ["ana 1", "flood 5", "ana 2", "flood 6"]


def test_a_tenant_has_one_share_however_many_users_it_has() -> None:
    line: FairLine[str] = FairLine()
    for number in range(400):
        line.add(f"many {number}", "medium", 0.0, tenant="many", user=f"u{number % 10}")
    for number in range(400):
        line.add(f"one {number}", "medium", 0.0, tenant="one", user="u")
    by = Counter(name.split()[0] for name in drain(line, 400))
    assert abs(by["many"] - by["one"]) <= 20


def test_dear_requests_count_for_what_they_cost() -> None:
    line: FairLine[str] = FairLine()
    for number in range(400):
        line.add(f"dear {number}", "medium", 0.0, user="dear", cost=4.0)
        line.add(f"cheap {number}", "medium", 0.0, user="cheap", cost=1.0)
    by = Counter(name.split()[0] for name in drain(line, 500))
    assert abs(by["cheap"] - 400) <= 2


def test_what_a_user_had_more_than_was_thought_is_counted_against_it() -> None:
    line: FairLine[str] = FairLine()
    for number in range(40):
        line.add(f"ana {number}", "medium", 0.0, user="ana")
    line.charge("medium", "", "ben", 3.0)  # it went without waiting
    line.add("ben", "medium", 0.0, user="ben")
    assert drain(line, 4)[-1] != "ben"
    assert "ben" in drain(line, 2)


@pytest.mark.parametrize("users", [3, 50, 1000])
def test_no_user_has_more_than_a_tenth_above_its_share(users: int) -> None:
    """10,000 requests of users that always have one waiting, of costs that differ tenfold."""
    rng, line = random.Random(7), FairLine[str]()
    had: dict[str, float] = defaultdict(float)

    def ask(user: str, number: int) -> None:
        name = f"{user} {number}"
        costs[name] = rng.uniform(1, 10)
        line.add(name, "medium", 0.0, user=user, cost=costs[name])

    costs: dict[str, float] = {}
    for each in range(users):
        for number in range(2):
            ask(f"u{each}", number)
    for turn in range(10_000):
        one = line.first()
        assert one is not None
        line.remove(one, served=True)
        user = one.split()[0]
        had[user] += costs[one]
        ask(user, 2 + turn)
    share = sum(had.values()) / users
    slack = 10.0 if users > 100 else 0.0  # with ten turns a user, one dear turn more is the grain
    assert max(had.values()) <= 1.1 * share + slack


def test_whoever_waits_long_goes_up_but_never_to_urgent() -> None:
    line: FairLine[str] = FairLine()
    line.add("old", "low", 0.0)
    for number in range(20):
        line.add(f"high {number}", "high", 0.0)
    assert line.age(59.0, 60.0) == 0
    assert line.age(60.0, 60.0) == 1
    assert line.waiting("medium") == 1
    assert line.age(61.0, 60.0) == 0
    assert line.age(120.0, 60.0) == 1
    assert (line.waiting("high"), line.waiting("urgent")) == (21, 0)
    assert line.age(1e9, 60.0) == 0
    line.add("first", "urgent", 200.0)
    assert line.first() == "first"


def test_without_aging_nobody_goes_up() -> None:
    line: FairLine[str] = FairLine()
    line.add("old", "low", 0.0)
    assert line.age(1e9, 0.0) == 0


def test_when_nobody_waits_all_begin_even_again() -> None:
    line: FairLine[str] = FairLine()
    for number in range(9):
        line.add(f"ana {number}", "urgent", 0.0, user="ana")
    drain(line)
    line.add("low", "low", 0.0, user="ben")
    line.add("ben", "urgent", 0.0, user="ben")
    line.add("ana", "urgent", 0.0, user="ana")
    assert drain(line) == ["ben", "ana", "low"]


STEPS = st.tuples(
    st.sampled_from([*PRIORITIES, "odd"]), st.integers(0, 3), st.sampled_from(["add", "leave", "serve", "age"])
)


@given(st.lists(STEPS, max_size=60))
def test_the_order_that_is_shown_is_the_order_of_service_and_nobody_is_lost(steps: list[tuple[str, int, str]]) -> None:
    line: FairLine[object] = FairLine()
    here: list[object] = []
    for number, (priority, user, act) in enumerate(steps):
        if act == "age":
            line.age(number * 40.0, 60.0)
        elif act == "add" or not here:
            here.append(one := object())
            line.add(one, priority, number * 40.0, user=f"u{user}", tenant=f"t{user % 2}", cost=1.0 + user)
        else:
            one = here[user % len(here)] if act == "leave" else line.first()
            assert line.remove(one, served=act == "serve")
            assert not line.remove(one)
            here.remove(one)
        assert len(line) == len(here)
    shown, served = list(line), []
    while (one := line.first()) is not None:
        line.remove(one, served=True)
        served.append(one)
    assert shown == served
    assert {id(one) for one in shown} == {id(one) for one in here}
