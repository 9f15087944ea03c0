"""Addresses that are not UTF-8 are refused, and a quoted slash stays a part of its segment."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from engine.api.envelope import close_websocket, failed
from engine.base.errors import BadInput

BAD_ADDRESS = 1008
"""Close code of a WebSocket whose address is not UTF-8."""

QUOTED_SLASH = "%2F"
"""How a quoted slash stands in a path parameter; a route whose parameter may hold slashes puts it back."""


class StrictText:
    """Wraps an application: it sees paths and queries of valid UTF-8 only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in {"http", "websocket"} or _plain(scope):
            await self._app(scope, receive, send)
            return
        try:
            unquote_to_bytes(scope["query_string"].replace(b"+", b" ")).decode()
            path = _path(scope["raw_path"])
        except UnicodeDecodeError:
            await self._refuse(scope, receive, send)
            return
        await self._app({**scope, "path": path}, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await close_websocket(receive, send, BAD_ADDRESS, "the address is not UTF-8")
            return
        remedy = "Quote it as percent-encoded UTF-8."
        await failed(BadInput("The address is not UTF-8.", field="url", remedy=remedy))(scope, receive, send)


def _plain(scope: Scope) -> bool:
    return scope["query_string"].isascii() and b"%" not in scope["query_string"] and b"%" not in scope["raw_path"]


def _path(raw: bytes) -> str:
    segments = raw.decode("ascii").split("/")
    return "/".join(unquote_to_bytes(segment).decode().replace("/", QUOTED_SLASH) for segment in segments)
