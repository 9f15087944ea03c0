"""A parked agent resumes a conversation as a new process would, and goes on as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.backends.base import AgentSpec
from engine.base.errors import StartFailed
from engine.sessions.session import Session
from tests.support.processes import runs
from tests.support.sessions import SessionFixture

WAKE_S = 20.0


async def slept(fixture: SessionFixture, workspace: Path | None = None) -> tuple[AgentSpec, Path]:
    """What to resume: a conversation of two turns whose process has ended, and its file."""
    session = await fixture.start(fixture.profile(workspace=workspace))
    await fixture.ask(session, "[[reply: one]]")
    await fixture.ask(session, "[[reply: two]]")
    file = session.transcript()
    await session.stop("test", 5.0)
    assert file is not None
    return replace(session.spec, resume=True, directory=None if workspace else session.cwd), file


async def woken(fixture: SessionFixture, spec: AgentSpec, file: Path) -> Session:
    """A parked agent that took it up."""
    session = await fixture.park(spec.profile, spec.directory)
    await session.wake(replace(spec, session=session.id), file, WAKE_S)
    return session


@pytest.mark.parametrize("place", ["its own directory", "the profile's workspace"])
async def test_it_goes_on_with_the_history_in_the_same_file(session_fixture: SessionFixture, place: str) -> None:
    workspace = session_fixture.folder / "shared" if "workspace" in place else None
    if workspace is not None:
        workspace.mkdir()
    spec, file = await slept(session_fixture, workspace)
    before = file.read_bytes()
    session = await woken(session_fixture, spec, file)
    assert session.cwd == (workspace or spec.directory)
    outcome = await session_fixture.ask(session, "[[history]]")
    assert outcome.text.startswith("History: 3 user messages")
    assert session.conversation == spec.conversation
    assert file.read_bytes().startswith(before)
    assert len(file.read_bytes()) > len(before)
    assert list(session_fixture.folder.rglob(f"{spec.conversation}.jsonl")) == [file]
    await session.stop("test", 5.0)
    cold = await session_fixture.start(spec.profile, resume=spec.conversation)
    assert (await session_fixture.ask(cold, "[[history]]")).text.startswith("History: 4 user messages")


async def test_its_answers_are_those_of_a_process_that_never_slept(session_fixture: SessionFixture) -> None:
    awake = await session_fixture.start()
    for prompt in ("[[reply: one]]", "[[reply: two]]"):
        await session_fixture.ask(awake, prompt)
    spec, file = await slept(session_fixture)
    session = await woken(session_fixture, spec, file)
    texts = [(await session_fixture.ask(each, "[[history]]")).text for each in (awake, session)]
    assert texts[0] == texts[1]


async def test_it_may_be_cleared_for_another_conversation(session_fixture: SessionFixture) -> None:
    spec, file = await slept(session_fixture)
    session = await woken(session_fixture, spec, file)
    await session_fixture.ask(session, "[[reply: three]]")
    before = file.read_bytes()
    await session.clear()
    assert (await session_fixture.ask(session, "[[history]]")).text.startswith("History: 1 user messages")
    assert session.conversation != spec.conversation
    assert session.transcript() not in {None, file}
    assert file.read_bytes().startswith(before)
    again = await session_fixture.start(spec.profile, resume=spec.conversation)
    assert (await session_fixture.ask(again, "[[history]]")).text.startswith("History: 4 user messages")


async def test_a_file_of_another_conversation_is_not_taken_up(session_fixture: SessionFixture) -> None:
    spec, file = await slept(session_fixture)
    session = await session_fixture.park(spec.profile)
    asked = replace(spec, session=session.id, conversation="00000000-0000-4000-8000-000000000000")
    with pytest.raises(StartFailed, match="took up conversation"):
        await session.wake(asked, file, WAKE_S)
    assert session.lost
    assert not runs(session.pid)


async def test_an_agent_that_is_parked_ends_when_it_is_stopped(session_fixture: SessionFixture) -> None:
    session = await session_fixture.park()
    ending = await session.stop("test", 5.0)
    assert ending.how == "sigterm"
    assert not runs(session.pid)
    assert not list((session_fixture.folder / "agents").iterdir())
