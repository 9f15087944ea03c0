"""The event WebSocket: hello, subscribe, then a snapshot and every event after it.

server  {"type": "hello", "engine": "…", "version": "…"}
client  {"type": "subscribe", "engine": "…"?, "since": 120?}
server  {"type": "snapshot", "seq": 130, "at": …, "state": {…}}   first, and again after a gap
server  {"type": "events", "events": [{"seq": 131, "at": …, "event": {…}}, …]}
server  {"type": "end", "reason": "the engine stops"}             last, before it closes with 1001
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.api.ending import REASON, Ending
from engine.api.probes import Probes
from engine.api.websocket_protocol import close_reason
from engine.base.version import __version__
from engine.engine import Engine
from engine.events.bus import Batch
from engine.events.types import ConsolesChanged

COALESCE_S = 0.05
"""Seconds that events are gathered before they are sent together."""
HELLO_S = 10.0
"""Seconds that a client has to subscribe."""
_BAD_MESSAGE = 4400
_GOING_AWAY = 1001
_encode = msgspec.json.Encoder().encode


class Subscribe(msgspec.Struct, tag="subscribe", tag_field="type"):
    """What a client sends once. `since` continues an earlier stream of the same engine."""

    engine: str = ""
    since: int | None = None


class EventStream:
    """Serves the WebSocket at /ws."""

    def __init__(self, engine: Engine, probes: Probes, ending: Ending) -> None:
        self._engine = engine
        self._ending = ending
        self._probes = probes

    async def serve(self, websocket: WebSocket) -> None:
        """One connection, until either side closes it."""
        await websocket.accept()
        self._probes.connections += 1
        try:
            hello = {"type": "hello", "engine": self._engine.id, "version": __version__}
            await _send(websocket, hello)
            asked = await self._first_message(websocket)
            if asked is not None:
                with self._ending.stream(), self._following():
                    await self._stream(websocket, asked)
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            self._probes.connections -= 1

    @contextlib.contextmanager
    def _following(self) -> Iterator[None]:
        """A console, or a program like one: from its subscription to its end."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, more: int) -> None:
        self._probes.consoles += more
        self._engine.bus.publish(ConsolesChanged(consoles=self._probes.consoles))

    async def _first_message(self, websocket: WebSocket) -> Subscribe | None:
        try:
            async with asyncio.timeout(HELLO_S):
                received = await websocket.receive()
            if received["type"] == "websocket.disconnect":
                return None
            return msgspec.json.decode(received.get("text") or received.get("bytes") or b"", type=Subscribe)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TimeoutError) as error:
            await websocket.close(_BAD_MESSAGE, close_reason(f"subscribe expected: {error}"))
            return None

    async def _stream(self, websocket: WebSocket, asked: Subscribe) -> None:
        ready = asyncio.Event()
        since = asked.since if asked.engine == self._engine.id else None
        subscription = self._engine.bus.subscribe(since=since, on_ready=ready.set)
        watcher = asyncio.ensure_future(_closed(websocket))
        ready.set()
        try:
            while not watcher.done():
                await self._wait(ready, watcher)
                await self._send(websocket, subscription.take())
                if self._ending.begun.is_set():
                    await _send(websocket, {"type": "end", "reason": REASON})
                    await websocket.close(_GOING_AWAY, REASON)
                    return
        finally:
            subscription.close()
            watcher.cancel()
            await asyncio.wait([watcher])

    async def _wait(self, ready: asyncio.Event, watcher: asyncio.Future[Any]) -> None:
        waiting: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(each.wait()) for each in (ready, self._ending.begun)
        ]
        try:
            await asyncio.wait({*waiting, watcher}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        ready.clear()
        await asyncio.sleep(COALESCE_S)

    async def _send(self, websocket: WebSocket, batch: Batch) -> None:
        if batch.snapshot is not None:
            shot = batch.snapshot
            raw = {"type": "snapshot", "seq": shot.seq, "at": shot.at, "state": msgspec.Raw(shot.state)}
            await _send(websocket, raw)
        if batch.events:
            await _send(websocket, {"type": "events", "events": batch.events})


async def _send(websocket: WebSocket, message: Any) -> None:
    """One message as a text frame, which is what JSON is."""
    await websocket.send_text(_encode(message).decode())


async def _closed(websocket: WebSocket) -> None:
    """Reads until the client leaves; nothing more is expected of it."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
