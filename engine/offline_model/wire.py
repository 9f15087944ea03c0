"""As much HTTP/1.1 as the offline model needs, by hand: a framework could not reset, stall or garble on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

MOST_HEAD_BYTES = 64 * 1024
MOST_BODY_BYTES = 64 * 1024 * 1024

_LINGER_ZERO = struct.pack("ii", 1, 0)
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


class BadRequest(Exception):
    """A request that cannot be read; `status` is what it gets before the connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; header names are in lower case, the path is without its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to send more on this connection."""
        return self.headers.get("connection", "").lower() != "close"


class Exchange:
    """One connection: reads requests, writes answers and, when asked, misbehaves."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, new_request_id: Callable[[], str]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._new_request_id = new_request_id
        self.request_id = ""

    async def receive(self) -> HttpRequest | None:
        """The next request, None at the end of the connection. Raises BadRequest."""
        self.request_id = self._new_request_id()
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as error:
            raise BadRequest(431, f"The request's head is over {MOST_HEAD_BYTES} bytes") from error
        method, path, headers = _parse_head(head)
        if headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = _body_size(method, headers)
        try:
            body = await self._reader.readexactly(size)
        except asyncio.IncompleteReadError:
            return None
        return HttpRequest(method, path, headers, body)

    async def answer(
        self, status: int, body: bytes, content_type: str = "application/json", headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """A whole response."""
        length = ("content-length", str(len(body)))
        self._writer.write(self._head(status, (("content-type", content_type), length, *headers)) + body)
        await self._writer.drain()

    def open_stream(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        """The head of a chunked stream of events."""
        chunked = ("transfer-encoding", "chunked")
        fixed = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"), chunked)
        self._writer.write(self._head(200, (*fixed, *headers)))

    async def send(self, data: bytes) -> None:
        """One chunk of the stream."""
        if data:
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._writer.drain()

    async def close_stream(self) -> None:
        """The end of the stream as it should be."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def raw(self, data: bytes) -> None:
        """Any bytes at all, right or wrong."""
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        """End the connection with a TCP reset; what the client has not read is lost."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._writer.transport.abort()

    async def until_left(self) -> None:
        """Wait, in silence, until the client gives up."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(MOST_HEAD_BYTES):
                pass

    def _head(self, status: int, headers: Iterable[tuple[str, str]]) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        identity = f"request-id: {self.request_id}\r\n"
        return f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\n{identity}{lines}\r\n".encode("latin-1")

    async def close(self) -> None:
        """Close the connection; a client that is gone already is no error."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(400, "This is not an HTTP/1.1 request")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(400, f"The header line {line[:80]!r} has no colon")
        key = name.strip().lower()
        if key == "host" and key in headers:
            raise BadRequest(400, "There are two Host headers")
        headers[key] = value.strip()
    return parts[0], parts[1].partition("?")[0], headers


def _body_size(method: str, headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequest(411, "Send the body with a content-length")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise BadRequest(400, f"The content-length {length[:40]!r} of this {method} is not a number")
    if int(length) > MOST_BODY_BYTES:
        raise BadRequest(413, f"The body is over {MOST_BODY_BYTES} bytes")
    return int(length)
