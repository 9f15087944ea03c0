"""A WebSocket connection with bounds, and with a close code for what is not allowed instead of a traceback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

MAX_REASON = 123
"""Bytes of a close frame's reason."""
MAX_FRAGMENTS = 1024
"""Frames of one message."""
MAX_UNREAD = 1024 * 1024
"""Bytes of pongs and other output that wait for a peer that sends and does not read."""
_BAD_TEXT, _TOO_BIG, _POLICY = 1007, 1009, 1008


def close_reason(text: str) -> str:
    """`text` as a close frame takes it: at most 123 bytes, cut between characters."""
    return text.encode("utf-8", "replace")[:MAX_REASON].decode("utf-8", "ignore")


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One connection; `on_lost` hears of its end."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        on_lost: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._on_lost = on_lost
        self._lost = False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._on_lost()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.get_write_buffer_size() > MAX_UNREAD and not self.close_sent:
            self._fail(_POLICY, "too much is unread")
            self.transport.abort()
            return
        self.conn.receive_data(data)
        if self.conn.parser_exc is None:
            self.handle_events()
        elif self.conn.close_sent is not None:
            self.handle_parser_exception()
        else:  # not a handshake
            self.send_500_response()
            self.close_sent = self.handshake_complete = True
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(_TOO_BIG, f"over {MAX_FRAGMENTS} fragments")
        elif not self.close_sent:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self._fail(_BAD_TEXT, "a text frame is not UTF-8")
                return
        super().send_receive_event_to_app()

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent and self.handshake_complete:
            self.conn.fail(code, reason)
            self.handle_parser_exception()
