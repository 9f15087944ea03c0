"""Two ways to a live engine, in process and over its socket, that the console cannot tell apart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.api.server import serve
from engine.approvals.groups import groups_of
from engine.base.errors import BadInput, NoEngine, QuarterdeckError
from engine.events.reducers.projection import Projection
from engine.events.state import RequestView, SessionView, State
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.presets import LIST_PRESETS, SAVE_PRESET, SavePreset
from engine.thread import EngineThread
from tests.support.engines import loaded
from tests.support.feeds import (
    answer,
    answer_group,
    autoscale,
    cancel,
    change_settings,
    check_settings,
    control_breaker,
    correct,
    drain_profile,
    hibernate,
    interrupt,
    prompt,
    recycle,
    settings,
    stop,
    undo_settings,
)
from tests.support.processes import runs, until
from tui.feeds.base import Feed
from tui.feeds.client import Address
from tui.feeds.in_process import InProcessFeed
from tui.feeds.remote import RemoteFeed
from tui.feeds.tuning import settings_sheet
from tui.model.link import LinkState

LONG = "[[words: 900]] [[pace: 20ms]]"
TOUCH = '[[tool: Bash {"command": "touch proof"}]]'


class Watcher:
    """What a console knows: the state that the feed's batches add up to."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.projection = Projection()
        self.snapshots = 0

    @property
    def state(self) -> State:
        """The state now; polls first."""
        batch = self.feed.poll()
        if batch.state is not None:
            self.projection = Projection(batch.state)
            self.snapshots += 1
        for stamped in batch.events:
            assert stamped.seq == self.projection.state.seq + 1
            self.projection.apply(stamped)
        return self.projection.state

    def request(self, request: str) -> RequestView | None:
        """A request on its way."""
        return self.state.requests.get(request)

    async def session_of(self, request: str) -> SessionView:
        """The session that works on a request."""
        await until(lambda: (found := self.request(request)) is not None and found.session)
        session = self.state.requests[request].session
        await until(lambda: self.state.sessions[session].request == request)
        return self.state.sessions[session]


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[EngineThread]:
    """An engine on a thread of its own that serves its socket."""
    thread = EngineThread(loaded(folder), serve)
    await asyncio.to_thread(thread.start)
    try:
        yield thread
    finally:
        thread.request_stop("the test is over")
        assert await asyncio.to_thread(thread.join, 30.0)
        assert thread.survivors == 0


@pytest.fixture
async def thread(home: Path) -> AsyncIterator[EngineThread]:
    """A running engine."""
    async with engine(home) as running:
        yield running


@pytest.fixture(params=["in process", "remote"])
async def watcher(request: pytest.FixtureRequest, thread: EngineThread, home: Path) -> AsyncIterator[Watcher]:
    """Somebody who watches it through one of the feeds."""
    in_process = request.param == "in process"
    feed: Feed = InProcessFeed(thread) if in_process else RemoteFeed(Address(uds=home / "engine.sock"))
    await feed.start()
    made = Watcher(feed)
    await until(lambda: made.state.engine.phase == "running")
    assert feed.status.link is LinkState.LIVE
    yield made
    await feed.aclose()


async def test_the_console_knows_what_the_engine_knows(watcher: Watcher, thread: EngineThread) -> None:
    request = await prompt(watcher.feed, "hello")
    await until(lambda: watcher.state.totals.answered == 1)
    assert watcher.request(request) is None
    (session,) = watcher.state.sessions.values()
    page = await watcher.feed.transcript(session.id)
    assert [entry.text for entry in page.entries] == ["hello", "Echo: hello"]
    assert (await watcher.feed.transcript(session.id, page.next)).entries == []
    await until(lambda: watcher.state == thread.engine.bus.state)
    assert watcher.snapshots == 1
    assert (watcher.feed.status.round_trip > 0) == isinstance(watcher.feed, RemoteFeed)


async def test_a_turn_is_interrupted_and_its_session_killed(watcher: Watcher) -> None:
    session = await watcher.session_of(await prompt(watcher.feed, LONG))
    assert await interrupt(watcher.feed, session.id)
    await until(lambda: not watcher.state.requests)
    assert not await interrupt(watcher.feed, session.id)
    await stop(watcher.feed, session.id, kill=True)
    assert not runs(session.pid)
    await until(lambda: not watcher.state.sessions)


