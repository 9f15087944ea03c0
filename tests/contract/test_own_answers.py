"""Each prompt gets its own answer, whatever the agent does by itself, and each cent is booked once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.events.types import BackgroundChanged, ForeignTurnEnded, TurnEnded
from engine.offline_model.server import OfflineModel
from engine.sessions.lifecycle import State
from engine.sessions.outcome import Ended
from engine.sessions.replies import cost_so_far
from engine.sessions.session import Session
from tests.support.older_cli import OLDER, older_cli
from tests.support.processes import until
from tests.support.sessions import SessionFixture

BASH = ("--allowedTools=Bash",)


@pytest.fixture(params=[pytest.param(OLDER, marks=pytest.mark.real_cli)])
async def older(tmp_path: Path) -> AsyncIterator[SessionFixture]:
    """The CLI as it was before it marked its results."""
    async with OfflineModel() as model:
        made = SessionFixture(tmp_path, older_cli(), model.url)
        yield made
        await made.aclose()


def background(gate: Path) -> str:
    """A prompt that starts a command which runs until a file is there."""
    command = f"while [ ! -e {gate} ]; do sleep 0.01; done"
    return f'[[tool: Bash {{"command": "{command}", "run_in_background": true}}]]'


async def engaged(session_fixture: SessionFixture, gate: Path) -> Session:
    """A session whose agent runs a command in the background."""
    session = await session_fixture.start(flags=BASH)
    assert (await session_fixture.ask(session, background(gate))).ok
    await until(lambda: session.life.tasks)
    return session


async def own_turn_ends(session_fixture: SessionFixture, session: Session) -> None:
    await until(lambda: session_fixture.seen(ForeignTurnEnded) and not session.life.engaged)


async def check_a_follow_up_gets_its_own_answer(session_fixture: SessionFixture, gate: Path) -> None:
    session = await engaged(session_fixture, gate)
    assert session.single_use
    assert (await session_fixture.ask(session, "[[reply: while it runs]]")).text == "while it runs"
    gate.touch()
    await until(lambda: not session.life.tasks)
    assert (await session_fixture.ask(session, "[[reply: mine]]")).text == "mine"
    await own_turn_ends(session_fixture, session)
    assert (await session_fixture.ask(session, "[[reply: mine too]]")).text == "mine too"
    assert session_fixture.seen(ForeignTurnEnded)[0].ok
    assert session.life.state is State.READY


async def test_a_follow_up_gets_its_own_answer(session_fixture: SessionFixture, tmp_path: Path) -> None:
    await check_a_follow_up_gets_its_own_answer(session_fixture, tmp_path / "gate")
    assert session_fixture.seen(BackgroundChanged)[0].tasks


async def test_a_follow_up_gets_its_own_answer_from_an_older_cli(older: SessionFixture, tmp_path: Path) -> None:
    await check_a_follow_up_gets_its_own_answer(older, tmp_path / "gate")
    assert [event.text for event in older.seen(ForeignTurnEnded)]


async def test_an_older_cli_is_interrupted_cleared_and_resumed(older: SessionFixture, tmp_path: Path) -> None:
    profile = older.profile(workspace=tmp_path)  # it cannot go on to another directory
    session = await older.start(profile)
    turn, pieces = older.begin(session, "[[words: 400]] [[pace: 20ms]]")
    await until(lambda: pieces)
    assert session.interrupt()
    assert (await turn).ended is Ended.INTERRUPTED
    assert (await older.ask(session, "[[reply: one]]")).text == "one"
    before = session.conversation
    await session.clear()
    assert session.conversation != before
    assert (await older.ask(session, "[[history]]")).text.startswith("History: 1 user message")
    await session.stop("test", 5.0)
    again = await older.start(profile, resume=before)
    assert (await older.ask(again, "[[reply: still mine]]")).text == "still mine"


async def test_after_a_crash_under_a_background_task_a_resumed_request_gets_an_answer(
    session_fixture: SessionFixture, tmp_path: Path
) -> None:
    session = await engaged(session_fixture, tmp_path / "gate")
    os.kill(session.pid, signal.SIGKILL)
    await until(lambda: session.lost)
    await session.collect(1.0)
    again = await session_fixture.start(resume=session.conversation, flags=BASH)
    outcome = await session_fixture.ask(again, "[[reply: after the crash]]")
    assert (outcome.ended, outcome.text) == (Ended.ANSWERED, "after the crash")


async def test_tasks_are_stopped_when_the_process_is_given_back(
    session_fixture: SessionFixture, tmp_path: Path
) -> None:
    session = await engaged(session_fixture, tmp_path / "gate")
    await session.stop_tasks()
    await until(lambda: not session.life.engaged)
    assert (await session_fixture.ask(session, "[[reply: go on]]")).text == "go on"
    assert (await session.stop("test", 5.0)).survivors == ()


@pytest.mark.parametrize("rounds", [0, 1, 20])
async def test_an_interrupt_ends_the_turn_at_once_however_early(session_fixture: SessionFixture, rounds: int) -> None:
    session = await session_fixture.start()
    turn, _ = session_fixture.begin(session, "[[delay: 60s]] [[reply: did it]]")
    for _ in range(1 + rounds):
        await asyncio.sleep(0)
    assert session.interrupt()
    assert (await asyncio.wait_for(turn, 20.0)).ended is Ended.INTERRUPTED
    assert (await session_fixture.ask(session, "[[reply: the next]]")).text == "the next"


async def test_compaction_in_mid_conversation_leaves_every_answer_its_own(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    for number in range(3):
        assert (await session_fixture.ask(session, f"[[reply: answer {number}]]")).text == f"answer {number}"
    assert (await session_fixture.ask(session, "/compact", commands=True)).ok
    assert (await session_fixture.ask(session, "[[reply: after it]]")).text == "after it"


async def total_cost(session: Session) -> float:
    """What the agent itself says that the conversation cost."""
    found = cost_so_far(await session.control("get_usage", 20.0, skip_behaviors=True))
    assert found is not None
    return found


@pytest.mark.real_cli
async def test_what_is_booked_is_what_the_cli_counts_over_clear_resume_and_interrupt(
    tmp_path: Path, claude: Path
) -> None:
    async with OfflineModel() as model:
        session_fixture = SessionFixture(tmp_path, claude, model.url)
        session = await session_fixture.start()
        await session_fixture.ask(session, "[[words: 30]]")
        await session_fixture.ask(session, "[[words: 60]]")
        first = await total_cost(session)
        assert sum(event.cost for event in session_fixture.seen(TurnEnded)) == pytest.approx(first)

        await session.clear()
        await session_fixture.ask(session, "[[words: 90]]")
        turn, pieces = session_fixture.begin(session, "[[words: 400]] [[pace: 20ms]]")
        await until(lambda: pieces)
        session.interrupt()
        assert (await turn).ended is Ended.INTERRUPTED
        second = await total_cost(session)
        assert sum(event.cost for event in session_fixture.seen(TurnEnded)) == pytest.approx(first + second)

        conversation = session.conversation
        await session.stop("test", 5.0)
        again = await session_fixture.start(resume=conversation)
        await session_fixture.ask(again, "[[words: 20]]")
        third = await total_cost(again)
        booked = sum(event.cost for event in session_fixture.seen(TurnEnded))
        assert booked == pytest.approx(first + third)

        os.kill(again.pid, signal.SIGKILL)
        await until(lambda: again.lost)
        await again.collect(1.0)
        last = await session_fixture.start(resume=conversation)
        await session_fixture.ask(last, "[[words: 10]]")
        (*_, ended) = session_fixture.seen(TurnEnded)
        assert 0 < ended.cost < booked
        await session_fixture.aclose()
