"""The way to a feed: one at a time, tried again where that can help, closed whatever happens."""

from __future__ import annotations

import asyncio
import gc

import pytest
from textual.strip import Strip

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, NoEngine
from engine.events.state import EngineView, SessionView, State
from tests.console import scene
from tests.support.console import FakeFeed, console_fixture
from tests.support.processes import until
from tui.console import gc_pause
from tui.console.app import Console
from tui.console.connection import RETRY_S, Connection
from tui.feeds.base import Feed
from tui.model.link import LinkState
from tui.screens.dialogs import Dialog
from tui.screens.transcript import TranscriptScreen
from tui.widgets.styled import LineBlock


async def test_a_feed_is_started_once_and_closed_once() -> None:
    feed = FakeFeed()

    async def connect() -> Feed:
        return feed

    connection = Connection(None, connect, ManualClock())
    assert connection.status.link is LinkState.CONNECTING
    await connection.join()
    assert (connection.feed, feed.started) == (feed, 1)
    await connection.aclose()
    await connection.aclose()
    assert feed.closed == 1


async def test_no_engine_is_tried_again_and_at_once_on_request() -> None:
    feed, attempts = FakeFeed(), 0

    async def connect() -> Feed:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise NoEngine("No engine answers.", remedy="Start one.")
        return feed

    connection = Connection(None, connect, ManualClock())
    joining = asyncio.create_task(connection.join())
    for attempt in (1, 2):
        await until(lambda attempt=attempt: connection.status.attempt == attempt)  # type: ignore[misc]
        status = connection.status
        assert (status.link, status.retry_in) == (LinkState.LOST, RETRY_S[attempt - 1])
        assert "No engine answers." in status.detail
        connection.retry_now()
    await joining
    assert connection.feed is feed


@pytest.mark.parametrize("error", [BadInput("That is no address."), OSError("No space left on device")])
async def test_what_trying_again_cannot_cure_waits_for_the_operator(error: Exception) -> None:
    async def connect() -> Feed:
        raise error

    connection = Connection(None, connect, ManualClock())
    joining = asyncio.create_task(connection.join())
    await until(lambda: connection.waits)
    assert connection.status.retry_in == 0.0
    assert str(error) in connection.status.detail
    joining.cancel()
    await asyncio.wait([joining])


async def test_another_engine_begins_every_list_anew_and_says_so(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "space", "t")
        assert isinstance(console.app.screen, TranscriptScreen)
        marked = console.app.screen.session
        began = clock.wall()
        other = State(engine=EngineView(engine="e2", phase="running", started_at=began), at=began)
        other.sessions["k7f001"] = SessionView("k7f001", since=began)
        feed.replace(other)
        await console.settle()
        assert not isinstance(console.app.screen, TranscriptScreen)
        assert marked not in console.text
        assert "k7f001" in console.text
        assert any("another engine, e2" in line for line in console.told)
        assert console.app.store.history.start == 0.0 or console.app.store.history.start >= began
        assert console.app.screen.shown.marks == set()  # type: ignore[attr-defined]


@pytest.mark.parametrize("keys", [("0", "N"), ("0", "F"), ("1", "N"), ("2", "K")])
async def test_another_engine_closes_what_asks_about_the_one_before_and_nothing_is_done(
    feed: FakeFeed, clock: ManualClock, keys: tuple[str, ...]
) -> None:
    feed.conversations = [{"id": "c1", "title": "find it", "used": scene.NOW}]
    async with console_fixture(feed, clock) as console:
        await console.press(*keys)
        assert isinstance(console.app.screen, Dialog)
        began = clock.wall()
        feed.replace(State(engine=EngineView(engine="e2", phase="running", started_at=began), at=began))
        await console.settle()
        await until(lambda: not isinstance(console.app.screen, Dialog))
        await console.press("enter")
        await until(lambda: not [work for work in console.app.workers if work.group == "acts"])
        assert feed.calls == []


async def test_a_feed_that_cannot_close_does_not_keep_the_console() -> None:
    class Stuck(FakeFeed):
        async def aclose(self) -> None:
            raise OSError("gone")

    connection = Connection(Stuck(), None, ManualClock())
    await connection.join()
    await connection.aclose()
    assert connection.feed is None


async def test_the_feed_is_sought_and_garbage_collected_only_once_the_whole_first_frame_is_painted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed, painted, before = FakeFeed(), set[str | None](), set[str | None]()
    draw = LineBlock.render_line

    def noted(block: LineBlock, y: int) -> Strip:
        assert feed.started or not gc.isenabled()
        painted.add(block.id)
        return draw(block, y)

    async def connect() -> Feed:
        before.update(painted)
        return feed

    monkeypatch.setattr(LineBlock, "render_line", noted)
    with gc_pause.at_rest():
        app = Console(None, connect=connect, clock=ManualClock())
        async with app.run_test(size=(120, 36)):
            await until(lambda: feed.started == 1)
            assert gc.isenabled()
    gc.unfreeze()
    assert before == {"where", "health", "glance", "keys"}
