"""How every agent ends, and what is left of its conversation: stops, crashes, stalls, starts that fail."""

from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path

import pytest

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.claude import ClaudeBackend, ClaudeOptions
from engine.backends.credential import Credential
from engine.backends.transcript_search import transcript_holds
from engine.base.errors import BackendMissing, DeadlinePassed, SessionLost, StartFailed
from engine.dispatch.dispatcher import CONTINUE
from engine.events.types import SessionEnded
from engine.memory.buffers import BufferPool
from engine.recovery.classify.classifier import error_of
from engine.sessions.clocks import TurnLimits
from engine.sessions.outcome import Ended
from tests.support.processes import until
from tests.support.sessions import SessionFixture

LONG = "[[words: 400]] [[pace: 20ms]]"
SILENT = "[[fault: first_byte_never_api_timeout_5s]]"
STALLS = "one two three four five six [[fault: stall_mid_default_40s]]"


async def test_a_stopped_conversation_goes_on_in_another_process(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    await session_fixture.ask(session, "one")
    ending = await session.stop("test", 5.0)
    assert (ending.how, ending.exit_code, ending.survivors) == ("eof", 0, ())
    assert session_fixture.survivors() == []
    again = await session_fixture.start(resume=session.conversation)
    outcome = await session_fixture.ask(again, "[[history]]")
    assert outcome.text.startswith("History: 2 user messages")
    assert again.conversation == session.conversation


async def test_a_killed_session_is_lost_and_its_prompt_is_not_doubled(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    await session_fixture.ask(session, "one")
    turn, pieces = session_fixture.begin(session, "[[words: 60]] [[pace: 20ms]]")
    await until(lambda: pieces)
    os.kill(session.pid, signal.SIGKILL)
    outcome = await turn
    assert (outcome.ended, outcome.exit_code, outcome.text) == (Ended.LOST, -9, "".join(pieces))
    assert (error_of(outcome).code, error_of(outcome).retryable) == ("session_lost", True)
    assert session_fixture.lost == [session]
    assert (await session.collect(1.0)).survivors == ()

    backend = session_fixture.backend()
    assert transcript_holds(
        backend.transcript(session.profile, session.conversation), session.last_uuid, BufferPool(), "t"
    )
    again = await session_fixture.start(resume=session.conversation)
    assert len((await session_fixture.ask(again, CONTINUE)).text.split()) == 60
    assert (await session_fixture.ask(again, "[[history]]")).text.startswith("History: 3 user messages")


async def test_a_turn_on_a_lost_session_fails_at_once(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    os.kill(session.pid, signal.SIGKILL)
    await until(lambda: session_fixture.lost)
    with pytest.raises(SessionLost):
        await session_fixture.ask(session, "anybody there?")
    assert not session.busy


async def test_a_frozen_process_answers_no_probe_and_is_killed_all_the_same(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    os.kill(session.pid, signal.SIGSTOP)
    with pytest.raises(DeadlinePassed, match="get_binary_version"):
        await session.probe(0.3)
    ending = await session.kill("frozen")
    assert (ending.how, ending.survivors) == ("sigkill", ())
    assert session_fixture.survivors() == []


async def test_a_frozen_process_is_stopped_by_the_last_step(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    os.kill(session.pid, signal.SIGSTOP)
    ending = await session.stop("frozen", 0.2)
    assert (ending.how, ending.exit_code, ending.survivors) == ("sigkill", -9, ())


async def test_silence_before_the_first_byte_names_its_clock(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    await session_fixture.ask(session, "warm")
    session_fixture.limits = TurnLimits(first_byte=0.5, inactivity=20.0, turn=30.0)
    with pytest.raises(DeadlinePassed) as late:
        await session_fixture.ask(session, SILENT)
    assert "session_pool.first_byte_timeout" in late.value.remedy
    assert await session.settle(5.0)
    session_fixture.limits = TurnLimits()
    assert (await session_fixture.ask(session, "after it")).text == "Echo: after it"


async def test_silence_in_the_middle_names_its_clock(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    session_fixture.limits = TurnLimits(first_byte=20.0, inactivity=1.0, turn=30.0)
    with pytest.raises(DeadlinePassed) as late:
        await session_fixture.ask(session, STALLS)
    assert "session_pool.inactivity_timeout" in late.value.remedy
    assert await session.probe(5.0) < 5.0
    assert await session.settle(5.0)


async def test_the_whole_turn_has_a_clock_too(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    session_fixture.limits = TurnLimits(first_byte=20.0, inactivity=20.0, turn=0.8)
    with pytest.raises(DeadlinePassed) as late:
        await session_fixture.ask(session, LONG)
    assert "session_pool.turn_timeout" in late.value.remedy
    assert await session.settle(5.0)


async def test_a_bad_flag_is_told_in_the_agents_own_words(session_fixture: SessionFixture) -> None:
    with pytest.raises(StartFailed, match="unknown option '--no-such-flag'") as failed:
        await session_fixture.start(flags=["--no-such-flag"])
    assert "`--no-such-flag`" in failed.value.remedy
    (ended,) = session_fixture.seen(SessionEnded)
    assert "unknown option" in ended.error
    assert session_fixture.survivors() == []


async def test_an_unknown_conversation_cannot_be_resumed(session_fixture: SessionFixture) -> None:
    nobody = str(uuid.uuid4())
    with pytest.raises(StartFailed, match=f"No conversation found with session ID: {nobody}"):
        await session_fixture.start(resume=nobody)
    assert session_fixture.survivors() == []


async def test_a_missing_workspace_is_named_with_its_setting(session_fixture: SessionFixture, tmp_path: Path) -> None:
    with pytest.raises(StartFailed) as failed:
        await session_fixture.start(session_fixture.profile(workspace=tmp_path / "nowhere"))
    assert "nowhere" in failed.value.message
    assert "profiles.default.workspace" in failed.value.remedy


async def test_a_missing_program_is_named_with_a_remedy(tmp_path: Path) -> None:
    session_fixture = SessionFixture(tmp_path)
    homes = AgentDirectories(tmp_path, tmp_path, tmp_path, None, tmp_path)
    backend = ClaudeBackend(tmp_path / "claude", homes, Credential, ClaudeOptions())
    with pytest.raises(BackendMissing) as missing:
        await session_fixture.start(backend=backend)
    assert str(tmp_path / "claude") in missing.value.message
    assert "claude.binary" in missing.value.remedy
