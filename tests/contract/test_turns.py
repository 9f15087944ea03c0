"""What every agent does with turns: answers, streams, remembers, forgets, stops when told."""

from __future__ import annotations

import asyncio

import pytest

from engine.base.errors import ErrorKind
from engine.events.types import SessionReady, TurnEnded
from engine.recovery.classify.classifier import error_of
from engine.sessions.outcome import Ended
from tests.support.processes import until
from tests.support.sessions import SessionFixture

LONG = "[[words: 400]] [[pace: 20ms]]"


async def test_initialize_tells_version_and_pid(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    (ready,) = session_fixture.seen(SessionReady)
    assert session.usable
    assert (ready.session, ready.pid) == (session.id, session.pid)
    assert ready.version.split(".")[0].isdecimal()
    assert await session.probe(5.0) < 5.0


async def test_a_turn_is_answered_and_counted(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    conversation = session.conversation
    outcome = await session_fixture.ask(session, "hello there")
    assert (outcome.ended, outcome.text) == (Ended.ANSWERED, "Echo: hello there")
    assert outcome.usage.output_tokens > 0
    assert (session.conversation, session.busy) == (conversation, False)
    (ended,) = session_fixture.seen(TurnEnded)
    assert ended.ok
    assert ended.ttft is not None
    assert 0 < ended.ttft <= ended.duration
    assert ended.model
    assert 0 < ended.context < ended.context_window


async def test_the_pieces_join_to_the_answer(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, pieces = session_fixture.begin(session, "[[words: 40]]")
    outcome = await turn
    assert len(pieces) > 1
    assert "".join(pieces) == outcome.text


async def test_a_conversation_remembers_and_clear_forgets(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    await session_fixture.ask(session, "one")
    second = await session_fixture.ask(session, "[[history]]")
    assert second.text.startswith("History: 2 user messages")
    before = session.conversation
    await session.clear()
    third = await session_fixture.ask(session, "[[history]]")
    assert third.text.startswith("History: 1 user messages")
    assert session.conversation not in {"", before}


async def test_an_interrupt_ends_the_turn_and_not_the_session(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    assert not session.interrupt()
    turn, pieces = session_fixture.begin(session, LONG)
    await until(lambda: pieces)
    assert session.interrupt()
    outcome = await turn
    assert outcome.ended is Ended.INTERRUPTED
    assert error_of(outcome).code == "interrupted"
    assert (await session_fixture.ask(session, "still there")).text == "Echo: still there"


async def test_a_caller_who_leaves_ends_the_turn(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, pieces = session_fixture.begin(session, LONG)
    await until(lambda: pieces)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert await session.settle(5.0)
    assert (await session_fixture.ask(session, "next")).text == "Echo: next"


@pytest.mark.parametrize(
    ("fault", "status", "kind", "retryable"),
    [
        ("http401_invalid_key", 401, ErrorKind.AUTH, False),
        ("http429_plain", 429, ErrorKind.RESOURCE, True),
        ("http529", 529, ErrorKind.RESOURCE, True),
    ],
)
async def test_an_api_failure_is_told_with_its_status(
    session_fixture: SessionFixture, fault: str, status: int, kind: ErrorKind, retryable: bool
) -> None:
    session = await session_fixture.start()
    outcome = await session_fixture.ask(session, f"[[fault: {fault}]]")
    assert (outcome.ended, outcome.api_error_status, outcome.ok) == (Ended.API_FAILED, status, False)
    error = error_of(outcome)
    assert (error.kind, error.code, error.retryable) == (kind, f"api_{status}", retryable)
    assert error.remedy
    assert (await session_fixture.ask(session, "after it")).ok


async def test_the_agents_own_retries_are_as_many_as_the_settings_allow(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start(retries=1)
    outcome = await session_fixture.ask(session, "ready [[fault: http500 x1]]")
    assert (outcome.ended, outcome.text) == (Ended.ANSWERED, "Echo: ready")
