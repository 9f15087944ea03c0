"""How many connections a listener takes, and what happens where there is no room."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect

from engine.api import admission, http_protocol
from engine.api.acceptor import Acceptor
from engine.api.admission import Admission, ConnectionCaps, caps_within
from engine.api.server_log import PER_MINUTE, RecordLimit
from tests.api.raw import HEAD, exchange, status
from tests.api.serving import Served, free_port, serving
from tests.support.processes import PATIENCE_S, until

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def tcp(home: Path) -> AsyncIterator[tuple[Served, int]]:
    """An engine that serves TCP too, and its port."""
    port = free_port()
    async with serving(home, f"api.port={port}", f"api.token_file={home / 'token'}") as made:
        yield made, port


async def test_idle_connections_without_a_token_keep_nobody_out(tcp: tuple[Served, int]) -> None:
    """300 of them: descriptors stay bounded, and a caller with a token is served at once."""
    served, port = tcp
    idle: list[Pair] = []
    try:
        idle.extend([await asyncio.open_connection("127.0.0.1", port) for _ in range(300)])
        assert (await served.http.get("/healthz")).status_code == 200

        def ended() -> int:
            return sum(reader.at_eof() or reader.exception() is not None for reader, _ in idle)

        await until(lambda: ended() >= 300 - admission.STRANGERS)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert status(await reader.read()) == 200
        writer.close()
    finally:
        for _, writer in idle:
            writer.close()


async def test_tcp_answers_without_delay(tcp: tuple[Served, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nagle's algorithm is off on what is accepted: else each answer costs a delayed acknowledgement, 40 ms."""
    _served, port = tcp
    options: list[int] = []
    made = http_protocol.BoundedHttp.connection_made

    def connection_made(protocol: http_protocol.BoundedHttp, transport: asyncio.BaseTransport) -> None:
        accepted = transport.get_extra_info("socket")
        options.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        made(protocol, transport)

    monkeypatch.setattr(http_protocol.BoundedHttp, "connection_made", connection_made)
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: options)
    assert options[0] != 0
    writer.close()


async def test_the_401_names_no_path_and_says_how(tcp: tuple[Served, int]) -> None:
    _served, port = tcp
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/pool HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert status(answer) == 401
    assert b"www-authenticate: bearer" in answer.lower()
    assert b"/token" not in answer


def test_caps_leave_descriptors_for_sessions() -> None:
    assert caps_within(None, 100, 2) == ConnectionCaps()
    for limit in (64, 256, 1024, 4096, 1 << 20):
        caps = caps_within(limit, 20, 2)
        assert 2 * (caps.connections + caps.most_strangers) <= max(limit // 2, limit - 224) or limit == 64
        assert min(caps.connections, caps.strangers, caps.most_strangers) >= 1
    assert caps_within(1 << 20, 100, 2) == ConnectionCaps()


def test_the_oldest_strangers_make_room_after_their_grace() -> None:
    found: Admission[int] = Admission(ConnectionCaps(connections=1, strangers=2, most_strangers=4))
    for number in range(4):
        found.arrived(number, 0.0)
    assert (found.crowded, found.full, found.surplus(0.1)) == (True, True, [])
    assert found.surplus(1.0) == [0, 1]
    assert found.recognised(3)
    assert not found.recognised(2)
    found.left(0)
    assert (found.size, found.crowded, found.full) == (3, False, False)


def test_one_process_holds_its_share_and_no_more() -> None:
    found: Admission[int] = Admission(ConnectionCaps(connections=6, strangers=9, most_strangers=9))
    assert [found.recognised(number, 7) for number in range(5)] == [True, True, True, False, False]
    assert [found.recognised(number, 8) for number in (10, 11)] == [True, True]
    assert found.recognised(0, 7), "what has its place keeps it"
    found.left(4)
    assert not found.recognised(3, 7)
    found.left(0)
    assert found.recognised(3, 7)
    assert found.recognised(12, 8)
    assert not found.recognised(13, 9), "the listener is full"
    for number in range(14):
        found.left(number)
    assert (found.size, found.recognised(20, 7)) == (0, True)


def test_callers_whose_process_is_not_known_share_the_whole() -> None:
    found: Admission[int] = Admission(ConnectionCaps(connections=4, strangers=9, most_strangers=9))
    assert [found.recognised(number) for number in range(5)] == [True] * 4 + [False]


def test_the_smallest_listener_has_a_share_too() -> None:
    assert [ConnectionCaps(connections=each).share for each in (1, 2, 3, 1024)] == [1, 1, 1, 512]


ANOTHER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(sys.argv[1])
    peer.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: engine\\r\\nConnection: close\\r\\n\\r\\n")
    print(peer.recv(4096).split()[1].decode())
"""


async def test_one_process_cannot_take_all_places_of_the_local_socket(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds its half for as long as it likes; another process is served."""
    monkeypatch.setattr("engine.api.server._caps", lambda *_: ConnectionCaps(8, 16, 16))
    async with serving(home) as served, AsyncExitStack() as held:
        for _ in range(4):
            websocket = await held.enter_async_context(unix_connect(str(served.socket), "ws://engine/ws"))
            await websocket.recv()
        assert status(await exchange(served, HEAD + b"\r\n")) == 503
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", ANOTHER, str(served.socket), stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE_S):
            answer, _ = await other.communicate()
        assert answer.strip() == b"200"


class NoDescriptors(socket.socket):
    """A listener whose machine has no descriptor left for a while."""

    failures = 2

    def accept(self) -> tuple[socket.socket, object]:
        """Fails twice."""
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_an_exhausted_machine_pauses_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.api.acceptor.PAUSE_S", 0.05)
    told: list[OSError] = []
    made: list[asyncio.Protocol] = []
    with NoDescriptors(socket.AF_INET) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def protocol() -> asyncio.Protocol:
            made.append(asyncio.Protocol())
            return made[-1]

        acceptor = Acceptor(listener, protocol, lambda: False, told.append)
        acceptor.start()
        _reader, writer = await asyncio.open_connection(*listener.getsockname())
        await until(lambda: made != [])
        assert len(told) == 2
        writer.close()
        acceptor.close()
        await acceptor.wait_closed()


def listeners() -> int:
    """Servers that run in this process."""
    return sum(task.get_name() == "api" for task in asyncio.all_tasks())


async def test_listeners_of_one_socket_share_its_caps(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted socket is bound again: its old connections count, and the old listener ends with the last of them."""
    monkeypatch.setattr("engine.api.server._caps", lambda *_: ConnectionCaps(1, 8, 8))
    async with serving(home) as served:
        async with unix_connect(str(served.socket), "ws://engine/ws") as websocket:
            await websocket.recv()
            served.socket.unlink()
            await until(lambda: listeners() == 2 and served.socket.exists())
            assert status(await exchange(served, HEAD + b"\r\n")) == 503
        await until(lambda: listeners() == 1)
        assert status(await exchange(served, HEAD + b"Connection: close\r\n\r\n")) == 200


def test_the_log_takes_a_few_records_of_a_kind() -> None:
    now = 0.0
    limit = RecordLimit(lambda: now)

    def record() -> logging.LogRecord:
        return logging.LogRecord("asyncio", logging.ERROR, "", 0, "it failed %s", ("again",), None)

    assert sum(limit.filter(record()) for _ in range(1000)) == PER_MINUTE
    now = 61.0
    last = record()
    assert limit.filter(last)
    assert last.getMessage() == "it failed again (995 records were dropped)"
