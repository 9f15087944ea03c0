"""The profiler in a console on a running engine: on and off by keys, and what it found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest

from engine.api.server import serve
from engine.base.clock import ManualClock
from engine.thread import EngineThread
from tests.support.console import NORMAL, ConsoleFixture, FakeFeed
from tests.support.engines import loaded
from tests.support.processes import PATIENCE_S
from tui.console.app import Console
from tui.feeds.in_process import InProcessFeed
from tui.screens.profiler import ProfilerList


@pytest.fixture
async def thread(tmp_path: Path) -> AsyncIterator[EngineThread]:
    """A running engine."""
    made = EngineThread(loaded(tmp_path), serve)
    await asyncio.to_thread(made.start)
    try:
        yield made
    finally:
        made.request_stop("the test is over")
        assert await asyncio.to_thread(made.join, 30.0)


async def shown(console: ConsoleFixture, condition: Callable[[str], bool]) -> str:
    """The console's text once the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition(console.text):
            await console.settle()
    return console.text


@pytest.mark.parametrize("size", [NORMAL, (80, 24)])
async def test_it_is_started_and_ended_by_keys_and_read(thread: EngineThread, size: tuple[int, int]) -> None:
    feed = InProcessFeed(thread)
    await feed.start()
    app = Console(feed, theme="default", refresh_hz=0.2, glyphs="unicode")
    async with app.run_test(size=size) as pilot:
        console = ConsoleFixture(app, pilot, cast("FakeFeed", feed), cast("ManualClock", app.clock))
        await console.settle()
        await console.press("9")
        await shown(console, lambda text: "nothing captured" in text)
        await console.press("E")
        await shown(console, lambda _text: any("does not run" in each for each in console.told))
        await console.press("S")
        await shown(console, lambda text: "START THE PROFILER" in text)
        await console.press("enter")
        await shown(console, lambda text: "cpu, tasks, blocking at 100 Hz" in text)
        assert thread.engine.profiler.status().running
        await console.press("E")
        await shown(console, lambda text: "do 1" in text and "off" in text)
        assert not thread.engine.profiler.status().running
        await console.press("enter")
        await shown(console, lambda text: "What to do" in text)
        await console.press("escape")
        assert isinstance(app.screen, ProfilerList)
