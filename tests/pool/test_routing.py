"""Which session serves a wish: the whole order of the decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.backends.base import Profile
from engine.pool.balancers import Candidate, LeastLoaded
from engine.pool.routing import Capacity, LeaseRequest, RouteDecision, Router
from engine.pool.session_index import IndexedSession, SessionIndex

ANA = Profile("default", tenant="ana")
BEN = Profile("default", tenant="ben")
BIG = Profile("big", tenant="ana")
EMPTY: dict[str, Any] = {
    "size": 0,
    "starting": {},
    "waking": {},
    "allowed": 4,
    "why": "max_size is 4",
    "max_starting": 2,
    "max_waking": 2,
    "pending": {},
    "resuming": frozenset(),
    "held": {},
}
FULL = {**EMPTY, "size": 4}


class Asked(LeastLoaded):
    """A balancer that takes the second candidate and notes what it was asked."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:
        self.keys.append(key)
        return candidates[1].session


class RoutingFixture:
    """Sessions, and the decisions on them."""

    def __init__(self) -> None:
        self.index = SessionIndex()
        self.balancer = Asked()
        self.router = Router(self.balancer)
        self.looked = 0
        self._now = 0.0

    def sit(
        self, name: str, profile: Profile = ANA, *, holds: str = "", user: str = "", turns: int = 1, idle: bool = True
    ) -> None:
        """Add a session that served so many turns of what it holds; a later one was used later."""
        self._now += 1
        self.index.add(IndexedSession(name, profile.key))
        if holds:
            self.index.hold(name, holds, user)
        self.index.give_back(name, self._now, turns=turns if holds else 0)
        if not idle:
            self.index.take(name)

    def route(self, request: LeaseRequest, ahead: int = 0, **room: Any) -> RouteDecision:
        def look() -> Capacity:
            self.looked += 1
            by_profile = {name: {request.profile.named: room.get(name, 0)} for name in ("starting", "waking")}
            given = {name: mine for name, mine in room.items() if not isinstance(mine, int) or name not in by_profile}
            return Capacity(**{**EMPTY, "size": len(self.index), **by_profile, **given})

        return self.router.route(request, self.index, look, lambda: ahead)


@pytest.fixture
def routing() -> RoutingFixture:
    return RoutingFixture()


def test_a_fresh_wish_goes_down_the_whole_order(routing: RoutingFixture) -> None:
    routing.sit("loyal", holds="c1", turns=2)
    routing.sit("one", holds="c2")
    routing.sit("two", holds="c3")
    routing.sit("spare")
    routing.sit("mine", holds="c4", user="u")
    request, order = LeaseRequest(ANA, "u"), []
    for _ in range(5):
        decision = routing.route(request, **FULL)
        order.append((decision.use, decision.clear, decision.reason))
        routing.index.take(decision.use)
    assert order == [
        ("mine", True, "the user's last session"),
        ("spare", False, "a warm session"),
        ("one", True, "the balancer's choice"),
        ("two", True, "the balancer's choice"),
        ("loyal", True, "the conversation worth least hibernates"),
    ]
    assert routing.balancer.keys == ["u"]
    assert "busy: max_size is 4" in routing.route(request, **FULL).reason


def test_a_conversation_that_is_gone_on_with_is_kept_while_there_is_another_way(routing: RoutingFixture) -> None:
    routing.sit("loyal", holds="c1", user="u", turns=2)
    assert routing.route(LeaseRequest(ANA, "u")).start
    routing.sit("once", holds="c2")
    assert routing.route(LeaseRequest(ANA, "u"), **FULL).use == "once"
    routing.index.take("once")
    assert routing.route(LeaseRequest(ANA, "u"), **FULL).use == "loyal"


