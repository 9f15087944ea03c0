"""Which session serves a wish: the pure decision."""

from __future__ import annotations

from engine.backends.base import Profile
from engine.pool.routing import LeaseWish, Room, Seat, route

ANA = Profile("default", tenant="ana")
BEN = Profile("default", tenant="ben")
EMPTY = Room(size=0, starting=0, max_size=4, max_starting=2, pending={}, pending_conversations=frozenset())
FULL = Room(size=4, starting=0, max_size=4, max_starting=2, pending={}, pending_conversations=frozenset())


def seat(
    name: str, profile: Profile = ANA, *, holds: str = "", user: str = "", idle: bool = True, used: float = 0.0
) -> Seat:
    return Seat(name, profile.key, holds, user, idle, used)


def seats(*given: Seat) -> dict[str, Seat]:
    return {one.session: one for one in given}


def test_the_session_that_holds_the_conversation_serves_it_without_clearing() -> None:
    decision = route(LeaseWish(ANA, "u", "c1"), seats(seat("a", holds="c1"), seat("b")), EMPTY, 0)
    assert (decision.use, decision.clear) == ("a", False)


def test_a_busy_conversation_waits_for_its_one_writer() -> None:
    decision = route(LeaseWish(ANA, "u", "c1"), seats(seat("a", holds="c1", idle=False), seat("b")), EMPTY, 0)
    assert not decision.use
    assert not decision.start
    assert "busy" in decision.reason


def test_another_tenants_conversation_of_the_same_name_is_not_found() -> None:
    decision = route(LeaseWish(BEN, "u", "c1"), seats(seat("a", holds="c1")), EMPTY, 0)
    assert decision.start
    assert not decision.evict


def test_an_unknown_conversation_is_resumed_once() -> None:
    wish = LeaseWish(ANA, "u", "c1")
    assert route(wish, {}, EMPTY, 0).start
    resuming = Room(1, 1, 4, 2, {}, frozenset({("ana", "c1")}))
    assert not route(wish, {}, resuming, 0).start


def test_the_users_last_session_then_a_warm_one_then_the_one_used_last() -> None:
    mine, warm = seat("mine", holds="c1", user="u"), seat("warm")
    old, new = seat("old", holds="c2", used=1.0), seat("new", holds="c3", used=2.0)
    wish = LeaseWish(ANA, "u")
    assert (route(wish, seats(new, warm, mine), EMPTY, 0).use, route(wish, seats(mine), EMPTY, 0).clear) == (
        "mine",
        True,
    )
    assert (route(wish, seats(new, warm), EMPTY, 0).use, route(wish, seats(warm), EMPTY, 0).clear) == ("warm", False)
    assert (route(wish, seats(old, new), EMPTY, 0).use, route(wish, seats(old), EMPTY, 0).clear) == ("new", True)


def test_tenants_never_share_a_process() -> None:
    decision = route(LeaseWish(BEN, "u"), seats(seat("a"), seat("b", holds="c1")), EMPTY, 0)
    assert not decision.use
    assert decision.start


def test_a_full_pool_makes_room_by_stopping_the_oldest_idle_session() -> None:
    others = seats(seat("warm", used=9.0), seat("old", holds="x", used=1.0), seat("busy", holds="y", idle=False))
    assert route(LeaseWish(BEN, "u"), others, FULL, 0).evict == "warm"
    del others["warm"]
    assert route(LeaseWish(BEN, "u"), others, FULL, 0).evict == "old"
    del others["old"]
    assert "busy" in route(LeaseWish(BEN, "u"), others, FULL, 0).reason


def test_no_more_sessions_are_started_than_wishes_wait_or_than_may_start() -> None:
    starting = Room(1, 1, 4, 2, {ANA.key: 1}, frozenset())
    assert not route(LeaseWish(ANA, "u"), {}, starting, 0).start
    assert route(LeaseWish(ANA, "u"), {}, starting, 1).start
    crowded = Room(2, 2, 4, 2, {ANA.key: 2}, frozenset())
    assert not route(LeaseWish(ANA, "u"), {}, crowded, 2).start


def test_a_conversation_that_changes_profile_leaves_its_old_session_first() -> None:
    other = Profile("other", tenant="ana")
    decision = route(LeaseWish(other, "u", "c1"), seats(seat("a", holds="c1")), EMPTY, 0)
    assert (decision.start, decision.evict) == (True, "a")
