"""The indexes of the seats against a model that has none and looks at every seat."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.pool.session_index import IndexedSession, SessionIndex, SubPool

KEYS: list[SubPool] = [("ana", "default", ""), ("ana", "big", ""), ("ben", "default", "")]
USERS = ["", "u1", "u2"]
CONVERSATIONS = ["c1", "c2", "c3"]
MOST = 8


@dataclass
class Plain:
    """A seat of the model; `since` orders the idle ones."""

    name: str
    key: SubPool
    holds: str = ""
    user: str = ""
    idle: bool = False
    since: int = 0
    turns: int = 0
    held: int = 0
    dear: bool = False
    floor: float = 0.0

    @property
    def worth(self) -> float:
        return self.floor + self.held * (4 if self.dear else 1)


class SeatsAgreeWithAModel(RuleBasedStateMachine):
    """Every change is made on both, every question asked of both."""

    def __init__(self) -> None:
        super().__init__()
        self.seats = SessionIndex()
        self.plain: dict[str, Plain] = {}
        self.made = 0
        self.time = 0
        self.floor = 0.0

    def some(self, number: int) -> Plain:
        return list(self.plain.values())[number % len(self.plain)]

    def tick(self) -> int:
        self.time += 1
        return self.time

    @precondition(lambda self: len(self.plain) < MOST)
    @rule(key=st.sampled_from(KEYS))
    def add(self, key: SubPool) -> None:
        self.made += 1
        name = f"s{self.made}"
        self.plain[name] = Plain(name, key)
        self.seats.add(IndexedSession(name, key))

    @precondition(lambda self: self.plain)
    @rule(number=st.integers(0, MOST))
    def remove(self, number: int) -> None:
        one = self.some(number)
        del self.plain[one.name]
        self.seats.remove(one.name)

    @precondition(lambda self: self.plain)
    @rule(number=st.integers(0, MOST))
    def take(self, number: int) -> None:
        one = self.some(number)
        one.idle = False
        self.seats.take(one.name)

    @precondition(lambda self: self.plain)
    @rule(number=st.integers(0, MOST), turns=st.integers(0, 2))
    def give_back(self, number: int, turns: int) -> None:
        one = self.some(number)
        served = turns if one.holds else 0
        one.turns += served
        one.held += served
        one.idle, one.since, one.floor = True, self.tick(), self.floor
        self.seats.give_back(one.name, float(self.time), turns=one.turns)

    @precondition(lambda self: self.plain)
    @rule(
        number=st.integers(0, MOST),
        conversation=st.sampled_from(CONVERSATIONS),
        user=st.sampled_from(USERS),
        prior_turns=st.integers(0, 2),
    )
    def hold(self, number: int, conversation: str, user: str, prior_turns: int) -> None:
        one = self.some(number)
        others = (other for other in self.plain.values() if other is not one and other.key[0] == one.key[0])
        if any(other.holds == conversation for other in others):
            return  # a conversation has one writer
        if one.holds != conversation:
            self.age(one)
            one.held, one.dear = prior_turns, False
        one.holds, one.user, one.since = conversation, user, self.tick()
        self.seats.hold(one.name, conversation, user, prior_turns=prior_turns)

    def age(self, one: Plain) -> None:
        if one.holds:
            self.floor = max(self.floor, one.worth)

    @precondition(lambda self: self.plain)
    @rule(number=st.integers(0, MOST))
    def give_up(self, number: int) -> None:
        one = self.some(number)
        self.age(one)
        one.idle = False
        self.seats.give_up(one.name)

    @precondition(lambda self: self.plain)
    @rule(number=st.integers(0, MOST), dear=st.booleans())
    def set_dear(self, number: int, dear: bool) -> None:
        one = self.some(number)
        one.dear = dear
        self.seats.set_dear(one.name, dear=dear)

    @rule()
    def a_stranger_changes_nothing(self) -> None:
        self.seats.take("nobody")
        self.seats.give_up("nobody")
        self.seats.set_dear("nobody", dear=True)
        self.seats.remove("nobody")
        self.seats.hold("nobody", "c1", "u1")
        self.seats.give_back("nobody", 1.0, turns=1)
        self.seats.set_load("nobody", 1.0)
        assert self.seats.get("nobody") is None

    def idle(self, key: SubPool | None = None) -> list[Plain]:
        found = [one for one in self.plain.values() if one.idle and key in (None, one.key)]
        return sorted(found, key=lambda one: one.since)

    @invariant()
    def the_idle_ones_are_in_order(self) -> None:
        assert len(self.seats) == len(self.plain)
        assert {seat.session for seat in self.seats} == set(self.plain)
        assert [seat.session for seat in self.seats.idle()] == [one.name for one in self.idle()]
        assert self.seats.idle_count == len(self.idle())

    @invariant()
    def each_sub_pool_answers_alike(self) -> None:
        for key in KEYS:
            idle = self.idle(key)
            warm = [one for one in idle if not one.holds]
            once = [one for one in idle if one.holds and one.held <= 1]
            assert self.seats.idle_of(key) == len(idle)
            assert self.seats.warm_count(key) == len(warm)
            assert _name(self.seats.warm(key)) == _last(warm)
            assert _name(self.seats.eviction_candidate(key)) == _least_wanted(idle)
            for most in (1, 3):
                found = [seat.session for seat in self.seats.once_idle(key, most)]
                assert found == [one.name for one in reversed(once)][:most]
            for user in USERS:
                mine = [one for one in once if user and one.user == user]
                assert _name(self.seats.of_user(key, user)) == _last(mine)

    @invariant()
    def holders_and_the_one_to_give_up_are_found(self) -> None:
        for tenant in {key[0] for key in KEYS}:
            for conversation in CONVERSATIONS:
                mine = [one for one in self.plain.values() if (one.key[0], one.holds) == (tenant, conversation)]
                assert _name(self.seats.holder(tenant, conversation)) == (mine[0].name if mine else None)
        idle = self.idle()
        light = [one for one in idle if not one.holds or one.held <= 1]
        assert _name(self.seats.least_wanted_of_all(self.seats.evictable_profiles())) == (
            light[0].name if light else _least_wanted(idle)
        )


def _name(seat: IndexedSession | None) -> str | None:
    return seat.session if seat is not None else None


def _least_wanted(some: list[Plain]) -> str | None:
    """Of those used least recently the first that is worth least."""
    return min(some[:32], key=lambda one: one.worth).name if some else None


def _last(some: list[Plain]) -> str | None:
    return some[-1].name if some else None


TestSeats = SeatsAgreeWithAModel.TestCase
TestSeats.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_load_that_balancers_see_is_what_was_read_last() -> None:
    seats = SessionIndex()
    seats.add(IndexedSession("a", KEYS[0]))
    seats.set_load("a", 0.4)
    seat = seats.get("a")
    assert seat is not None
    assert seat.load == 0.4


def test_a_seat_for_one_conversation_serves_a_first_one_and_then_no_other() -> None:
    seats, key = SessionIndex(), KEYS[0]
    seats.add(IndexedSession("s1", key))
    seats.engage("s1", engaged=False, single_use=True)
    seats.give_back("s1", 1.0, turns=0)
    assert seats.warm(key) is seats.get("s1")
    seats.take("s1")
    seats.hold("s1", "c1", "ana")
    seats.give_back("s1", 2.0, turns=1)
    assert (seats.warm(key), seats.of_user(key, "ana"), seats.once_idle(key, 8)) == (None, None, [])
    assert seats.idle_of(key) == 0
    assert seats.holder(key[0], "c1") is seats.get("s1")
    assert seats.least_wanted_of_all(seats.evictable_profiles()) is seats.get("s1")


def test_a_dear_conversation_and_a_much_used_one_stay_until_others_have_been_given_up_for_them() -> None:
    index, key = SessionIndex(), KEYS[0]
    for name, turns, dear in (("dear", 2, True), ("used", 5, False), ("plain", 3, False)):
        index.add(IndexedSession(name, key))
        index.hold(name, name, "")
        index.set_dear(name, dear=dear)
        index.give_back(name, 1.0, turns=turns)
    given_up = []
    for at in range(8):
        victim = index.eviction_candidate(key)
        assert victim is not None
        given_up.append(victim.conversation)
        index.take(victim.session)
        index.hold(victim.session, f"c{at}", "")
        index.give_back(victim.session, 2.0 + at, turns=victim.turns + 3)
    assert given_up == ["plain", "used", "c0", "dear", "c1", "c2", "c3", "c4"]
