"""What a WebSocket may send, and how it is refused: with a close code after accepting."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from engine.api.websocket_protocol import MAX_FRAGMENTS, MAX_REASON, MAX_UNREAD, close_reason
from tests.api.serving import Served
from tests.support.processes import PATIENCE_S


async def test_a_frame_that_is_not_utf_8_closes_with_1007(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with unix_connect(str(served.socket), "ws://engine/ws") as websocket:
        assert isinstance(await websocket.recv(), str)
        websocket.protocol.send_frame(Frame(Opcode.TEXT, b"\xff\xfe"))  # type: ignore[attr-defined]
        websocket.transport.write(b"".join(websocket.protocol.data_to_send()))
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(PATIENCE_S):
                await websocket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1007
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_message_has_a_bounded_number_of_fragments(served: Served) -> None:
    async with unix_connect(str(served.socket), "ws://engine/ws") as websocket:
        await websocket.recv()
        frames = [Frame(Opcode.TEXT, b"a", fin=False), *[Frame(Opcode.CONT, b"", fin=False)] * MAX_FRAGMENTS]
        for frame in frames:
            websocket.protocol.send_frame(frame)  # type: ignore[attr-defined]
        websocket.transport.write(b"".join(websocket.protocol.data_to_send()))
        await asyncio.wait_for(websocket.wait_closed(), PATIENCE_S)
    assert websocket.close_code == 1009
    assert (await served.http.get("/healthz")).status_code == 200


async def test_pings_whose_pongs_nobody_reads_end_the_connection(served: Served) -> None:
    """At most the bound, and what the two sockets hold, is kept for a peer that does not read."""
    reader, writer = await asyncio.open_unix_connection(str(served.socket))
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    writer.write(b"GET /ws HTTP/1.1\r\nHost: e\r\n" + upgrade + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    pings = (b"\x89\xfd" + bytes(4) + b"p" * 125) * 1000
    sent, most = 0, 32 * MAX_UNREAD
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionError):
            while sent < most:
                writer.write(pings)
                await writer.drain()
                sent += len(pings)
    assert sent < most
    assert (await served.http.get("/healthz")).status_code == 200
    writer.close()


async def test_a_reason_is_cut_by_bytes(served: Served) -> None:
    assert len(close_reason("ä€😀" * 100).encode()) <= MAX_REASON
    async with unix_connect(str(served.socket), "ws://engine/ws") as websocket:
        await websocket.recv()
        await websocket.send('{"type": "' + "😀" * 200 + '"}')
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(PATIENCE_S):
                await websocket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400


@pytest.mark.parametrize("path", ["/ws?a=%ff", "/%80"])
async def test_a_websocket_whose_address_is_not_utf_8_closes_with_1008(served: Served, path: str) -> None:
    async with unix_connect(str(served.socket), f"ws://engine{path}") as websocket:
        await asyncio.wait_for(websocket.wait_closed(), PATIENCE_S)
    assert websocket.close_code == 1008
