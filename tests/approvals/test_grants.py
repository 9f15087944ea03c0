"""Grants that answer later and end in time, and the record of who answered what."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from engine.approvals.broker import PermissionBroker
from engine.approvals.grants import LONGEST_S, Place, Scope, decided, expiry
from engine.approvals.links import LinkReader
from engine.approvals.patterns import Listing
from engine.approvals.store import GrantRequest
from engine.base.clock import ManualClock
from engine.base.errors import BadInput, NotFound
from engine.events.types import GrantRevoked, Notice
from engine.sessions.protocol_events import PermissionWanted
from engine.store.sqlite import StoreUnusable
from tests.approvals.rooms import HOUR, START, Room


async def test_a_grant_answers_until_it_expires_and_never_after(room: Room, clock: ManualClock) -> None:
    room.ask("p1")
    (grant,) = room.broker.answer("p1", room.decide(scope="conversation", expires="10m"))
    assert (grant.expires, grant.scope, grant.action) == (
        START + 600,
        Scope.CONVERSATION,
        "Bash: rm -rf build  (exactly this)",
    )
    room.ask("p2")
    assert room.told[-1] == ("p2", True, "")
    clock.advance(599.9)
    room.ask("p3")
    assert room.waiting == []
    clock.advance(0.1)
    room.ask("p4")
    assert room.waiting == ["p4"]
    assert room.store.grants() == []


async def test_a_grant_reaches_no_further_than_it_says(room: Room) -> None:
    room.ask("p1")
    room.broker.answer("p1", room.decide(scope="conversation"))
    room.ask("p2", session="s2")  # another conversation
    room.broker.answer("p2", room.decide(scope="profile"))
    room.ask("p3", session="s3")
    assert room.waiting == []
    strangers: list[dict[str, str]] = [
        {"tenant": "acme"},
        {"profile": "other"},
        {"workspace": "/elsewhere"},
        {"command": "rm -rf build2"},
        {"command": "rm -rf build && make"},
    ]
    for number, changes in enumerate(strangers):
        room.ask(f"x{number}", session="s1", conversation="c-s1", **changes)
    assert room.waiting == [f"x{number}" for number in range(len(strangers))]


async def test_a_grant_for_the_profile_is_given_to_each_profile_of_the_group(room: Room) -> None:
    room.ask("p1", session="s1")
    room.ask("p2", session="s2", profile="other")
    room.ask("p3", session="s3")
    (group,) = room.groups()
    count, grants = room.broker.answer_group(group.key, room.decide(scope="profile"))
    assert (count, sorted(grant.profile for grant in grants)) == (3, ["default", "other"])


async def test_a_revoked_grant_never_answers(room: Room) -> None:
    room.ask("p1")
    (grant,) = room.broker.answer("p1", room.decide(scope="profile"))
    assert room.broker.revoke(grant.id, "ben") == grant
    room.ask("p2")
    assert room.waiting == ["p2"]
    assert GrantRevoked(grant=grant.id, action=grant.action, by="ben") in room.seen
    for unknown in (grant.id, "g99", "", "x", "g" + "9" * 40):
        with pytest.raises(NotFound, match="There is no grant"):
            room.broker.revoke(unknown, "ben")


async def test_grants_and_the_record_outlive_the_engine(room: Room, clock: ManualClock, tmp_path: Path) -> None:
    room.ask("p1")
    room.broker.answer("p1", room.decide(scope="profile"))
    room.store.close()
    later = Room(tmp_path / "approvals.db", clock)
    later.ask("p2")
    assert later.told == [("p2", True, "")]
    answers, total = later.store.history(10, 0)
    assert (total, [(row.permission, row.how, row.by) for row in answers]) == (
        2,
        [("p2", "grant", "g1"), ("p1", "person", "ana")],
    )
    later.store.close()


async def test_another_engines_grant_and_its_end_are_noticed(room: Room, clock: ManualClock, tmp_path: Path) -> None:
    other = Room(tmp_path / "approvals.db", clock)
    other.ask("p1")
    (grant,) = other.broker.answer("p1", other.decide(scope="profile"))
    room.ask("p2")
    assert room.waiting == []
    other.broker.revoke(grant.id, "ben")
    room.ask("p3")
    assert room.waiting == ["p3"]
    other.store.close()


async def test_the_record_says_who_answered_what_and_how_often_it_was_seen(room: Room, clock: ManualClock) -> None:
    room.ask("p1")
    clock.advance(5)
    room.broker.answer("p1", room.decide(allowed=False))
    room.ask("p2", session="s2")
    room.broker.answer("p2", room.decide())
    room.ask("p3", session="s3")
    room.broker.answer("p3", room.decide(scope="profile", expires=60))
    room.ask("p4")
    (row, *_), _total = room.store.history(1, 1)
    assert (row.permission, row.session, row.allowed, row.by, row.scope, row.expires, row.risk) == (
        "p3",
        "s3",
        True,
        "ana",
        "profile",
        START + 65,
        "delete",
    )
    assert [each.how for each in room.store.history(9, 0)[0]] == ["grant", "person", "person", "person"]
    assert room.store.history(9, 0)[0][-1].at - room.store.history(9, 0)[0][-1].asked_at == 5
    assert room.store.seen(row.group) == (2, 1)
    assert room.store.history(9, 0, "no such group") == ([], 0)
    clock.advance(61)
    room.ask("p5")
    (waits,) = room.groups()
    assert (waits.allowed_before, waits.denied_before) == (2, 1)


async def test_the_nearest_grant_is_named(room: Room) -> None:
    room.ask("p1", "make test")
    room.broker.answer("p1", room.decide(scope="profile"))
    room.ask("p2", "make -B test")
    room.ask("p3", "npm ci")
    near = {view.id: view.nearest for view in room.bus.state.permissions.values()}
    assert near == {"p2": "Bash: make test  (exactly this)", "p3": ""}


async def test_a_store_that_cannot_be_written_answers_nothing_and_grants_nothing(room: Room) -> None:
    room.ask("p1")
    room.store.close()
    with pytest.raises(StoreUnusable):
        room.broker.answer("p1", room.decide(scope="profile"))
    assert (room.waiting, room.told) == (["p1"], [])
    room.ask("p2")
    room.ask("p3")
    assert room.waiting == ["p1", "p2", "p3"]
    assert len([event for event in room.seen if isinstance(event, Notice)]) == 1
    room.store.open()
    room.broker.answer("p1", room.decide())
    assert room.told == [("p1", True, "")]


async def test_a_tool_that_is_out_of_order_is_denied_in_spite_of_a_grant(room: Room) -> None:
    room.ask("p1")
    room.broker.answer("p1", room.decide(scope="profile"))
    broker = PermissionBroker(room.bus, room.clock, room.store, lambda: 60.0, barred=lambda tool: f"{tool} is open")
    raw = msgspec.Raw(b'{"command": "rm -rf build"}')
    broker.ask(room.requester("s1"), PermissionWanted("p2", "Bash", raw, ""))
    assert room.told[-1] == ("p2", False, "Bash is open")
    assert room.store.history(1, 0)[0][0].how == "engine"


@pytest.mark.parametrize("command", ["$cmd x", 'eval "$x"', "rm -rf $x", "ls 'unclosed"])
async def test_what_cannot_be_read_is_asked_each_time_and_never_granted(room: Room, command: str) -> None:
    room.ask("p1", command)
    for scope in ("conversation", "profile"):
        with pytest.raises(BadInput, match="no grant can cover it"):
            room.broker.answer("p1", room.decide(scope=scope))
        with pytest.raises(BadInput, match="no grant can cover it"):
            room.broker.answer_group(room.groups()[0].key, room.decide(scope=scope))
    room.broker.answer("p1", room.decide())
    room.ask("p2", command)
    assert room.waiting == ["p2"]
    assert room.groups()[0].grave


async def test_a_grant_that_an_earlier_release_gave_does_not_cover_what_cannot_be_read(room: Room) -> None:
    room.ask("p1", "$cmd x")
    asked = room.groups()[0]
    place = Place("default", "default", "/w")
    room.broker.store.keep([], [GrantRequest(place, "Bash", asked.key, asked.action, "?", "ana", START + HOUR)])
    room.ask("p2", "$cmd x")
    assert room.waiting == ["p1", "p2"]


async def test_a_second_grant_for_the_same_takes_the_place_of_the_first(room: Room) -> None:
    place = Place("default", "default", "/w")
    wishes = [GrantRequest(place, "Bash", "k", "Bash: x", "?", "ana", START + life) for life in (HOUR, 2 * HOUR)]
    room.store.keep([], wishes)
    (grant,) = room.store.grants()
    assert (grant.id, grant.expires) == ("g2", START + 2 * HOUR)


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"scope": "world"}, "scope", "There is no scope 'world'"),
        ({"scope": "profile", "allowed": False}, "scope", "A denial holds once"),
        ({"expires": "1h"}, "expires", "holds once has no expiry"),
        ({"scope": "profile", "expires": "soon"}, "expires", "not a duration"),
        ({"scope": "profile", "expires": 0}, "expires", "has passed"),
        ({"scope": "profile", "expires": -5}, "expires", "below zero"),
        ({"scope": "profile", "expires": "31d"}, "expires", "more than 30d ahead"),
        ({"scope": "profile", "expires": "1970-01-02T00:00"}, "expires", "has passed"),
        ({"scope": "profile", "expires": "9999-12-31T23:59"}, "expires", "more than 30d ahead"),
        ({"scope": "profile", "expires": "nan"}, "expires", "not a duration"),
        ({"message": "x" * 2001}, "message", "over 2000 characters"),
    ],
)
def test_a_bad_answer_is_named(given: dict[str, object], field: str, sentence: str) -> None:
    answer = {"allowed": True, "by": "ana", "scope": "once", "expires": None, "message": "", **given}
    with pytest.raises(BadInput, match=sentence) as refused:
        decided(now=START, default=HOUR, **answer)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_an_expiry_is_a_time_to_live_or_a_moment() -> None:
    assert expiry(None, START, HOUR) == START + HOUR
    assert expiry("90s", START, HOUR) == START + 90
    assert expiry(5, START, HOUR) == START + 5
    assert expiry("1970-01-12T13:50:00+00:00", START, HOUR) == START + 200
    assert expiry(LONGEST_S, START, HOUR) == START + LONGEST_S


async def test_a_grant_for_a_pattern_ends_where_a_link_joins_its_names(room: Room, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "a1").touch()
    room.ask("p1", "cat a*", workspace=str(work))
    room.broker.answer("p1", room.decide(scope="profile"))
    room.ask("p2", "cat a*", workspace=str(work))
    assert (room.told[-1][0], room.waiting) == ("p2", [])
    (work / "a2").symlink_to("/etc/hosts")
    room.ask("p3", "cat a*", workspace=str(work))
    (group,) = room.groups()
    assert (group.permissions, group.risk, group.grave) == (("p3",), "outside", True)


async def test_patterns_are_read_by_the_reader_that_never_holds_the_loop(tmp_path: Path, clock: ManualClock) -> None:
    hang = threading.Event()

    def names(_folder: str) -> Listing | None:
        assert hang.wait(60)
        return Listing()

    made = Room(tmp_path / "approvals.db", clock, links=LinkReader(bound_s=0.05, names=names))
    try:
        made.ask("p1", "ls a*", workspace=str(tmp_path))
        (group,) = made.groups()
        assert group.risk == "outside"
    finally:
        hang.set()
        made.store.close()
