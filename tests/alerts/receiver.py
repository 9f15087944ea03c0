"""A web server on loopback that answers posts as it is told to, and remembers them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

HANG = -1
"""In place of a status: the request is read, and never answered."""
DRIP = -2
"""In place of a status: the answer comes byte by byte, and has no end."""


@dataclass
class Post:
    """One request, its header names in small letters."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        return dict(json.loads(self.body))


@dataclass
class Receiver:
    """What came, and what the next ones are answered with; the last answer stays."""

    answers: list[int]
    port: int = 0
    location: str = ""
    posts: list[Post] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.posts.append(Post(head[0], headers, body))
        status = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        try:
            if status == HANG:
                await reader.read()
            elif status == DRIP:
                await self._drip(reader, writer)
            else:
                where = f"Location: {self.location}\r\n" if self.location else ""
                writer.write(f"HTTP/1.1 {status} X\r\n{where}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def receiving(*answers: int, location: str = "") -> AsyncIterator[Receiver]:
    """One that listens."""
    receiver = Receiver([*answers] or [200], location=location)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = int(server.sockets[0].getsockname()[1])
    try:
        yield receiver
    finally:
        server.close()