def test_of_the_conversations_that_are_gone_on_with_the_one_with_the_fewest_turns_goes_first_and_then_the_oldest(
    routing: RoutingFixture,
) -> None:
    for name, turns in (("much", 9), ("old", 3), ("new", 3)):
        routing.sit(name, holds=name, turns=turns)
    assert routing.route(LeaseRequest(ANA, "u"), **FULL).use == "old"
    assert routing.route(LeaseRequest(BEN, "u"), **FULL).evict == "old"


def test_a_conversation_that_a_person_reads_is_cleared_last(routing: RoutingFixture) -> None:
    routing.sit("s1", holds="c1", user="kim")
    routing.sit("s2", holds="c2", turns=9)
    routing.sit("s3", holds="c3", turns=5)
    wish = LeaseRequest(ANA, "kim")
    assert routing.route(wish, **FULL).use == "s1"  # her last one
    routing.index.look_at("s1")
    assert routing.route(wish, **FULL).use == "s3"
    routing.index.look_at("s3")
    assert routing.route(wish, **FULL).use == "s2"
    routing.index.look_at("s2")
    assert routing.route(wish, **FULL).use == "s1"  # the one looked at longest ago
    assert routing.route(wish).start  # and while there is room, none is cleared
    routing.index.hold("s1", "c9", "kim")
    assert routing.route(wish, **FULL).use == "s1"


def test_whoever_waits_for_a_start_has_no_second_one_started_for_them(routing: RoutingFixture) -> None:
    routing.sit("loyal", holds="c1", turns=2)
    coming = {"size": 2, "starting": 1, "pending": {ANA.key: 1}}
    decision = routing.route(LeaseRequest(ANA, "u"), **coming)
    assert not decision.start
    assert not decision.use
    assert routing.route(LeaseRequest(ANA, "u"), ahead=1, **coming).start


def test_the_holder_serves_its_conversation_without_clearing_whoever_asks(routing: RoutingFixture) -> None:
    routing.sit("a", holds="c1", user="u")
    routing.sit("b")
    decision = routing.route(LeaseRequest(ANA, "somebody else", "c1"))
    assert (decision.use, decision.clear) == ("a", False)
    assert routing.looked == 0


def test_a_busy_conversation_waits_for_its_one_writer(routing: RoutingFixture) -> None:
    routing.sit("a", holds="c1", idle=False)
    routing.sit("b")
    decision = routing.route(LeaseRequest(ANA, "u", "c1"))
    assert (decision.use, decision.start) == ("", False)
    assert "busy" in decision.reason


def test_a_sleeping_conversation_is_woken_once_and_not_more_at_once_than_may_be(routing: RoutingFixture) -> None:
    request = LeaseRequest(ANA, "u", "c1")
    assert routing.route(request).start
    assert "being resumed" in routing.route(request, resuming=frozenset({("ana", "c1")})).reason
    crowded = routing.route(request, waking=2, max_starting=9)
    assert not crowded.start
    assert "2 conversations are being woken" in crowded.reason
    assert routing.route(request, waking=1, starting=1).start


def test_a_conversation_that_changes_profile_leaves_its_old_session_first(routing: RoutingFixture) -> None:
    routing.sit("a", holds="c1")
    decision = routing.route(LeaseRequest(BIG, "u", "c1"))
    assert (decision.start, decision.evict) == (True, "a")


@pytest.mark.parametrize(
    ("room", "words"),
    [
        ({"starting": 2}, "2 sessions are starting"),
        ({"waking": 2, "max_starting": 9}, "being woken"),
        ({"held": {BIG.key: "profile big is drained"}}, "drained"),
    ],
)
def test_a_conversation_that_changes_profile_obeys_the_limits_of_starts(
    routing: RoutingFixture, room: dict[str, Any], words: str
) -> None:
    routing.sit("a", holds="c1")
    decision = routing.route(LeaseRequest(BIG, "u", "c1"), **room)
    assert (decision.start, decision.evict) == (False, "")
    assert words in decision.reason


