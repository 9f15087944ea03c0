"""What an operator reads before deciding: from disk only what the agent's own request names, and never for too long."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec

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


def test_who_may_only_read_judges_nothing() -> None:
    assert JUDGE_PERMISSION.scope is Scope.OPERATOR