@pytest.mark.parametrize(
    "hostile", ["{}/kill?x=", "{}/kill#", "{}%2Fkill", "../sessions/{}", "{}/../{}/kill", "..", ""]
)
async def test_a_hostile_id_never_becomes_another_call(watcher: Watcher, hostile: str) -> None:
    session = await watcher.session_of(await prompt(watcher.feed, LONG))
    name, feed = hostile.replace("{}", session.id), watcher.feed
    with contextlib.suppress(QuarterdeckError):
        assert (await feed.transcript(name)).entries == []
    for call in (
        interrupt(feed, name),
        stop(feed, name, kill=False),
        recycle(feed, name),
        hibernate(feed, name),
        drain_profile(feed, name),
        answer(feed, name, allowed=True),
        answer_group(feed, name, allowed=True),
        cancel(feed, name),
        control_breaker(feed, name, "open"),
        correct(feed, name, "auth"),
    ):
        with pytest.raises(QuarterdeckError):
            await call
    assert runs(session.pid)
    assert list(watcher.state.sessions) == [session.id]


async def test_a_session_is_recycled_and_the_pool_stays_or_follows_the_load(
    watcher: Watcher, thread: EngineThread
) -> None:
    session = await watcher.session_of(await prompt(watcher.feed, "[[words: 50]] [[pace: 20ms]]"))
    await recycle(watcher.feed, session.id)
    await until(lambda: watcher.state.totals.answered == 1)
    assert not runs(session.pid)
    for on in (False, True):
        await autoscale(watcher.feed, on)
        assert thread.engine.settings.session_pool.auto_scaling.enabled is on


async def test_sessions_hibernate_are_recycled_and_drained_with_their_profile(
    watcher: Watcher, thread: EngineThread
) -> None:
    for act in (hibernate, recycle):
        answered = watcher.state.totals.answered
        session = await watcher.session_of(await prompt(watcher.feed, "[[delay: 100ms]] [[reply: done]]"))
        await until(lambda before=answered: watcher.state.totals.answered == before + 1)
        await until(lambda: thread.engine.pool.statistics().idle > 0)
        await act(watcher.feed, session.id)
        assert not runs(session.pid)
    assert thread.engine.pool.statistics().hibernated == 2
    await prompt(watcher.feed, "hello")
    await until(lambda: watcher.state.totals.answered == 3)
    assert await drain_profile(watcher.feed, "default") >= 1
    await until(lambda: not watcher.state.sessions)
    with pytest.raises(BadInput, match="no profile"):
        await drain_profile(watcher.feed, "nobody")


async def test_a_permission_is_answered(watcher: Watcher, thread: EngineThread) -> None:
    await prompt(watcher.feed, TOUCH)
    await until(lambda: watcher.state.permissions)
    (permission,) = watcher.state.permissions
    await answer(watcher.feed, permission, allowed=True, scope="conversation")
    await until(lambda: watcher.state.totals.answered == 1)
    assert not watcher.state.permissions
    assert any(thread.engine.settings.workspaces.glob("default/default/*/proof"))


async def test_a_group_is_answered_and_granted(watcher: Watcher, thread: EngineThread) -> None:
    for _ in range(2):
        await prompt(watcher.feed, TOUCH)
    await until(lambda: len(watcher.state.permissions) == 2)
    (group,) = groups_of(watcher.state.permissions.values())
    assert await answer_group(watcher.feed, group.key, allowed=True, scope="profile", expires="1h") == 2
    await until(lambda: watcher.state.totals.answered == 2)
    await prompt(watcher.feed, TOUCH)
    await until(lambda: watcher.state.totals.answered == 3)
    assert not watcher.state.permissions


async def test_settings_are_read_and_changed(watcher: Watcher, thread: EngineThread) -> None:
    await change_settings(watcher.feed, {"queue.max_waiting": 7})
    assert (await settings(watcher.feed))["queue.max_waiting"] == 7
    assert thread.engine.settings.queue.max_waiting == 7


