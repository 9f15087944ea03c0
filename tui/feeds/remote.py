"""The feed of an engine elsewhere: events over a WebSocket, intents over HTTP, on a local socket or TCP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import WebSocketException

from engine.base.errors import QuarterdeckError
from engine.base.local_trust import check_engine
from engine.events.state import State
from engine.events.types import EventEnvelope
from engine.sessions.transcripts import Page
from tui.feeds.base import RECYCLE_S
from tui.feeds.client import Address, error_in, no_engine, segment
from tui.model.link import FeedBatch, FeedStatus, LinkState
from tui.model.settings_sheet import SettingChange, SettingsSheet

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

    @property
    def status(self) -> FeedStatus:
        """The link, with the seconds to the next attempt while it is lost."""
        status = self._status
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

    async def transcript(self, session: str, after: int = 0) -> Page:
        """A page of the session's transcript."""
        data = await self._call("GET", f"/api/sessions/{segment(session)}/transcript?after={after}")
        return msgspec.convert(data["transcript"], Page)

    async def prompt(self, prompt: str, *, conversation: str = "", profile: str = "default") -> str:
        """Submit a prompt; its end is seen as an event."""
        body = {"prompt": prompt, "conversation": conversation, "profile": profile, "wait": False}
        data = await self._call("POST", "/api/prompts", body)
        return str(data["prompt"]["request"])

    async def interrupt(self, session: str) -> bool:
        """End a session's turn."""
        return bool((await self._call("POST", f"/api/sessions/{segment(session)}/interrupt"))["interrupted"])

    async def stop(self, session: str, *, kill: bool, request: bool = True) -> None:
        """Stop or kill a session."""
        await self._call("POST", f"/api/sessions/{segment(session)}/{'kill' if kill else 'stop'}", {"request": request})

    async def recycle(self, session: str) -> None:
        """End a session with its turn."""
        await self._call("POST", f"/api/sessions/{segment(session)}/recycle", {"deadline": RECYCLE_S}, RECYCLE_S)

    async def hibernate(self, session: str) -> None:
        """Let a session's conversation sleep."""
        await self._call("POST", f"/api/sessions/{segment(session)}/hibernate")

    async def drain_profile(self, profile: str) -> int:
        """Drain a profile."""
        body = {"deadline": RECYCLE_S}
        return int(
            (await self._call("POST", f"/api/profiles/{segment(profile)}/drain", body, RECYCLE_S))["drained"][
                "sessions"
            ]
        )

    async def scale(self, size: int | None) -> None:
        """Set the pool's size, or let it follow the load."""
        if size is None:
            await self._call("POST", "/api/pool/autoscale", {"enabled": True})
        else:
            await self._call("POST", "/api/pool/scale", {"target": size})

    async def autoscale(self, on: bool) -> None:
        """Follow the load, or stay."""
        await self._call("POST", "/api/pool/autoscale", {"enabled": on})

    async def answer(self, permission: str, *, allowed: bool, scope: str = "once", message: str = "") -> None:
        """Answer a permission."""
        body = {"allowed": allowed, "scope": scope, "message": message}
        await self._call("POST", f"/api/permissions/{segment(permission)}", body)

    async def answer_group(
        self, group: str, *, allowed: bool, scope: str = "once", message: str = "", expires: str = ""
    ) -> int:
        """Answer all that wait in a group."""
        body = {"allowed": allowed, "scope": scope, "message": message, "expires": expires or None}
        return int((await self._call("POST", f"/api/permissions/groups/{segment(group)}", body))["group"]["answered"])

    async def cancel(self, request: str) -> None:
        """End a request."""
        await self._call("DELETE", f"/api/prompts/{segment(request)}")

    async def control_breaker(self, breaker: str, act: str) -> None:
        """Open, close, disable or trip a breaker."""
        await self._call("POST", f"/api/breakers/{segment(breaker)}", {"act": act})

    async def correct(self, error: str, kind: str) -> str:
        """Teach the class of an error."""
        return str((await self._call("POST", f"/api/errors/{segment(error)}/class", {"type": kind}))["rule"]["id"])

    async def settings(self) -> dict[str, Any]:
        """The settings in force."""
        config: dict[str, Any] = (await self._call("GET", "/api/config"))["config"]
        return config

    async def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change settings live."""
        await self._call("PATCH", "/api/config", dict(changes))

    async def check_settings(self, changes: Mapping[str, Any]) -> None:
        """Whether these values would be taken."""
        await self._call("POST", "/api/config/check", dict(changes))

    async def save_settings(self) -> tuple[str, list[str]]:
        """Write all live changes to the settings file."""
        saved = (await self._call("POST", "/api/config/save", {"keys": []}))["saved"]
        return saved["file"], saved["keys"]

    async def undo_settings(self) -> None:
        """Take the last change back."""
        await self._call("POST", "/api/config/undo")

    async def tuning(self) -> SettingsSheet:
        """Settings, origins and changes."""
        config = await self._call("GET", "/api/config")
        history = await self._call("GET", "/api/config/history?limit=1000")
        return SettingsSheet(
            config["config"], config["origins"], msgspec.convert(history["changes"], list[SettingChange])
        )

    async def _call(self, method: str, path: str, body: Any = None, extra_s: float = 0.0) -> dict[str, Any]:
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
                async with self._connection() as connection:
                    await self._receive(connection)
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
