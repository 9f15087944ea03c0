"""HTTP with bounds on what a peer may cost before anything is known of it.

A subclass of uvicorn's protocol on httptools: it costs a fraction of the CPU of the one on h11, whose only bound (the
size of an incomplete head) would not be enough. httptools itself bounds nothing: it joins a header in pieces, so one
endless line costs quadratic time. Private names of uvicorn used here: none; its attributes `parser`, `flow`, `cycle`,
`pipeline` and `scope` are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, cast

import httptools
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from engine.api.admission import GRACE_S, Admission
from engine.api.envelope import failed
from engine.api.peers import PEER
from engine.api.turns import Turns
from engine.api.websocket_protocol import BoundedWebSocket
from engine.base.errors import BadInput, Overloaded, QuarterdeckError
from engine.base.local_trust import peer_of

MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers, of trailers, and of anything else that brings a request no further."""
MAX_LINES = 100
"""Header lines of one request."""
HEAD_S = 10.0
"""Seconds that a whole head may take."""
BODY_S = 10.0
"""Seconds without a byte after which a body is taken for one that stopped arriving."""
UNREAD_S = 10.0
"""Seconds that a peer may take to read anything of an answer before its caller is known."""
LINGER_S = 1.0
"""Seconds that a refused peer gets to read why."""
MAX_PIPELINED = 32
"""Requests of one connection that wait for the answer before theirs."""
_ENVELOPE_HEADERS = b"content-type: application/json\r\nconnection: close\r\n"


class HeadRefused(BadInput):
    """A request that is over a bound, or came too slowly."""

    def __init__(self, status: int, code: str, sentence: str, remedy: str) -> None:
        super().__init__(sentence, remedy=remedy)
        self.code, self.http_status = code, status


class TooManyConnections(Overloaded):
    """The listener has as many connections as it takes."""

    code, http_status = "too_many_connections", 503


def _too_large() -> HeadRefused:
    sentence = f"The request's head is over {MAX_HEAD // 1024} KiB or {MAX_LINES} lines."
    return HeadRefused(431, "head_too_large", sentence, "Send fewer and shorter headers, and a shorter address.")


def _too_slow(what: str, seconds: float) -> HeadRefused:
    sentence = f"The request's {what} did not arrive within {seconds:g} s."
    return HeadRefused(408, "too_slow", sentence, "Send the request again, without pauses.")


def _pipelined() -> HeadRefused:
    sentence = f"Over {MAX_PIPELINED} requests wait on this connection."
    return HeadRefused(400, "too_many_pipelined", sentence, "Read the answers before sending more.")


def _malformed() -> HeadRefused:
    return HeadRefused(400, "bad_request", "This is not HTTP/1.1.", "Send a request as RFC 9112 describes it.")


class Door:
    """What the connections of one listener share: who is admitted, and whose caller is known."""

    def __init__(self, admission: Admission[BoundedHttp], recognises: Callable[[Scope], bool]) -> None:
        self.admission = admission
        self.recognises = recognises
        self._loop = asyncio.get_running_loop()
        self._sweep: asyncio.TimerHandle | None = None
        self.turns = Turns()

    def arrived(self, connection: BoundedHttp) -> None:
        """Take a connection in; the oldest strangers above the cap make room."""
        self.admission.arrived(connection, self._loop.time())
        if self._sweep is None and self.admission.crowded:
            self._make_room()

    def close(self) -> None:
        """Make room no more."""
        if self._sweep is not None:
            self._sweep.cancel()

    def _make_room(self) -> None:
        for stranger in self.admission.surplus(self._loop.time()):
            stranger.abort()
        self._sweep = self._loop.call_later(GRACE_S / 5, self._make_room) if self.admission.crowded else None