def test_tenants_share_neither_sessions_nor_conversations(routing: RoutingFixture) -> None:
    routing.sit("warm")
    routing.sit("held", holds="c1", user="u")
    for request in (LeaseRequest(BEN, "u"), LeaseRequest(BEN, "u", "c1")):
        decision = routing.route(request)
        assert (decision.use, decision.start, decision.evict) == ("", True, "")


def test_a_full_pool_makes_room_for_another_profile_by_what_costs_least(routing: RoutingFixture) -> None:
    routing.sit("loyal", holds="c1", turns=2)
    routing.sit("warm")
    routing.sit("once", holds="c2")
    victims = []
    for _ in range(3):
        victims.append(routing.route(LeaseRequest(BEN, "u"), **FULL).evict)
        routing.index.take(victims[-1])
    assert victims == ["warm", "once", "loyal"]
    assert not routing.route(LeaseRequest(BEN, "u"), **FULL).start


def test_no_more_sessions_are_started_than_wishes_wait_or_than_may_start(routing: RoutingFixture) -> None:
    request = LeaseRequest(ANA, "u")
    assert routing.route(request, starting=1, pending={ANA.key: 1}).reason == "a session of the profile is starting"
    assert routing.route(request, ahead=1, starting=1, pending={ANA.key: 1}).start
    crowded = routing.route(request, ahead=2, starting=2, pending={ANA.key: 2})
    assert not crowded.start
    assert "2 sessions are starting" in crowded.reason


def test_a_profile_whose_starts_are_held_waits_and_says_why_and_others_start(routing: RoutingFixture) -> None:
    held = {ANA.key: "sessions of profile default crashed too often"}
    assert routing.route(LeaseRequest(ANA, "u"), held=held).reason == held[ANA.key]
    assert routing.route(LeaseRequest(BEN, "u"), held=held).start


def test_a_nameless_user_has_no_last_session_and_the_balancer_hears_the_tenant(routing: RoutingFixture) -> None:
    routing.sit("a", holds="c1")
    routing.sit("b", holds="c2")
    assert routing.route(LeaseRequest(ANA, "")).use == "a"
    assert routing.balancer.keys == ["ana"]


def test_a_profile_whose_starts_hang_never_holds_the_last_place_of_another(routing: RoutingFixture) -> None:
    hangs = {BIG.named: 2}
    assert not routing.route(LeaseRequest(BIG, "u"), starting=hangs).start
    assert routing.route(LeaseRequest(ANA, "u"), starting=hangs).start
    assert routing.route(LeaseRequest(ANA, "u", "c1"), starting=hangs, waking=hangs).start
    assert not routing.route(LeaseRequest(ANA, "u"), starting={**hangs, ANA.named: 1}).start


def test_who_waits_for_a_busy_conversation_is_no_demand_for_sessions(routing: RoutingFixture) -> None:
    routing.sit("a", holds="c1", idle=False)
    assert not routing.route(LeaseRequest(ANA, "u", "c1")).demand
    assert routing.route(LeaseRequest(ANA, "u"), **FULL).demand


def test_a_session_that_its_agent_engages_serves_its_own_conversation_alone(routing: RoutingFixture) -> None:
    routing.sit("a", holds="c1", user="u")
    routing.index.engage("a", engaged=True, single_use=True)
    full = {**EMPTY, "size": 4, "allowed": 4}
    fresh = routing.route(LeaseRequest(ANA, "u"), **{name: full[name] for name in ("allowed",)}, size=4)
    assert (fresh.use, fresh.start, fresh.evict) == ("", False, "")
    assert routing.route(LeaseRequest(ANA, "u", "c1")).use == "a"
    moved = routing.route(LeaseRequest(BIG, "u", "c1"))
    assert (moved.start, moved.evict) == (False, "")
    routing.index.engage("a", engaged=False, single_use=True)
    fresh = routing.route(LeaseRequest(ANA, "u"), size=4)
    assert (fresh.use, fresh.evict) == ("", "a")
