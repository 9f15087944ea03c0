"""A prompt on a running engine, in process and over its socket: a file of the workspace, and the way to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.api.server import serve
from engine.requests import Request
from engine.thread import EngineThread
from tests.console.test_approvals_live import attached, seen
from tests.support.console import NORMAL, SMALL
from tests.support.engines import loaded
from tui.feeds.client import Address
from tui.feeds.in_process import InProcessFeed
from tui.feeds.remote import RemoteFeed
from tui.screens.prompt_sent import PromptSent
from tui.screens.transcript import TranscriptScreen


@pytest.fixture
async def thread(tmp_path: Path) -> AsyncIterator[EngineThread]:
    """A running engine whose profile has a workspace with files."""
    root = tmp_path / "work"
    (root / "src").mkdir(parents=True)
    for name in ("src/lease.py", "src/.hidden.py", "src/lease.pyc", ".gitignore"):
        (root / name).write_text("*.pyc\n")
    made = EngineThread(loaded(tmp_path, f"profiles.default.workspace={root}"), serve)
    await asyncio.to_thread(made.start)
    try:
        yield made
    finally:
        made.request_stop("the test is over")
        assert await asyncio.to_thread(made.join, 30.0)
        assert made.survivors == 0


@pytest.mark.parametrize("size", [NORMAL, SMALL])
@pytest.mark.parametrize("remote", [False, True])
async def test_a_prompt_with_a_file_is_sent_and_its_answer_gone_to(
    thread: EngineThread, tmp_path: Path, size: tuple[int, int], remote: bool
) -> None:
    feed = RemoteFeed(Address(uds=tmp_path / "engine.sock")) if remote else InProcessFeed(thread)
    async with attached(feed, size) as console:
        await seen(console, lambda: console.app.store.has_data)
        await console.press("P")
        await console.type("read @lea")
        await seen(console, lambda: "▌ src/lease.py" in console.text)
        assert "lease.pyc" not in console.text
        await console.press("tab")
        await console.type("now")
        await console.press("enter")
        await seen(console, lambda: isinstance(console.app.screen, PromptSent))
        await console.press("enter")
        await seen(console, lambda: isinstance(console.app.screen, TranscriptScreen))
        await seen(console, lambda: "Echo: read @src/lease.py now" in console.text)
        await console.press("escape", "P")
        assert "at once" in console.text or "idle session" in console.text
        await console.press("escape")
    if remote:
        await feed.aclose()


@pytest.mark.parametrize("remote", [False, True])
async def test_a_conversation_wakes_while_its_prompt_is_typed(
    thread: EngineThread, tmp_path: Path, remote: bool
) -> None:
    engine = thread.engine
    answer = await asyncio.wrap_future(thread.call(engine.submit(Request(prompt="hello"))))
    await asyncio.wrap_future(thread.call(engine.pool.stop_session(answer.session, "test")))
    feed = RemoteFeed(Address(uds=tmp_path / "engine.sock")) if remote else InProcessFeed(thread)
    async with attached(feed, NORMAL) as console:
        await seen(console, lambda: console.app.store.has_data)
        await console.press("0")
        await seen(console, lambda: answer.conversation[:8] in console.text)
        await console.press("P")
        await seen(console, lambda: any(s.conversation == answer.conversation for s in engine.pool.sessions.values()))
        await console.press("escape")
    assert len(engine.pool.sessions) == 1
    if remote:
        await feed.aclose()
