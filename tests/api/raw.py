"""Bytes to and from the engine's listeners, without a client's politeness."""

from __future__ import annotations

import asyncio
import contextlib

from tests.api.serving import Served
from tests.support.processes import PATIENCE_S

HEAD = b"GET /healthz HTTP/1.1\r\nHost: engine\r\n"
BODY = b"POST /api/prompts HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def exchange(served: Served, *pieces: bytes) -> bytes:
    """Everything that the engine answers to these bytes until it closes."""
    reader, writer = await asyncio.open_unix_connection(str(served.socket))
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                answer += piece
    writer.close()
    return answer


def status(answer: bytes) -> int:
    """The status of the first answer."""
    return int(answer.split(b" ", 2)[1])
