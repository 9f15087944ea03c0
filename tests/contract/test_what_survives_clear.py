"""The list of what survives `/clear` against the CLI that is installed: a new version is checked by running this.

Each probe brings something about in one conversation, clears, and looks for it in the next one. A row that is wrong
fails here; a thing that survives must bind the process to its conversation, or must be out of a prompt's reach.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import SessionLost
from engine.events.types import PermissionAsked
from engine.offline_model.server import OfflineModel
from engine.sessions import lines
from engine.sessions.carry_over import CARRY_OVER, CarriedOver, Remedy
from engine.sessions.session import Session
from tests.support.processes import until
from tests.support.sessions import SessionFixture

pytestmark = pytest.mark.real_cli
BOUND = {Remedy.TOOL, Remedy.TASKS, Remedy.SETTINGS, Remedy.OUTPUT}
BASH = "--allowedTools=Bash"


class Seen(OfflineModel):
    """The offline model with the bodies of its requests."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    async def _messages(self, exchange: Any, request: Any) -> bool:
        self.bodies.append(request.body)
        return await super()._messages(exchange, request)


class Lab:
    """One process that is cleared, and what its probes need."""

    def __init__(self, session_fixture: SessionFixture, model: Seen, patch: pytest.MonkeyPatch) -> None:
        self.session_fixture = session_fixture
        self.model = model
        self.patch = patch

    async def ask(self, session: Session, prompt: str, *, allowed: bool = True, commands: bool = False) -> str:
        """What a turn answers, whoever has to be asked."""
        return (await self._turn(session, prompt, allowed=allowed, commands=commands))[0]

    async def asked(self, session: Session, prompt: str) -> bool:
        """Whether a person is asked for what a turn does."""
        return (await self._turn(session, prompt, allowed=False, commands=False))[1]

    async def control(self, session: Session, subtype: str, **fields: Any) -> str:
        """The reply to a control request."""
        return bytes((await session.control(subtype, 20.0, **fields)).response).decode()

    async def _turn(self, session: Session, prompt: str, *, allowed: bool, commands: bool) -> tuple[str, bool]:
        before = len(self.session_fixture.seen(PermissionAsked))
        turn = asyncio.create_task(self.session_fixture.ask(session, prompt, commands=commands))
        answered = before
        while not turn.done():
            known = self.session_fixture.seen(PermissionAsked)
            for question in known[answered:]:
                self.session_fixture.answer(question.permission, allowed=allowed)
            answered = len(known)
            await asyncio.sleep(0.01)
        return turn.result().text, answered > before


def tool(name: str, **arguments: Any) -> str:
    """A prompt whose answer uses a tool."""
    return f"[[tool: {name} {json.dumps(arguments)}]]"