class BoundedHttp(HttpToolsProtocol):
    """One connection. Owner of its deadlines."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        door: Door,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door = door
        self._known = False
        self._caller: Hashable = None
        self._process: int | None = None
        self._refusal: HeadRefused | None = None
        self._deaf = False
        self._in_head, self._in_body, self._begun = True, False, False
        self._dry = self._lines = self._size = 0
        self._heard_at = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._door.turns.add(self._caller, partial(super()._start_asgi_task, cycle, app))

    # --- The connection ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        connection = transport.get_extra_info("socket")
        if connection is not None and (peer := peer_of(connection)) is not None:
            self.app_state = {**self.app_state, PEER: peer}
            self._caller = peer.pid
            self._process = peer.pid
        elif self.client is not None:
            self._caller = self.client[0]
        self._door.arrived(self)
        self._expect(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self._set_unread(None)
        self._door.admission.left(self)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def abort(self) -> None:
        """End it at once, whatever is still to be sent."""
        self.transport.abort()

    def refuse(self, error: QuarterdeckError) -> None:
        """Answer with an error, unless an answer is under way, and close once the peer could read it."""
        if self._deaf or self.transport.is_closing():
            return
        if self._answering:
            self.close()
            return
        self._answer(error)
        self._deaf = True
        self._expect(None)
        self.transport.write_eof()
        self._set_unread(LINGER_S)

    def _answer(self, error: QuarterdeckError) -> None:
        body = bytes(failed(error).body)
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[error.http_status] + _ENVELOPE_HEADERS + length + body)

    def close(self) -> None:
        """Close it, and do not wait for ever until the peer has read the rest."""
        self.transport.close()
        self._expect(None)
        self._set_unread(UNREAD_S)

    # --- What arrives ---

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._heard_at = self.loop.time()
        try:
            for at in range(0, len(data), MAX_HEAD):
                self._feed(data[at : at + MAX_HEAD])
        except httptools.HttpParserUpgrade:
            self._upgrade()
            return
        except httptools.HttpParserError:
            self.refuse(self._refusal or _malformed())
            return
        if self._patience is None and not self.transport.is_closing() and (self._dry or self._in_body):
            self._expect_the_rest()

    def _expect_the_rest(self) -> None:
        """A head has no deadline while an answer is under way: its end starts it."""
        if self._in_body:
            self._expect(BODY_S)
        elif not self._answering:
            self._expect(HEAD_S)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._heard_at = self.loop.time()  # what waited for this answer was not read until now
        if self._begun and self._in_head and not self._answering and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._expect(HEAD_S)

    def _feed(self, piece: bytes) -> None:
        self._dry += len(piece)
        self.parser.feed_data(piece)
        if self._dry > MAX_HEAD:
            self._stop(_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._begun, self._lines, self._size = True, True, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url), 0)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4, 1)
        if self._in_head:  # a trailer is counted and not kept
            super().on_header(name, value)

    def _count(self, size: int, lines: int) -> None:
        self._size += size
        self._lines += lines
        if self._size > MAX_HEAD or self._lines > MAX_LINES:
            self._stop(_too_large())

    def _stop(self, why: HeadRefused) -> None:
        self._refusal = why
        raise httptools.HttpParserError(why.code)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            self._stop(_pipelined())
        self._in_head, self._in_body, self._dry = False, True, 0
        self._expect(None)
        if not self._known and self._door.recognises(cast("Scope", self.scope)):
            self._known = True
            self._set_unread(None)
        if self._known and not self._door.admission.recognised(self, self._process):
            self.app = cast("Any", _crowded)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._dry = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._in_body, self._begun, self._dry, self._size = True, False, False, 0, 0
        self._expect(None)
        super().on_message_complete()

    def _upgrade(self) -> None:
        self._expect(None)
        if not self._should_upgrade():
            return
        if self.app is _crowded:
            self.refuse(_too_many())
        else:
            self._set_unread(None)
            self.handle_websocket_upgrade()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; the door keeps counting it under this object until it ends."""
        self.connections.discard(self)
        head = [self.scope["method"].encode(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.scope["headers"]:
            head += [name, b": ", value, b"\r\n"]
        protocol = BoundedWebSocket(
            self.config, self.server_state, self.app_state, on_lost=lambda: self._door.admission.left(self)
        )
        protocol.connection_made(self.transport)
        protocol.data_received(b"".join([*head, b"\r\n"]))
        self.transport.set_protocol(protocol)

    # --- What takes too long ---

    def _expect(self, seconds: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self.loop.call_later(seconds, self._on_patience) if seconds is not None else None

    def _on_patience(self) -> None:
        self._patience = None
        if self.transport.is_closing():
            return
        if self._in_head:
            self.refuse(_too_slow("head", HEAD_S)) if self._begun else self.close()
        elif self._in_body:
            queued = self.flow.read_paused or bool(self.pipeline)  # an answer before its own is under way
            waited = 0.0 if queued else self.loop.time() - self._heard_at
            answered = self.cycle is not None and self.cycle.response_complete
            if waited >= BODY_S or answered:
                self.stop_waiting()
            else:
                self._expect(max(0.05, BODY_S - waited))

    def stop_waiting(self) -> None:
        """The body stopped arriving: whoever reads it learns that the client is gone, and the client gets 408."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_started:
            self._answer(_too_slow("body", BODY_S))
            cycle.disconnected = True
            cycle.message_event.set()
        self.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if not self._known:
            self._set_unread(UNREAD_S)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._set_unread(None)

    def _set_unread(self, seconds: float | None) -> None:
        if self._unread is not None:
            self._unread.cancel()
        self._unread = self.loop.call_later(seconds, self.abort) if seconds is not None else None


def _too_many() -> TooManyConnections:
    sentence = "The engine has as many connections as it takes, in all or from one process."
    return TooManyConnections(sentence, remedy="Close idle ones, or try again.", retry_after=1.0)


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses a request on a connection above the cap, and ends that connection."""
    response = failed(_too_many())
    response.headers["connection"] = "close"
    await response(scope, receive, send)
