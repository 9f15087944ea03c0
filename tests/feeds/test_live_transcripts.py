"""What an agent writes, from the simulator through an engine and each of its feeds to a reader."""

from __future__ import annotations

import asyncio

from engine.events.state import SessionView
from engine.operations.declared import prompts
from engine.thread import EngineThread
from tests.feeds.test_live_feeds import Watcher, thread, watcher  # noqa: F401 - fixtures
from tests.support.feeds import hibernate, interrupt, prompt
from tests.support.processes import until
from tui.feeds.transcript_reader import TranscriptReader

SLOW = "[[words: 400]] [[pace: 20ms]]"


async def _running(watcher: Watcher, text: str) -> tuple[SessionView, TranscriptReader]:  # noqa: F811
    session = await watcher.session_of(await prompt(watcher.feed, text))
    return session, TranscriptReader(session.id)


async def _answered(watcher: Watcher, text: str) -> SessionView:  # noqa: F811
    await prompt(watcher.feed, text)
    await until(lambda: watcher.state.totals.answered == 1 and not watcher.state.requests)
    return next(row for row in watcher.state.sessions.values() if row.turns)


async def test_a_reader_follows_what_is_written_piece_by_piece(watcher: Watcher) -> None:  # noqa: F811
    session, reader = await _running(watcher, SLOW)
    seen = [""]

    async def grew() -> bool:
        await reader.pull(watcher.feed)
        if reader.part is not None:
            assert reader.part.text.startswith(seen[-1])
            if reader.part.text != seen[-1]:
                seen.append(reader.part.text)
        return len(seen) > 5

    while not await grew():
        pass
    await until(lambda: watcher.state.sessions[session.id].words > 0)
    row = watcher.state.sessions[session.id]
    assert row.activity == "writing"
    assert 10 < row.rate < 1000
    await interrupt(watcher.feed, session.id)
    await until(lambda: not watcher.state.requests)
    await reader.pull(watcher.feed)
    assert reader.part is None
    answer = next(entry for entry in reader.entries if entry.kind == "assistant")
    assert answer.text.startswith(seen[-1].rstrip())
    assert watcher.state.sessions[session.id].words == 0


async def test_a_thought_and_a_tools_input_are_followed_too(watcher: Watcher) -> None:  # noqa: F811
    script = '[[think: deep thoughts]] [[tool: Bash {"command": "echo hi"}]] [[words: 3]]'
    session = await _answered(watcher, script)
    reader = TranscriptReader(session.id)
    await reader.pull(watcher.feed)
    kinds = [entry.kind for entry in reader.entries]
    assert {"user", "tool", "result", "assistant"} <= set(kinds)
    tool = next(entry for entry in reader.entries if entry.kind == "tool")
    assert (tool.title, tool.text) == ("Bash", "echo hi")
    assert '"command"' in tool.detail
    assert all(entry.ref for entry in reader.entries if entry.kind in {"user", "tool", "assistant"})


async def test_a_woken_conversation_is_read_back_to_its_begin(watcher: Watcher) -> None:  # noqa: F811
    first = await _answered(watcher, "the very first prompt")
    conversation = first.conversation
    await hibernate(watcher.feed, first.id)
    await until(lambda: first.id not in watcher.state.sessions)
    await watcher.feed.send(
        prompts.SEND_PROMPT, prompts.SendPrompt(prompt="go on", conversation=conversation, wait=True)
    )
    await until(lambda: watcher.state.totals.answered == 2 and not watcher.state.requests)
    row = next(row for row in watcher.state.sessions.values() if row.conversation == conversation)
    reader = TranscriptReader(row.id)
    await reader.pull(watcher.feed)
    assert [entry.text for entry in reader.entries if entry.kind == "user"] == ["go on"]
    assert not reader.at_begin
    while await reader.pull_earlier(watcher.feed, conversation):
        pass
    assert reader.at_begin
    assert [entry.text for entry in reader.entries if entry.kind == "user"] == ["the very first prompt", "go on"]
    assert [entry.index for entry in reader.entries] == sorted(entry.index for entry in reader.entries)


async def test_the_newest_entries_are_read_first_and_the_others_from_memory(
    watcher: Watcher,  # noqa: F811
    thread: EngineThread,  # noqa: F811
) -> None:
    async def write() -> None:
        for number in range(450):
            thread.engine.transcripts.add("s0001", float(number), "assistant", "", f"said {number}")

    await asyncio.wrap_future(thread.call(write()))
    reader = TranscriptReader("s0001")
    await reader.pull(watcher.feed)
    assert (len(reader.entries), reader.in_memory) == (200, 250)
    while await reader.pull_earlier(watcher.feed, ""):
        pass
    assert [entry.text for entry in reader.entries] == [f"said {number}" for number in range(450)]
    assert reader.at_begin
