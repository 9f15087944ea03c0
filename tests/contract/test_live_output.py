"""What either agent writes is followed while it is written, and read back from the transcript that it keeps."""

from __future__ import annotations

import asyncio

import pytest

from engine.base.secret_text import SHOWN
from engine.events import types as ev
from engine.sessions.history import read_page
from engine.sessions.transcripts import LivePart
from tests.support.processes import until
from tests.support.sessions import SessionFixture

PIECES = "[[words: 120]] [[pace: 25ms]]"


def part(fixture: SessionFixture, session: str) -> LivePart | None:
    return fixture.transcripts.page(session).part


async def test_an_answer_is_followed_word_by_word_and_ends_as_one_entry(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, pieces = session_fixture.begin(session, PIECES)
    await until(lambda: len(((found := part(session_fixture, session.id)) and found.text.split()) or ()) > 5)
    first = part(session_fixture, session.id)
    assert first is not None
    assert first.kind == "assistant"
    await until(lambda: len(((found := part(session_fixture, session.id)) and found.text) or "") > len(first.text))
    progress = await session_fixture.next_of(ev.TurnProgress)
    assert progress.words > 0
    assert progress.rate > 0
    outcome = await turn
    assert outcome.ok
    assert part(session_fixture, session.id) is None
    answer = session_fixture.transcripts.page(session.id).entries[-1]
    assert (answer.kind, answer.text.strip()) == ("assistant", "".join(pieces).strip())
    reports = session_fixture.seen(ev.TurnProgress)
    assert len(reports) <= 5  # once a second


async def test_a_tools_input_is_there_whole_and_so_is_its_output(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    assert (await session_fixture.ask(session, '[[tool: Bash {"command": "echo one; echo two"}]]')).ok
    entries = session_fixture.transcripts.page(session.id).entries
    tool = next(entry for entry in entries if entry.kind == "tool")
    result = next(entry for entry in entries if entry.kind == "result")
    assert "echo one; echo two" in tool.detail
    assert result.text.split() == ["one", "two"]


async def test_a_tools_input_shows_no_secret_while_it_is_written(
    session_fixture: SessionFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, shown = "sk-ant-" + "api03" + "Q7" * 16, list[str]()
    grow = session_fixture.transcripts.grow_part

    def noted(name: str, text: str) -> None:
        shown.append(text)
        grow(name, text)

    monkeypatch.setattr(session_fixture.transcripts, "grow_part", noted)
    session = await session_fixture.start()
    command = f"echo {'word ' * 40}; ANTHROPIC_API_KEY={secret} true; echo {'word ' * 40}"
    assert (await session_fixture.ask(session, f'[[tool: Bash {{"command": "{command}"}}]]')).ok
    written = "".join(shown)
    assert SHOWN in written
    assert secret[:16] not in written
    assert written.count("word") >= 80


@pytest.mark.parametrize("prompt", ["[[words: 400]] [[pace: 25ms]]"])
async def test_an_interrupted_answer_keeps_what_was_written(session_fixture: SessionFixture, prompt: str) -> None:
    session = await session_fixture.start()
    turn, _pieces = session_fixture.begin(session, prompt)
    await until(lambda: len(((found := part(session_fixture, session.id)) and found.text.split()) or ()) > 5)
    session.interrupt()
    await turn
    assert part(session_fixture, session.id) is None
    texts = [entry.text for entry in session_fixture.transcripts.page(session.id).entries if entry.kind == "assistant"]
    assert len(texts[0].split()) > 5


async def test_a_process_that_dies_leaves_what_it_was_writing(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, _pieces = session_fixture.begin(session, "[[words: 400]] [[pace: 25ms]]")
    await until(lambda: len(((found := part(session_fixture, session.id)) and found.text.split()) or ()) > 5)
    await session.kill("the test kills it")
    await asyncio.wait([turn])
    last = session_fixture.transcripts.page(session.id).entries[-1]
    assert "the agent ended here" in last.text
    assert len(last.text.split()) > 5


async def test_the_agents_own_transcript_says_the_same_as_the_live_one(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    for prompt in ("[[reply: first]]", '[[tool: Bash {"command": "echo hi"}]]', "[[reply: # last]]"):
        assert (await session_fixture.ask(session, prompt)).ok
    path = session.transcript()
    assert path is not None
    live = [entry for entry in session_fixture.transcripts.page(session.id).entries if entry.kind != "note"]
    kept = [entry for entry in read_page(path, None, limit=1000).entries if entry.kind != "note"]
    assert [(e.kind, e.title, e.text.strip()) for e in kept] == [(e.kind, e.title, e.text.strip()) for e in live]
    assert [e.ref for e in kept] == [e.ref for e in live]
    before = read_page(path, None, ref=live[2].ref, limit=1000).entries
    assert [e.ref for e in before if e.kind != "note"] == [e.ref for e in live[:2]]