async def test_settings_are_tuned_checked_and_undone_and_every_console_hears_of_it(
    watcher: Watcher, thread: EngineThread
) -> None:
    other = Watcher(InProcessFeed(thread))
    await other.feed.start()
    try:
        with pytest.raises(QuarterdeckError, match=r"max_size = many .*it must be a whole number"):
            await check_settings(watcher.feed, {"session_pool.max_size": "many"})
        with pytest.raises(QuarterdeckError, match=r"session_pool\.min_size"):
            await check_settings(watcher.feed, {"session_pool.min_size": 50})
        await check_settings(watcher.feed, {"session_pool.max_size": 12})
        assert thread.engine.settings.session_pool.max_size == 10
        await change_settings(watcher.feed, {"session_pool.max_size": 12, "retry.max_attempts": 4})
        assert thread.engine.settings.session_pool.max_size == 12
        await until(lambda: other.state.settings_changed_at > 0)
        sheet = await settings_sheet(watcher.feed)
        assert (sheet.values["session_pool.max_size"], sheet.values["retry.max_attempts"]) == (12, 4)
        assert sheet.origins["retry.max_attempts"].startswith("live by ")
        assert [sorted(change.changes) for change in sheet.changes] == [["retry.max_attempts", "session_pool.max_size"]]
        await undo_settings(watcher.feed)
        assert thread.engine.settings.retry.max_attempts == 6
        assert (await settings_sheet(other.feed)).changes[-1].undoes == 1
    finally:
        await other.feed.aclose()


async def test_a_refusal_is_the_engines_own(watcher: Watcher) -> None:
    feed = watcher.feed
    refusals: list[tuple[type[QuarterdeckError], str, object]] = [
        (BadInput, "bad_input", prompt(feed, " ")),
        (BadInput, "not_found", prompt(feed, "x", profile="nope")),
        (BadInput, "not_found", interrupt(feed, "nobody")),
        (BadInput, "not_found", stop(feed, "nobody", kill=False)),
        (BadInput, "not_found", answer(feed, "nothing", allowed=True)),
        (BadInput, "not_found", answer_group(feed, "nothing", allowed=True)),
        (BadInput, "bad_settings", change_settings(feed, {"queue.max_waiting": -1})),
    ]
    for kind, code, call in refusals:
        with pytest.raises(kind) as caught:
            await call  # type: ignore[misc]
        assert (caught.value.code, bool(caught.value.message), bool(caught.value.remedy)) == (code, True, True)
    assert feed.status.link is LinkState.LIVE


async def test_when_the_engine_has_gone_an_intent_says_so(watcher: Watcher, thread: EngineThread) -> None:
    thread.request_stop("test")
    assert await asyncio.to_thread(thread.join, 30.0)
    with pytest.raises(NoEngine):
        await prompt(watcher.feed, "hello")


async def test_a_remote_console_finds_the_next_engine_and_begins_anew(home: Path) -> None:
    feed = RemoteFeed(Address(uds=home / "engine.sock"))
    watcher = Watcher(feed)
    await feed.start()
    await until(lambda: feed.status.link is LinkState.LOST)
    assert "No such file" in feed.status.detail
    assert (feed.status.attempt >= 1, feed.status.retry_in <= 8.0) == (True, True)
    engines = []
    for _ in range(2):
        async with engine(home) as thread:
            await until(lambda: feed.status.link is LinkState.LIVE)
            engines.append(thread.engine.id)
            await until(lambda: watcher.state.engine.engine == engines[-1])
            await until(lambda: feed.status.round_trip > 0)
            await prompt(feed, "hello")
            await until(lambda: watcher.state.totals.answered == 1)
        await until(lambda: feed.status.link is LinkState.LOST)
    assert len(set(engines)) == 2
    assert watcher.snapshots == 2
    await feed.aclose()


async def test_what_is_no_engine_is_told_and_tried_again(home: Path) -> None:
    """A server that upgrades to a WebSocket and then says something else."""
    from websockets.asyncio.server import ServerConnection, unix_serve

    async def dance(connection: ServerConnection) -> None:
        await connection.send('{"type": "events", "events": []}')
        await connection.wait_closed()

    async with unix_serve(dance, str(home / "other.sock")):
        feed = RemoteFeed(Address(uds=home / "other.sock"))
        await feed.start()
        await until(lambda: feed.status.link is LinkState.LOST)
        assert "no Quarterdeck engine" in feed.status.detail
        await feed.aclose()


async def test_bounds_hold_whichever_way_an_act_goes(watcher: Watcher) -> None:
    with pytest.raises(BadInput) as refused:
        await watcher.feed.send(SAVE_PRESET, SavePreset(name="../NIGHT", keys=["session_pool.max_size"]))
    assert "name" in str(refused.value)
    assert (await watcher.feed.send(LIST_PRESETS, PageArgs())).presets == []
