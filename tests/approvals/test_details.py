"""What an operator reads before deciding: from disk only what the agent's own request names, and never for too long."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from engine.approvals.details import Detail, DetailReader
from engine.approvals.pending import Pending
from engine.base.caller import Scope
from engine.operations.declared.permissions import JUDGE_PERMISSION
from engine.sessions.protocol_events import PermissionWanted
from tests.approvals.rooms import Room


def ask(room: Room, tool: str, workspace: Path, name: str = "p1", **given: object) -> Pending:
    """An agent that works in this workspace asks to use a tool."""
    raw = msgspec.Raw(json.dumps(given).encode())
    room.broker.ask(room.requester("s1", workspace=str(workspace)), PermissionWanted(name, tool, raw, ""))
    return room.broker.waiting(name)


def reader() -> DetailReader:
    """One that waits long enough for a busy machine."""
    return DetailReader(time.monotonic, disk_s=30.0)


def shown(detail: Detail) -> str:
    """All lines."""
    return "\n".join(line.text for line in detail.text.lines)


async def test_an_edited_path_is_not_read(room: Room, tmp_path: Path) -> None:
    for name in ("own.txt", "other.txt"):
        (tmp_path / name).write_text(f"what {name} holds\n")
    ask(room, "Write", tmp_path, file_path="own.txt", content="new\n")
    assert "what own.txt holds" in shown(await reader().read(room.broker.waiting("p1")))
    for path in ("other.txt", "./own.txt/../other.txt", str(tmp_path / "other.txt"), "none.txt"):
        judged = await reader().read(room.broker.edited("p1", {"file_path": path}))
        assert "what other.txt holds" not in shown(judged)
        assert "could not be compared" in shown(judged)
        assert (judged.touches, judged.text.is_new_file) == ((), False)
    same = await reader().read(room.broker.edited("p1", {"content": "newer\n"}))
    assert "what own.txt holds" in shown(same)


async def test_what_an_edited_command_names_is_looked_at_only_where_the_agent_named_it(
    room: Room, tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("12345")
    ask(room, "Bash", tmp_path, command="rm a.txt")
    judged = await reader().read(room.broker.edited("p1", {"command": "rm -f a.txt b.txt gone.txt /etc/passwd"}))
    assert [each.path for each in judged.touches] == ["a.txt"]


async def test_what_fails_on_disk_is_unread_and_leaves_no_place_taken(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = ask(room, "Write", tmp_path, file_path="a", content="new\n")

    def fail(*_given: object) -> None:
        raise ValueError("a disk that lies")

    own = reader()
    with monkeypatch.context() as patched:
        patched.setattr("engine.approvals.details.touched", fail)
        for number in range(6):  # more than there are places
            detail = await own.read(replace(pending, id=f"p{number}"))
            assert (detail.unread, "could not be compared" in shown(detail)) == (True, True)
    assert (await own.read(replace(pending, id="later"))).unread is False


async def test_without_a_thread_it_is_unread(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = ask(room, "Write", tmp_path, file_path="a", content="new\n")
    own = reader()

    def start(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    disk_facts = own._from_disk  # what reads the disk, without the thread that makes the lines
    with monkeypatch.context() as patched:
        patched.setattr("engine.approvals.details.threading.Thread.start", start)
        for _ in range(6):
            assert await disk_facts(lambda: "read") is None
    assert await disk_facts(lambda: "read") == "read"
    assert (await own.read(pending)).unread is False


async def test_a_new_permission_of_the_same_id_has_its_own_detail(room: Room, tmp_path: Path) -> None:
    own = reader()
    old = ask(room, "Bash", tmp_path, command="make old")
    reading = asyncio.create_task(own.read(old))
    await asyncio.sleep(0)
    room.broker.withdraw_session("s1")
    own.forget("p1")  # while it is still being read
    await reading
    new = ask(room, "Bash", tmp_path, command="make new")
    assert "make new" in shown(await own.read(new))
    again = ask(room, "Bash", tmp_path, name="p2", command="make new")
    assert (await own.read(replace(again, id="p1", deadline=7.0))).pending.deadline == 7.0


def test_who_may_only_read_judges_nothing() -> None:
    assert JUDGE_PERMISSION.scope is Scope.OPERATOR
