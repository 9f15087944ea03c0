"""Going on to another directory: only what the agent confirms counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import AgentSpec, Profile
from engine.backends.claude import ClaudeOptions
from engine.backends.simulator import SimulatorBackend
from engine.base.errors import DeadlinePassed, SessionLost
from engine.sessions.messages import ControlReply
from engine.sessions.workplace import CANNOT_MOVE, Workplace

FIRST, SECOND = (f"{n}" * 8 + "-0000-0000-0000-" + "0" * 12 for n in (1, 2))


class Agent:
    """An agent that answers `set_cwd` with what the test says; None is what it should answer."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def control(self, subtype: str, _seconds: float, **fields: Any) -> ControlReply:
        self.asked.append({"subtype": subtype, **fields})
        if isinstance(self.answer, Exception):
            raise self.answer
        answer = {"status": "ok", "cwd": fields["path"]} if self.answer is None else self.answer
        return ControlReply("success", "r", msgspec.Raw(msgspec.json.encode(answer)))


def workplace(tmp_path: Path, **profile: Any) -> Workplace:
    """Where an agent works that was started for the first conversation."""
    backend = SimulatorBackend(
        AgentDirectories(tmp_path, tmp_path / "work", tmp_path, None, tmp_path / "agents"), ClaudeOptions()
    )
    made = Profile("p", own_home=True, **profile)
    place = Workplace(AgentSpec("s1", made, FIRST), backend)
    place.directory = backend.directory(made, FIRST)
    return place


async def test_it_goes_on_to_the_next_conversations_directory_with_trust(tmp_path: Path) -> None:
    place, agent = workplace(tmp_path), Agent()
    await place.go_on(agent.control, SECOND)
    directory = tmp_path / "work" / "default" / "p" / SECOND
    assert place.directory == directory
    told = {"path": str(directory), "trust_accepted": True, "trusted_directory": str(directory)}
    assert agent.asked == [{"subtype": "set_cwd", **told}]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "rejected", "reason": "busy", "message": "A turn is in progress"},
        {"status": "needs_trust", "directory": "/w"},
        {"status": "ok", "cwd": "/somewhere/else"},
        {},
        [],
        DeadlinePassed("no answer"),
    ],
)
async def test_what_the_agent_does_not_confirm_did_not_happen(answer: Any, tmp_path: Path) -> None:
    place, agent = workplace(tmp_path), Agent(answer)
    before = place.directory
    with pytest.raises((SessionLost, DeadlinePassed)):
        await place.go_on(agent.control, SECOND)
    assert place.directory == before
    assert await place.try_out(agent.control) == CANNOT_MOVE


async def test_a_workspace_is_not_left(tmp_path: Path) -> None:
    place, agent = workplace(tmp_path, workspace=tmp_path), Agent({"status": "rejected"})
    await place.go_on(agent.control, SECOND)
    assert await place.try_out(agent.control) == ""
    assert (place.directory, agent.asked) == (tmp_path, [])
    (tmp_path / ".claude").mkdir()
    assert place.carries_over() == ""


@pytest.mark.parametrize("name", [".claude", ".mcp.json"])
async def test_settings_of_the_agent_in_an_own_directory_go_along(name: str, tmp_path: Path) -> None:
    place = workplace(tmp_path)
    assert place.carries_over() == ""
    (place.directory / name).symlink_to("nowhere")
    assert name in place.carries_over()
