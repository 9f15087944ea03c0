"""The feed of an engine elsewhere: events over a WebSocket, intents over HTTP, on a local socket or TCP."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import WebSocketException

from engine.base.errors import QuarterdeckError
from engine.base.local_trust import check_engine
from engine.events.state import State
from engine.events.types import EventEnvelope
from engine.operations.declared.sessions import READ_TRANSCRIPT, ReadTranscript
from engine.operations.operation import A, Operation, R
from engine.sessions.transcripts import Page
from tui.feeds.client import Address, error_in, no_engine
from tui.feeds.wire import check_finite, http_call, result_in
from tui.model.link import FeedBatch, FeedStatus, LinkState

T = TypeVar("T")
MAX_KEPT = 50_000
"""Events that may wait for the console; at the bound the stream is opened again with a fresh snapshot."""
MAX_MESSAGE = 256 * 1024 * 1024
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts to reach an engine that is gone."""
_CALL_S = 30.0


class Hello(msgspec.Struct, tag="hello", tag_field="type"):
    """The engine's first words."""

    engine: str
    version: str


class SnapshotMessage(msgspec.Struct, tag="snapshot", tag_field="type"):
    """A whole state."""

    seq: int
    at: float
    state: State


class EventsMessage(msgspec.Struct, tag="events", tag_field="type"):
    """Events in order."""

    events: list[EventEnvelope]


class EndMessage(msgspec.Struct, tag="end", tag_field="type"):
    """The stream's last words."""

    reason: str


_decode = msgspec.json.Decoder(Hello | SnapshotMessage | EventsMessage | EndMessage).decode


class RemoteFeed:
    """Owner of one connection, which it opens again for as long as it lives."""

    def __init__(self, address: Address) -> None:
        self._address = address
        transport = httpx.AsyncHTTPTransport(uds=str(address.uds)) if address.uds is not None else None
        self._http = httpx.AsyncClient(
            base_url=address.url, headers=address.headers, transport=transport, timeout=_CALL_S, trust_env=False
        )
        self._engine = ""
        self._seq: int | None = None
        self._state: State | None = None
        self._events: list[EventEnvelope] = []
        self._status = FeedStatus(LinkState.CONNECTING, str(address))
        self._retry_at = 0.0
        self._stream: asyncio.Task[None] | None = None
        self._open: ClientConnection | None = None

    @property
    def status(self) -> FeedStatus:
        """The link, with what a ping takes, or with the seconds to the next attempt while it is lost."""
        status = self._status
        if status.link is LinkState.LIVE and self._open is not None:
            return replace(status, round_trip=self._open.latency)
        if status.link is not LinkState.LOST:
            return status
        left = max(0.0, self._retry_at - asyncio.get_running_loop().time())
        return FeedStatus(status.link, status.source, status.detail, status.attempt, left)

    async def start(self) -> None:
        """Begin to connect."""
        self._stream = asyncio.create_task(self._stay_connected(), name="remote feed")

    async def aclose(self) -> None:
        """End the stream and the connection."""
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.wait([self._stream])
        await self._http.aclose()

    def poll(self) -> FeedBatch:
        """Take what came."""
        batch = FeedBatch(self._state, self._events)
        self._state, self._events = None, []
        return batch

    async def transcript(
        self, session: str, after: int = 0, *, last: int = 0, part: int = 0, part_from: int = 0
    ) -> Page:
        """A page of the session's transcript."""
        wanted = ReadTranscript(id=session, after=after, last=last, part=part, part_from=part_from)
        found = (await self.send(READ_TRANSCRIPT, wanted)).transcript
        return msgspec.convert(found, Page, from_attributes=True)

    async def send(self, operation: Operation[A, R], args: A) -> R:
        """Execute an operation over the API."""
        wire = http_call(operation, args)
        data = await self._call(wire.method, wire.path, wire.body, wire.extra_s)
        return result_in(operation, data, self._address)

    async def _call(self, method: str, path: str, body: Any = None, extra_s: float = 0.0) -> dict[str, Any]:
        check_finite(body)
        await self._check_engine()
        try:
            response = await self._http.request(method, path, json=body, timeout=_CALL_S + extra_s)
        except httpx.TransportError as error:
            raise no_engine(self._address, error) from error
        if response.is_error:
            raise error_in(response)
        data: dict[str, Any] = response.json()["data"]
        return data

    async def _check_engine(self) -> None:
        """Nothing goes to an engine of somebody else. Raises NotPrivate, ForeignEngine."""
        if self._address.uds is not None:
            await asyncio.to_thread(check_engine, self._address.uds)

    async def _stay_connected(self) -> None:
        attempt = 0
        while True:
            try:
                async with self._connection() as self._open:
                    await self._receive(self._open)
                    attempt = 0
                detail = "the engine closed the connection"
            except (OSError, WebSocketException, TimeoutError, msgspec.DecodeError, QuarterdeckError) as error:
                detail = str(error) or type(error).__name__
            if self._status.link is LinkState.LIVE:
                attempt = 0
            wait = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            attempt += 1
            self._retry_at = asyncio.get_running_loop().time() + wait
            self._status = FeedStatus(LinkState.LOST, str(self._address), detail, attempt, wait)
            await asyncio.sleep(wait)

    @contextlib.asynccontextmanager
    async def _connection(self) -> Any:
        await self._check_engine()
        address = self._address
        options: dict[str, Any] = {"max_size": MAX_MESSAGE, "compression": None, "proxy": None}
        if address.uds is not None:
            opening = unix_connect(str(address.uds), address.websocket_url, **options)
        else:
            opening = connect(address.websocket_url, additional_headers=address.headers, **options)
        async with opening as connection:
            yield connection

    async def _receive(self, connection: ClientConnection) -> None:
        hello = _decode(await connection.recv())
        if not isinstance(hello, Hello):
            raise QuarterdeckError(f"{self._address} is no Quarterdeck engine.")
        subscription: dict[str, Any] = {"type": "subscribe", "engine": hello.engine}
        if hello.engine == self._engine and self._seq is not None:
            subscription["since"] = self._seq
        self._engine = hello.engine
        await connection.send(msgspec.json.encode(subscription))
        await connection.ping()  # the first round trip; the others are those of the keep-alive
        self._status = FeedStatus(LinkState.LIVE, str(self._address))
        async for message in connection:
            self._take(_decode(message))
            if len(self._events) > MAX_KEPT:
                self._events.clear()
                self._seq = None
                return

    def _take(self, message: Hello | SnapshotMessage | EventsMessage | EndMessage) -> None:
        if isinstance(message, SnapshotMessage):
            self._state, self._events, self._seq = message.state, [], message.seq
        elif isinstance(message, EventsMessage) and message.events:
            self._events += message.events
            self._seq = message.events[-1].seq
