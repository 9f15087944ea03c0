"""What strangers and careless clients do to a listener, each for some seconds: `python -m … NAME SOCKET PORT SECONDS`.

They run in a process of their own, so that a healthy client beside them measures the engine and not their work. They
reach loopback only, are bounded in connections and bytes, and print what they got through as one JSON object.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

IDLE, SLOW = 1000, 50
MOST_BYTES = 64 * 1024**2
KEYS = 50_000
_BATCH, _PIECE = 100, 64 * 1024
_HOST = "127.0.0.1"


class Attack:
    """The listeners, the end of the attack, and what came of it."""

    def __init__(self, socket: Path, port: int, seconds: float) -> None:
        self.socket, self.port = socket, port
        self.until = time.monotonic() + seconds
        self.counts: Counter[str] = Counter()

    @property
    def goes_on(self) -> bool:
        """Whether the time is not over."""
        return time.monotonic() < self.until

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection over TCP, without a token."""
        reader, writer = await asyncio.open_connection(_HOST, self.port)
        self.counts["connections"] += 1
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def local(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection to the local socket."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        self.counts["connections"] += 1
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def repeat(self, once: Callable[[], Awaitable[None]], pause: float = 0.02) -> None:
        """Again and again until the time is over; a refusal by the engine ends one round."""
        while self.goes_on:
            try:
                await once()
            except (OSError, asyncio.IncompleteReadError):
                self.counts["cut"] += 1
            await asyncio.sleep(pause)

    async def read_status(self, reader: asyncio.StreamReader) -> None:
        """Count the status of an answer."""
        line = await asyncio.wait_for(reader.readline(), 10)
        self.counts[line.decode("latin-1").split(" ")[1] if line.startswith(b"HTTP/") else "cut"] += 1


async def idle_connections(attack: Attack) -> None:
    """1,000 connections without a token, which send nothing."""

    async def hold() -> None:
        with contextlib.suppress(OSError):
            async with attack.stranger() as (reader, _):
                await asyncio.wait({asyncio.ensure_future(reader.read(1))}, timeout=attack.until - time.monotonic())

    held: list[asyncio.Task[None]] = []
    while attack.goes_on and len(held) < IDLE:
        held += [asyncio.ensure_future(hold()) for _ in range(_BATCH)]
        await asyncio.sleep(0.1)
    await asyncio.gather(*held)


async def endless_heads(attack: Attack) -> None:
    """One header line that never ends."""

    async def once() -> None:
        async with attack.stranger() as (_, writer):
            writer.write(b"GET /healthz HTTP/1.1\r\nX-Endless: ")
            while attack.goes_on and attack.counts["bytes"] < MOST_BYTES:
                writer.write(b"a" * _PIECE)
                attack.counts["bytes"] += _PIECE
                await writer.drain()

    await attack.repeat(once)


async def slow_heads(attack: Attack) -> None:
    """50 connections that send a byte of their head a second."""

    async def once() -> None:
        async with attack.stranger() as (_, writer):
            for byte in b"GET /api/pool HTTP/1.1\r\nHost: engine\r\n" * 4:
                if not attack.goes_on:
                    return
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)

    await asyncio.gather(*(attack.repeat(once) for _ in range(SLOW)))


async def slow_bodies(attack: Attack) -> None:
    """50 bodies that stop in the middle, on the local socket."""

    async def once() -> None:
        async with attack.local() as (reader, writer):
            writer.write(_head("POST", "/api/prompts", 1000) + b'{"prompt": "')
            await asyncio.wait({asyncio.ensure_future(reader.read(1))}, timeout=attack.until - time.monotonic())

    await asyncio.gather(*(attack.repeat(once) for _ in range(SLOW)))


async def vanishing_clients(attack: Attack) -> None:
    """Clients that are gone in the middle of their body, or before the answer."""

    async def once() -> None:
        async with attack.local() as (_, writer):
            writer.write(_head("POST", "/api/config/check", 100) + b'{"retry.')
            await writer.drain()
        async with attack.local() as (_, writer):
            writer.write(_head("GET", "/api/config"))
            await writer.drain()

    await attack.repeat(once, 0.005)


async def many_keys(attack: Attack) -> None:
    """A change of 50,000 settings that do not exist."""
    body = json.dumps({f"session_pool.max_sizee{number}": 1 for number in range(KEYS)}).encode()

    async def once() -> None:
        async with attack.local() as (reader, writer):
            writer.write(_head("PATCH", "/api/config", len(body)) + body)
            await attack.read_status(reader)

    await attack.repeat(once, 0.2)


async def bad_text(attack: Attack) -> None:
    """Bytes that are no UTF-8: in a body, a path, a query and a WebSocket's frame."""
    body = b'{"prompt": "\xff\xfe"}'

    async def once() -> None:
        for request in (
            _head("POST", "/api/prompts", len(body)) + body,
            b"GET /api/sessions/%FF%FE HTTP/1.1\r\nHost: engine\r\n\r\n",
            b"GET /api/sessions?limit=%FF HTTP/1.1\r\nHost: engine\r\n\r\n",
        ):
            async with attack.local() as (reader, writer):
                writer.write(request)
                await attack.read_status(reader)
        async with attack.local() as (reader, writer):
            writer.write(_upgrade() + b"\x81\x82\x00\x00\x00\x00\xff\xfe")
            await attack.read_status(reader)

    await attack.repeat(once)


async def unread_answers(attack: Attack) -> None:
    """Clients that ask for much and read nothing of it."""

    async def once() -> None:
        async with attack.local() as (_, writer):
            writer.write(_head("GET", "/api/config") * 8)
            await asyncio.sleep(max(0.0, min(2.0, attack.until - time.monotonic())))

    await asyncio.gather(*(attack.repeat(once) for _ in range(SLOW)))


async def many_subscribers(attack: Attack) -> None:
    """WebSockets that say nothing, too much, or the wrong thing."""
    frames = (b"", b"\x81\x82\x00\x00\x00\x00{}", b"\x82\xff" + (2**40).to_bytes(8, "big") + b"\x00" * 4)

    async def once() -> None:
        for frame in frames:
            async with attack.local() as (reader, writer):
                writer.write(_upgrade() + frame)
                await attack.read_status(reader)

    await asyncio.gather(*(attack.repeat(once) for _ in range(SLOW // 5)))


ATTACKS = {
    each.__name__: each
    for each in (
        idle_connections,
        endless_heads,
        slow_heads,
        slow_bodies,
        vanishing_clients,
        many_keys,
        bad_text,
        unread_answers,
        many_subscribers,
    )
}


def _head(method: str, path: str, length: int | None = None) -> bytes:
    body = "" if length is None else f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: engine\r\n{body}\r\n".encode()


def _upgrade() -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ("Host: engine", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    return "\r\n".join(("GET /ws HTTP/1.1", *lines, f"Sec-WebSocket-Key: {key}", "", "")).encode()


def main(name: str, socket: str, port: str, seconds: str) -> None:
    """Attack, and print the counts."""
    attack = Attack(Path(socket), int(port), float(seconds))
    asyncio.run(ATTACKS[name](attack))
    print(json.dumps(attack.counts))  # noqa: T201 - what the harness reads


if __name__ == "__main__":
    main(*sys.argv[1:])