@pytest.fixture
async def lab(claude: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    """The real CLI on the offline model."""
    async with Seen() as model:
        session_fixture = SessionFixture(tmp_path, claude, model.url)
        yield Lab(session_fixture, model, monkeypatch)
        await session_fixture.aclose()


async def history(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, "one")
    await session.clear()
    return not (await lab.ask(session, "[[history]]")).startswith("History: 1 user messages")


async def working_directory(lab: Lab) -> bool:
    session = await lab.session_fixture.start(flags=[BASH])
    before = session.cwd
    await lab.ask(session, "one")
    await session.clear()
    said = await lab.ask(session, tool("Bash", command="pwd"))
    assert str(session.cwd) in said
    return str(before) in said


async def _in_a_prepared_directory(lab: Lab, name: str, text: str) -> Session:
    """A process that found a file in its directory when it started."""
    first = await lab.session_fixture.start()
    await lab.ask(first, "one")
    (first.cwd / name).parent.mkdir(parents=True, exist_ok=True)
    (first.cwd / name).write_text(text)
    await first.kill("to start again with the file")
    return await lab.session_fixture.start(resume=first.conversation)


async def instructions(lab: Lab) -> bool:
    session = await _in_a_prepared_directory(lab, "CLAUDE.md", "CANARY")
    await lab.ask(session, "two")
    assert b"CANARY" in lab.model.bodies[-1]
    await session.clear()
    await lab.ask(session, "three")
    return b"CANARY" in lab.model.bodies[-1]


async def reading_the_directory(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    before = session.cwd
    (before / "file").write_text("CANARY")
    assert not await lab.asked(session, tool("Read", file_path=str(before / "file")))
    await session.clear()
    return not await lab.asked(session, tool("Read", file_path=str(before / "file")))


async def reading_the_transcript(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, "one")
    await session.clear()
    before = lab.session_fixture.first_transcript()
    return not await lab.asked(session, tool("Read", file_path=str(before)))


async def shell_variables(lab: Lab) -> bool:
    session = await lab.session_fixture.start(flags=[BASH])
    await lab.ask(session, tool("Bash", command="export CANARY=1; cd /"))
    await session.clear()
    said = await lab.ask(session, tool("Bash", command="echo [$CANARY] $PWD"))
    assert str(session.cwd) in said
    return "[1]" in said


async def model(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, "one")
    await lab.ask(session, "/model haiku", commands=True)
    await session.clear()
    await lab.ask(session, "two")
    return "haiku" in json.loads(lab.model.bodies[-1])["model"]


async def effort(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, "/effort low", commands=True)
    await session.clear()
    return json.loads(await lab.control(session, "get_settings"))["applied"]["effort"] == "low"


async def output_style(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, "/output-style explanatory", commands=True)
    assert "xplanatory" in await lab.control(session, "get_settings")
    assert session.single_use
    await session.clear()
    return "xplanatory" in await lab.control(session, "get_settings")


async def title(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, "one")
    await lab.ask(session, "/rename canary", commands=True)
    await session.clear()
    await lab.ask(session, "two")
    told = await lab.control(session, "get_status")
    return "canary" in told or b"canary" in lab.model.bodies[-1]


async def permission_mode(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.control(session, "set_permission_mode", mode="acceptEdits")
    await lab.ask(session, "one")
    await session.clear()
    return not await lab.asked(session, tool("Write", file_path=str(session.cwd / "new"), content="x"))


async def permission_rules(lab: Lab) -> bool:
    rule = {"type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": "touch *"}], "behavior": "allow"}
    added = [{**rule, "destination": "session"}]

    def allow(request_id: str, given: Any) -> bytes:
        return lines._success(request_id, {"behavior": "allow", "updatedInput": given, "updatedPermissions": added})

    session = await lab.session_fixture.start()
    lab.patch.setattr(lines, "allow", allow)
    await lab.ask(session, tool("Bash", command="touch one"))
    await session.clear()
    return not await lab.asked(session, tool("Bash", command="touch two"))


async def scheduled_prompts(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, tool("CronCreate", cron="0 0 1 1 *", prompt="CANARY", recurring=True))
    assert session.single_use
    await session.clear()
    return "CANARY" in await lab.ask(session, tool("CronList"))


async def plan_mode(lab: Lab) -> bool:
    session = await lab.session_fixture.start()
    await lab.ask(session, tool("EnterPlanMode"))
    assert session.single_use
    await session.clear()
    reply = json.loads(await lab.control(session, "initialize", hooks=None))
    return bool(reply["current_permission_mode"] == "plan")


async def mcp_servers(lab: Lab) -> bool:
    starts = lab.session_fixture.folder / "starts"
    server = {"command": "/bin/sh", "args": ["-c", f"echo started >> {starts}; exec cat"]}
    session = await lab.session_fixture.start(flags=[f"--mcp-config={json.dumps({'mcpServers': {'canary': server}})}"])
    await lab.ask(session, "one")
    await until(starts.exists)
    before = starts.read_text()
    await session.clear()
    await lab.ask(session, "two")
    return starts.read_text() == before


async def background_commands(lab: Lab) -> bool:
    session = await lab.session_fixture.start(flags=[BASH])
    alive = lab.session_fixture.folder / "alive"
    command = f"while true; do touch {alive}; sleep 0.05; done"
    await lab.ask(session, tool("Bash", command=command, run_in_background=True))
    await until(alive.exists)
    assert session.single_use
    with pytest.raises(SessionLost, match="may serve no other conversation"):
        await session.clear()
    assert (await lab.session_fixture.ask(session, "/clear", commands=True)).ok
    alive.unlink(missing_ok=True)
    await until(alive.exists)
    return True


async def project_settings(lab: Lab) -> bool:
    session = await _in_a_prepared_directory(lab, ".claude/settings.json", '{"env": {"CANARY": "sings"}}')
    echo = tool("Bash", command="echo [$CANARY]")
    assert "[sings]" in await lab.ask(session, echo)
    assert session.single_use
    await session.clear()
    return "[sings]" in await lab.ask(session, echo)


async def saved_output(lab: Lab) -> bool:
    session = await lab.session_fixture.start(lab.session_fixture.profile(own_home=False), flags=[BASH])
    await lab.ask(session, tool("Bash", command="seq 1 60000"))
    assert session.single_use
    (saved,) = (lab.session_fixture.folder / "home/.claude/projects").glob("*/*/tool-results/*")
    await session.clear()
    return not await lab.asked(session, tool("Read", file_path=str(saved), limit=1))


async def scratch_files(lab: Lab) -> bool:
    session = await lab.session_fixture.start(flags=[BASH])
    await lab.ask(session, tool("Bash", command="echo CANARY > $TMPDIR/file; ls $TMPDIR"))
    (left,) = (path for path in lab.session_fixture.folder.rglob("s1.tmp/file"))
    await session.clear()
    return left.exists()


PROBES: dict[str, Callable[[Lab], Awaitable[bool]]] = {
    "history": history,
    "working directory": working_directory,
    "instructions of the directory": instructions,
    "reading the earlier directory unasked": reading_the_directory,
    "reading the earlier transcript unasked": reading_the_transcript,
    "shell variables and shell directory": shell_variables,
    "model": model,
    "effort": effort,
    "output style": output_style,
    "title": title,
    "permission mode": permission_mode,
    "session permission rules": permission_rules,
    "scheduled prompts": scheduled_prompts,
    "plan mode": plan_mode,
    "MCP servers": mcp_servers,
    "background commands": background_commands,
    "project settings": project_settings,
    "reading an earlier tool's saved output unasked": saved_output,
    "scratch files": scratch_files,
}


def test_every_row_has_a_probe() -> None:
    assert {row.name for row in CARRY_OVER} == PROBES.keys()


def test_what_survives_is_never_left_to_luck() -> None:
    left = [row.name for row in CARRY_OVER if row.survives and row.remedy in {Remedy.GONE, Remedy.SWEPT}]
    assert left == []


@pytest.mark.parametrize("row", CARRY_OVER, ids=lambda row: row.name.replace(" ", "-"))
async def test_the_list_is_right(row: CarriedOver, lab: Lab) -> None:
    assert await PROBES[row.name](lab) is row.survives
