"""The permission broker: groups answered as one, and what is denied because nobody or nothing can answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from engine.approvals import store as store_module
from engine.approvals.store import ApprovalStore
from engine.base.clock import ManualClock
from engine.base.errors import NotFound
from engine.events.types import PermissionAnswered
from engine.sessions.permission_port import Requester
from engine.sessions.protocol_events import PermissionWanted
from tests.approvals.rooms import Room
from tests.support.processes import PATIENCE_S


async def test_a_group_is_answered_as_one_and_only_that_group(room: Room) -> None:
    for number in range(5):
        room.ask(f"p{number}", session=f"s{number}")
    room.ask("other", "rm -rf /")
    first, second = sorted(room.groups(), key=lambda group: -group.count)
    assert (first.count, first.sessions, second.count) == (5, ("s0", "s1", "s2", "s3", "s4"), 1)
    assert room.broker.answer_group(first.key, room.decide()) == (5, [])
    assert room.told == [(f"p{number}", True, "") for number in range(5)]
    assert room.waiting == ["other"]
    with pytest.raises(NotFound, match="No permission of group"):
        room.broker.answer_group(first.key, room.decide())


async def test_those_that_join_a_group_while_it_is_answered_are_answered_too(room: Room) -> None:
    again = room.requester("s1")

    def ask_again(*said: object) -> None:
        room.told.append(said)  # type: ignore[arg-type]
        room.ask("p2")

    raw = msgspec.Raw(b'{"command": "rm -rf build"}')
    requester = Requester(again.session, again.conversation, "default", "default", "/w", ask_again)
    room.broker.ask(requester, PermissionWanted("p1", "Bash", raw, ""))
    (group,) = room.groups()
    assert room.broker.answer_group(group.key, room.decide())[0] == 2
    assert [said[0] for said in room.told] == ["p1", "p2"]
    assert room.waiting == []


async def test_groups_come_gravest_first_then_oldest(room: Room, clock: ManualClock) -> None:
    for name, command in (("a", "npm ci"), ("b", "frob"), ("c", "git push"), ("d", "rm x"), ("e", "rm y")):
        room.ask(name, command, session=name)
        clock.advance(1)
    assert [(group.summary, group.risk) for group in room.groups()] == [
        ("rm x", "delete"),
        ("rm y", "delete"),
        ("git push", "push"),
        ("frob", "?"),
        ("npm ci", "network"),
    ]


async def test_nobody_answers_so_it_is_denied_and_that_is_kept(room: Room) -> None:
    room.timeout = 0.01
    room.ask("p1")
    async with asyncio.timeout(PATIENCE_S):
        while room.waiting:
            await asyncio.sleep(0.005)
    assert room.told[0][:2] == ("p1", False)
    assert [(row.how, row.allowed) for row in room.store.history(9, 0)[0]] == [("deadline", False)]
    assert room.store.seen(room.store.history(9, 0)[0][0].group) == (0, 0)


async def test_what_is_withdrawn_is_no_answer(room: Room) -> None:
    room.ask("p1", session="s1")
    room.ask("p1", session="s2")  # two agents may use one name
    assert room.waiting == ["p1", "s2-p1"]
    room.broker.withdraw("s2", "p1")
    assert room.waiting == ["p1"]
    room.broker.withdraw_session("s1")
    assert (room.waiting, room.told, room.store.history(9, 0)[1]) == ([], [], 0)


async def test_too_many_that_wait_are_denied(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.approvals.broker.MAX_PENDING", 2)
    for number in range(3):
        room.ask(f"p{number}", session=f"s{number}")
    assert room.told == [("p2", False, "Too many permissions wait.")]
    assert isinstance(room.seen[-1], PermissionAnswered)


async def test_the_store_is_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_GRANTS", 3)
    monkeypatch.setattr(store_module, "MAX_ANSWERS", 10)
    monkeypatch.setattr(store_module, "_TRIM_EVERY", 1)
    for number in range(20):
        room.ask(f"p{number}", f"rm x{number}")
        room.broker.answer(f"p{number}", room.decide(scope="profile"))
    assert [grant.id for grant in room.store.grants()] == ["g18", "g19", "g20"]
    answers, total = room.store.history(100, 0)
    assert (total, answers[0].permission) == (10, "p19")


def test_a_file_that_is_no_store_is_moved_aside_and_a_new_one_begun(tmp_path: Path, clock: ManualClock) -> None:
    text = "this is no database, and long enough to be looked at " * 20
    (tmp_path / "approvals.db").write_text(text)
    store = ApprovalStore(tmp_path / "approvals.db", clock)
    store.open()
    assert store.grants() == []
    store.close()
    kept = [path.read_text() for path in tmp_path.glob("approvals.db.damaged-*")]
    assert kept == [text]
