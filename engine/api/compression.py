"""Answers over TCP made smaller where the caller accepts it and it pays: zstd, or gzip for those who know no other.

The local socket is left alone: there bytes cost less than the CPU that would save them.
"""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.base.compression import smaller

_LEAST, _GZIP_LEVEL = 1024, 5
_IN_A_THREAD = 1024**2
"""Bytes from which an answer is compressed beside the loop."""
_QVALUE = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_KINDS = ("application/json", "text/plain", "text/markdown", "image/svg+xml")


class Compressed:
    """Wraps an application: whole answers are compressed; streams go through as they come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gzip = GZipMiddleware(app, _LEAST, _GZIP_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        coding = coding_for(",".join(Headers(scope=scope).getlist("accept-encoding")))
        if coding == "zstd":
            await self._app(scope, receive, _Answer(send).take)
        else:
            await self._gzip(_asking_for(scope, coding or "identity"), receive, send)


class _Answer:
    """Owner of the head of one answer, until it is known whether its body is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None

    async def take(self, message: Message) -> None:
        """Pass a message on, compressed where that pays."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        if (head := self._head) is not None:
            self._head = None
            headers = MutableHeaders(raw=head["headers"])
            if not message.get("more_body") and _may_shrink(headers):
                headers.add_vary_header("Accept-Encoding")
                message = await _shrunk(headers, message)
            await self._send(head)
        await self._send(message)


async def _shrunk(headers: MutableHeaders, message: Message) -> Message:
    body = message.get("body", b"")
    if len(body) < _LEAST:
        return message
    made = await asyncio.to_thread(smaller, body) if len(body) >= _IN_A_THREAD else smaller(body)
    if made is None:
        return message
    headers["content-encoding"], headers["content-length"] = "zstd", str(len(made))
    return {**message, "body": made}


def _may_shrink(headers: Headers) -> bool:
    return "content-encoding" not in headers and headers.get("content-type", "").startswith(_KINDS)


def coding_for(accepted: str) -> str:
    """The coding that a header Accept-Encoding weighs most: `zstd`, `gzip`, or none; zstd where both weigh the same.

    `*` stands for gzip, which everybody reads. A weight that cannot be read counts as 0, so nothing is compressed.
    """
    weights: dict[str, float] = {}
    for each in accepted.lower().split(","):
        name, _, parameters = each.partition(";")
        weights.setdefault(name.strip(), _weight(parameters))
    found = {
        "zstd": weights.get("zstd", 0.0),
        "gzip": weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))),
    }
    best = max(found, key=found.__getitem__)
    return best if found[best] > 0 else ""


def _weight(parameters: str) -> float:
    """The `q` among the parameters of a coding, from 0 to 1; 1 where none is given."""
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip() == "q":
            return float(value) if _QVALUE.fullmatch(value.strip()) else 0.0
    return 1.0


def _asking_for(scope: Scope, coding: str) -> Scope:
    """The scope with one plain Accept-Encoding: the wrapped middleware reads no weights."""
    others = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    return {**scope, "headers": [*others, (b"accept-encoding", coding.encode())]}
