"""Users of one pool and nothing of one with another: the whole engine around the real CLI on the offline model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.contract.test_what_survives_clear import BASH, Lab, lab, tool
from tests.pool.pools import Conversation
from tests.support.engines import running
from tests.support.processes import until

__all__ = ["lab"]
pytestmark = [pytest.mark.real_cli, pytest.mark.usefixtures("claude")]
REAL = ("engine.backend=claude", "engine.offline=true", "session_pool.max_size=1")


async def test_a_background_command_of_one_user_is_in_nobody_elses_transcript(tmp_path: Path) -> None:
    async with running(tmp_path, *REAL, f'claude.extra_args=["{BASH}"]') as engine:
        talk = Conversation(engine)
        command = tool("Bash", command="sleep 0.5; echo SECRET-OF-A", run_in_background=True)
        first = await talk.ask(command, user="ana")
        second = await talk.ask("ben says hi", user="ben")
        third = await talk.ask("[[delay: 1s]] cleo says hi", user="cleo")
        assert first.session not in {second.session, third.session}
        assert third.text == "Echo: cleo says hi"
        for answer in (second, third):
            transcript = engine.backend.transcript(engine.profiles.find("default", "default"), answer.conversation)
            assert transcript is not None
            text = transcript.read_text()
            assert "SECRET-OF-A" not in text
            assert first.cwd not in text


@pytest.mark.parametrize("command", ["/model haiku", "/effort low", "/rename mine", "/output-style explanatory"])
async def test_a_command_of_one_user_decides_nothing_for_another(command: str, tmp_path: Path) -> None:
    async with running(tmp_path, *REAL) as engine:
        talk = Conversation(engine)
        await talk.ask("one", user="ana")
        assert (await talk.ask(command, user="ana")).text.split()[1:] == command.split()
        await talk.ask(command, user="ana", commands=True)
        answers = [await talk.ask(prompt, user=user) for prompt, user in (("two", "ben"), ("three", "cleo"))]
        assert [answer.text for answer in answers] == ["Echo: two", "Echo: three"]
        reply = await engine.pool.session(answers[-1].session).control("get_settings", 10.0)
        applied = bytes(reply.response)
        assert [word for word in (b"haiku", b'"effort":"low"', b"xplanatory") if word in applied] == []


@pytest.mark.parametrize("own_home", [True, False], ids=["own-configuration", "shared-login"])
async def test_agents_reach_no_common_socket_or_scratch_folder(lab: Lab, own_home: bool) -> None:
    profile = lab.session_fixture.profile(own_home=own_home)
    sessions = [await lab.session_fixture.start(profile, flags=[BASH]) for _ in range(2)]
    folders = []
    for session in sessions:
        environ = Path(f"/proc/{session.pid}/environ").read_bytes().split(b"\0")
        folders += [Path(os.fsdecode(line.partition(b"=")[2])) for line in environ if line.startswith(b"TMPDIR=")]
        assert str(folders[-1]) in await lab.ask(session, tool("Bash", command="echo $TMPDIR"))
    assert len({*folders}) == 2
    for folder, session in zip(folders, sessions, strict=True):
        await until(lambda folder=folder: list(folder.glob("cc-socks/*.sock")))
        assert [path.name for path in folder.glob("cc-socks/*.sock")] == [f"{session.pid}.sock"]
        assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("ListAgents", "SendMessage"):
        assert "No such tool available" in await lab.ask(sessions[0], tool(name, to="x", message="CANARY", summary="x"))
    for folder, session in zip(folders, sessions, strict=True):
        await session.kill("done")
        assert not folder.exists()


async def test_more_tools_may_be_barred_beside_ours(lab: Lab) -> None:
    session = await lab.session_fixture.start(flags=["--disallowedTools=WebFetch"])
    for name in ("ListAgents", "WebFetch"):
        said = await lab.ask(session, tool(name, url="http://127.0.0.1:9", prompt="x"))
        assert "No such tool available" in said
