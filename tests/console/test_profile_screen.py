"""The Profile screen on a running engine: captures on and off by keys, what they found, and one request by stage."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from engine.api.server import serve
from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.requests import Request
from engine.thread import EngineThread
from tests.console import scene
from tests.profiling.captures import working
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, StillCost, console_fixture
from tests.support.engines import loaded
from tests.support.processes import PATIENCE_S
from tui.console.app import Console
from tui.feeds.base import Feed
from tui.feeds.client import Address
from tui.feeds.in_process import InProcessFeed
from tui.feeds.remote import RemoteFeed
from tui.screens.profile import ProfileScreen


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


def feed_of(thread: EngineThread, how: str) -> Feed:
    """The engine in this process, or over its socket."""
    if how == "in process":
        return InProcessFeed(thread)
    return RemoteFeed(Address(uds=thread.engine.settings.api.socket))


@asynccontextmanager
async def profile(
    thread: EngineThread, size: tuple[int, int] = NORMAL, how: str = "in process", *, read_only: bool = False
) -> AsyncIterator[ConsoleFixture]:
    """A console that shows the screen."""
    feed = feed_of(thread, how)
    await feed.start()
    app = Console(feed, theme="default", refresh_hz=0.2, glyphs="unicode", read_only=read_only)
    async with app.run_test(size=size) as pilot:
        console = ConsoleFixture(app, pilot, cast("FakeFeed", feed), cast("ManualClock", app.clock))
        await shown(console, lambda _text: app.store.has_data)
        await console.press("9")
        assert isinstance(app.screen, ProfileScreen)
        yield console


async def shown(console: ConsoleFixture, condition: Callable[[str], bool]) -> str:
    """The console's text once the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition(console.text):
            await console.settle()
    return console.text


async def notified(console: ConsoleFixture, words: str) -> None:
    """Wait for a notification with these words."""
    await shown(console, lambda _text: any(words in each for each in console.told))


async def started(console: ConsoleFixture, key: str = "S") -> None:
    """A capture was asked for and confirmed."""
    await console.press(key)
    await shown(console, lambda text: "START THE PROFILER" in text)
    await console.press("enter")


@pytest.mark.parametrize("size", [NORMAL, SMALL, (200, 60)])
@pytest.mark.parametrize("how", ["in process", "attached"])
async def test_a_capture_is_started_and_ended_by_keys_and_read(
    thread: EngineThread, size: tuple[int, int], how: str
) -> None:
    async with profile(thread, size, how) as console:
        await shown(console, lambda text: "no capture yet; S starts one" in text)
        await console.press("enter")
        await notified(console, "No capture yet")
        await console.press("E")
        await notified(console, "does not run")
        await started(console)
        await shown(console, lambda text: "captures cpu, tasks, blocking at 100 Hz" in text)
        assert thread.engine.profiler.status().running
        await started(console)
        await notified(console, "The profiler runs already.")
        assert thread.engine.profiler.status().running
        await shown(console, lambda _text: thread.engine.profiler.status().samples > 20)
        await console.press("E")
        await shown(console, lambda text: "samples" in text and "%" in text and "VS LAST" in text)
        assert not thread.engine.profiler.status().running
        await console.press("enter")
        await shown(console, lambda text: "What to do" in text)
        await console.press("escape")
        assert isinstance(console.app.screen, ProfileScreen)


async def test_the_second_capture_is_compared_with_the_first(thread: EngineThread) -> None:
    with working():
        async with profile(thread) as console:
            for number in range(2):
                await started(console)
                await shown(console, lambda _text: thread.engine.profiler.status().samples > 20)
                await console.press("E")
                await shown(console, lambda _text, done=number + 1: _captures(console) == done)  # type: ignore[misc]
                if not number:
                    assert "VS LAST" in console.text
            hot = cast("ProfileScreen", console.app.screen).items()
            assert hot
            assert all(row.change is not None for row in hot)


def _captures(console: ConsoleFixture) -> int:
    screen = cast("ProfileScreen", console.app.screen)
    report = screen._report
    return 0 if report is None or not report.hot else int(report.capture.rpartition("-")[2])


