"""How finely the CLI writes its answers follows who watches them; the text stays the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.events.types import ContextMeasured
from engine.offline_model.server import OfflineModel
from engine.sessions.session import Session
from tests.support.processes import until
from tests.support.sessions import SessionFixture

pytestmark = pytest.mark.real_cli
WORDS = 60
PROMPT = f"[[words: {WORDS}]] [[pace: 20ms]]"
UNWATCHED_S = 60.0
"""A hold that no test outlasts: what comes before the end of the turn was not held."""


@pytest.fixture
async def session_fixture(claude: Path, tmp_path: Path) -> AsyncIterator[SessionFixture]:
    async with OfflineModel() as model:
        made = SessionFixture(tmp_path, claude, model.url)
        yield made
        await made.aclose()


async def holding(fixture: SessionFixture) -> Session:
    """A session whose CLI joins pieces, and has served a turn already."""
    backend = fixture.backend(stream_hold=0.08, stream_hold_unwatched=UNWATCHED_S)
    session = await fixture.start(backend=backend)
    await fixture.ask(session, "[[words: 1]]")
    return session


async def test_an_answer_that_nobody_watches_comes_in_few_pieces(session_fixture: SessionFixture) -> None:
    session = await holding(session_fixture)
    task, unwatched = session_fixture.begin(session, PROMPT, watched=False)
    held = await task
    task, watched = session_fixture.begin(session, PROMPT)
    streamed = await task
    assert "".join(unwatched) == held.text
    assert "".join(watched) == streamed.text
    assert len(held.text.split()) == len(streamed.text.split()) == WORDS
    assert len(unwatched) <= 3 < len(watched) < WORDS * 2 // 3


async def test_who_opens_the_transcript_sees_the_answer_grow(session_fixture: SessionFixture) -> None:
    session = await holding(session_fixture)
    task, pieces = session_fixture.begin(session, f"[[words: {10 * WORDS}]] [[pace: 20ms]]", watched=False)
    await until(lambda: bool(pieces))
    session.look_at()
    await until(lambda: len(pieces) > 5)
    assert not task.done()
    session.interrupt()
    await task


async def test_a_fresh_session_reports_how_full_its_context_is(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    session.warm_up()
    measured = await session_fixture.next_of(ContextMeasured)
    assert 0 < measured.context < measured.context_window
    assert (await session_fixture.ask(session, "[[history]]")).text.startswith("History: 1 user messages")
