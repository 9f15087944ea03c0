"""The event WebSocket: hello, subscribe, a snapshot, and every event after it, whatever the reader does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosedError

from engine.events.bus import Bus
from engine.events.reducers.projection import Projection
from engine.events.state import State
from engine.events.types import EventEnvelope, Notice, Severity
from tests.api.serving import Json, Served
from tests.support.processes import PATIENCE_S, until


@asynccontextmanager
async def connected(served: Served, **options: Any) -> AsyncIterator[ClientConnection]:
    """A WebSocket on the local socket."""
    async with unix_connect(str(served.socket), "ws://engine/ws", max_size=None, **options) as websocket:
        yield websocket


async def receive(websocket: ClientConnection) -> Json:
    """The next message."""
    async with asyncio.timeout(PATIENCE_S):
        return dict(json.loads(await websocket.recv()))


async def subscribe(websocket: ClientConnection, **wish: Any) -> Json:
    """Say hello and subscribe; the first message after it."""
    assert (await receive(websocket))["type"] == "hello"
    await websocket.send(json.dumps({"type": "subscribe", **wish}))
    return await receive(websocket)


class Follower:
    """A reader that keeps the state as the messages tell it."""

    def __init__(self) -> None:
        self.projection = Projection()
        self.snapshots = 0
        self.types: list[str] = []

    @property
    def state(self) -> State:
        """What it knows."""
        return self.projection.state

    def take(self, message: Json) -> None:
        """One message; events must follow without a gap."""
        if message["type"] == "snapshot":
            self.snapshots += 1
            self.projection = Projection(msgspec.convert(message["state"], State))
            assert self.state.seq == message["seq"]
            return
        for raw in message["events"]:
            stamped = msgspec.convert(raw, EventEnvelope)
            assert stamped.seq == self.state.seq + 1
            self.projection.apply(stamped)
            self.types.append(raw["event"]["type"])

    async def until(self, websocket: ClientConnection, seq: int) -> None:
        """Read up to an event."""
        while self.state.seq < seq:
            self.take(await receive(websocket))


async def test_a_reader_has_the_engines_state_after_every_event(served: Served) -> None:
    await served.ask("before")
    async with connected(served) as websocket:
        hello = await receive(websocket)
        assert (hello["engine"], hello["type"]) == (served.engine.id, "hello")
        await websocket.send('{"type": "subscribe"}')
        follower = Follower()
        follower.take(await receive(websocket))
        assert follower.state.totals.answered == 1
        await served.ask("after")
        await follower.until(websocket, served.engine.bus.state.seq)
    assert follower.snapshots == 1
    assert {"request_queued", "turn_started", "turn_ended", "request_ended"} <= set(follower.types)
    assert follower.state == served.engine.bus.state


async def test_a_reader_goes_on_where_it_stopped(served: Served) -> None:
    await served.ask("one")
    seq = served.engine.bus.state.seq
    await served.ask("two")
    async with connected(served) as websocket:
        message = await subscribe(websocket, engine=served.engine.id, since=seq)
        assert message["type"] == "events"
        assert message["events"][0]["seq"] == seq + 1


@pytest.mark.parametrize("wish", [{"engine": "another", "since": 1}, {"since": 1}, {"engine": "", "since": 10**9}])
async def test_who_comes_from_another_engine_begins_anew(served: Served, wish: Json) -> None:
    await served.ask("one")
    async with connected(served) as websocket:
        assert (await subscribe(websocket, **wish))["type"] == "snapshot"


@pytest.mark.parametrize("sent", ["", "{", "[]", '{"type": "dance"}', '{"type": "subscribe", "since": "x"}', b"\xff"])
async def test_what_is_no_subscription_closes_the_connection_with_the_reason(served: Served, sent: str | bytes) -> None:
    async with connected(served) as websocket:
        await receive(websocket)
        await websocket.send(sent)
        with pytest.raises(ConnectionClosedError) as closed:
            await receive(websocket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, "subscribe expected" in closed.value.rcvd.reason) == (4400, True)
    assert (await served.ask("still there"))["text"] == "Echo: still there"


async def test_a_reader_who_leaves_is_forgotten(served: Served) -> None:
    async with connected(served) as websocket:
        await subscribe(websocket)
        assert "websocket_connections_active 1.0" in (await served.http.get("/metrics")).text
        assert len(served.engine.bus._subscriptions) == 1
    await until(lambda: not served.engine.bus._subscriptions)
    assert "websocket_connections_active 0.0" in (await served.http.get("/metrics")).text


async def test_a_slow_reader_gets_a_gap_and_a_new_snapshot(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe_to, opened = Bus.subscribe, []

    def small(bus: Bus, limit: int = 50, **rest: Any) -> Any:
        opened.append(subscribe_to(bus, limit, **rest))
        return opened[-1]

    monkeypatch.setattr(Bus, "subscribe", small)
    async with connected(served, max_queue=1, compression=None) as websocket:
        follower = Follower()
        follower.take(await subscribe(websocket))
        bus = served.engine.bus
        while not opened[0].gaps:
            for _ in range(40):
                bus.publish(Notice(severity=Severity.INFO, text="x" * 2000))
            await asyncio.sleep(0.06)
        waiting = len(opened[0]._waiting)
        await follower.until(websocket, bus.state.seq)
    assert waiting <= 50
    assert follower.snapshots == 2
    assert follower.state == bus.state