async def test_a_folder_that_is_gone_and_a_rate_out_of_bounds_are_refused_and_nothing_is_lost(
    thread: EngineThread,
) -> None:
    async with profile(thread) as console:
        await started(console)
        await shown(console, lambda _text: thread.engine.profiler.status().samples > 20)
        folder = thread.engine.settings.captures
        shutil.rmtree(folder, ignore_errors=True)
        folder.write_text("in the way", encoding="utf-8")
        await console.press("E")
        await notified(console, "The capture is kept in memory.")
        await shown(console, lambda text: "VS LAST" in text)
        assert "✖" in console.text or str(folder.name) in console.text
        await console.press("enter")
        await shown(console, lambda text: "What to do" in text)
        await console.press("escape")
        await started(console)
        await notified(console, "profiler.folder")
        assert not thread.engine.profiler.status().running
        await console.press("colon")
        await console.type("profiler start rate=1e9")
        await console.press("enter")
        await shown(console, lambda text: "1000" in text)
        assert not thread.engine.profiler.status().running


async def test_a_request_is_chosen_and_traced_also_where_nothing_may_be_acted_on(thread: EngineThread) -> None:
    async with profile(thread, SMALL, "attached", read_only=True) as console:
        await console.press("T")
        await notified(console, "There is no request to trace yet.")
        await console.press("S")
        await notified(console, "Read-only")
        assert "with memory" not in console.text
        engine = thread.engine
        await asyncio.wrap_future(thread.call(engine.submit(Request(prompt="say hello", user="ana"))))
        await shown(console, lambda text: "last 1" in text)
        await console.press("T")
        await shown(console, lambda text: "TRACE A REQUEST" in text and "say hello" in text)
        await console.press("enter")
        text = await shown(console, lambda text: "first_token" in text)
        assert "answered after" in text


async def test_by_its_name_in_ascii_and_in_the_past(feed: FakeFeed, clock: ManualClock) -> None:
    feed.captured = scene.CAPTURE
    for ago, event in scene.profiled():
        feed.push(scene.NOW - ago, event)
    async with console_fixture(feed, clock, SMALL, glyphs="ascii") as console:
        console.app.own_cost = StillCost(scene.FRAMES, 1024, 6)
        await console.press("colon")
        await console.type("profiler")
        await console.press("enter")
        await shown(console, lambda text: "Decoder.feed" in text)
        assert console.text.isascii()
        assert "TURN BREAKDOWN" in console.text
        await console.press("less_than_sign")
        await shown(console, lambda text: "no recording holds captures" in text)
        await console.press("T")
        await notified(console, "Only a running engine can trace a request.")


async def test_the_callers_of_a_function_are_read(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, SMALL) as console:
        await console.press("9", "c")
        assert any("no function under the cursor" in told for told in console.told)
        feed.captured = scene.CAPTURE
        feed.push(scene.NOW, ev.ProfilerStopped(reason="its time is up", seconds=30.0, samples=2994))
        await shown(console, lambda text: "Decoder.feed" in text)
        await console.press("c")
        assert "CALLERS OF LOADS" in console.text or "CALLERS OF DECODER.FEED" in console.text
        assert "Session._on_output  engine/sessions/session.py:489" in console.text


async def test_captures_are_compared_with_a_baseline_from_its_key_on(feed: FakeFeed, clock: ManualClock) -> None:
    first, *others = cast("list[dict[str, Any]]", scene.CAPTURE["hot"])
    then = {**scene.CAPTURE, "hot": [first]}
    now = {**scene.CAPTURE, "capture": "later", "hot": [{**first, "own": first["own"] + 0.05}, *others]}
    async with console_fixture(feed, clock, NORMAL) as console:
        await console.press("9", "b")
        assert any("No capture yet" in told for told in console.told)
        feed.captured = then
        feed.push(scene.NOW, ev.ProfilerStopped(reason="its time is up", seconds=30.0, samples=2994))
        await shown(console, lambda text: "Decoder.feed" in text)
        await console.press("b")
        feed.captured = now
        feed.push(scene.NOW + 1, ev.ProfilerStopped(reason="its time is up", seconds=30.0, samples=2994))
        text = await shown(console, lambda text: "capture later" in text)
        assert "VS BASE" in text
        assert f"base {then['capture']}" in text
        assert "+5.0▲" in _line(text, "Decoder.feed")
        assert _line(text, "Pool.reconcile").rstrip().endswith("–")
        await console.press("b", "b")
        text = console.text
        assert "VS LAST" in text
        assert "+1.1" in _line(text, "Decoder.feed")


def _line(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if name in line)
