"""What a peer may cost before it is trusted, and after: bounded, answered, and never a traceback."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from engine.api import admission, answers, http_protocol
from engine.api.acceptor import Acceptor
from engine.api.admission import Admission, ConnectionCaps, caps_within
from engine.api.server_log import PER_MINUTE, RecordLimit
from engine.api.websocket_protocol import MAX_FRAGMENTS, MAX_REASON, MAX_UNREAD, close_reason
from engine.errors import MAX_LINE, MAX_LINES, BadInput, bounded
from engine.events.types import Notice
from tests.api.serving import Served, free_port, serving
from tests.pool.ground import Told
from tests.support.processes import PATIENCE_S, until

HEAD = b"GET /healthz HTTP/1.1\r\nHost: engine\r\n"
BODY = b"POST /api/prompts HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def tcp(home: Path) -> AsyncIterator[tuple[Served, int]]:
    """An engine that serves TCP too, and its port."""
    port = free_port()
    async with serving(home, f"api.port={port}", f"api.token_file={home / 'token'}") as made:
        yield made, port


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


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        pytest.param([HEAD + b"X: ", *[b"a" * 60_000] * 40], 431, id="endless header"),
        pytest.param([b"GET /", *[b"a" * 60_000] * 40], 431, id="endless address"),
        pytest.param([HEAD, *[b"X%d: a\r\n" % number for number in range(101)], b"\r\n"], 431, id="101 lines"),
        pytest.param([HEAD + b"X: " + b"a" * 66_000 + b"\r\n\r\n"], 431, id="one large head"),
        pytest.param([b"\r\n" * 40_000], 431, id="nothing but empty lines"),
        pytest.param([b"NONSENSE\r\n\r\n"], 400, id="no HTTP"),
        pytest.param([b"GET /\xff HTTP/1.1\r\nHost: e\r\n\r\n"], 400, id="raw bytes in the address"),
    ],
)
async def test_a_head_has_bounds(served: Served, sent: list[bytes], wanted: int) -> None:
    answer = await exchange(served, *sent)
    assert status(answer) == wanted
    assert b'"success":false' in answer
    assert (await served.http.get("/healthz")).status_code == 200


async def test_a_head_within_the_bounds_is_served(served: Served) -> None:
    lines = b"".join(b"X%d: %s\r\n" % (number, b"a" * 600) for number in range(97))
    assert status(await exchange(served, HEAD + lines + b"Connection: close\r\n\r\n")) == 200


async def test_trailers_and_chunk_extensions_have_the_same_bounds(served: Served) -> None:
    head = b"POST /api/prompts HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n"
    for tail in (b"0\r\nX: ", b"1;a="):
        reader, writer = await asyncio.open_unix_connection(str(served.socket))
        with contextlib.suppress(ConnectionError):
            writer.write(head + tail)
            for _ in range(20):
                writer.write(b"a" * 60_000)
                await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                assert b"200" not in await reader.read()
        writer.close()


@pytest.mark.parametrize("began", [b"", b"GET", HEAD])
async def test_a_head_that_does_not_come_ends_the_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch, began: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.2)
    answer = await exchange(served, began)
    assert status(answer) == 408 if began else answer == b""


async def test_a_head_that_drips_has_no_more_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.3)
    reader, writer = await asyncio.open_unix_connection(str(served.socket))

    def dripped() -> bool:
        """Another byte, until there is an answer."""
        writer.write(b"G" if not writer.is_closing() else b"")
        return reader.at_eof() or bool(reader._buffer)  # type: ignore[attr-defined]

    await until(dripped)
    async with asyncio.timeout(PATIENCE_S):
        assert status(await reader.read()) in {400, 408}
    writer.close()


async def test_a_body_that_stops_ends_the_request(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "BODY_S", 0.2)
    assert status(await exchange(served, BODY + b"{")) == 408


async def test_pipelining_has_a_bound(served: Served) -> None:
    slow = b"POST /api/prompts HTTP/1.1\r\nHost: e\r\nContent-Length: 50\r\n\r\n"
    answer = await exchange(
        served, slow + b'{"prompt": "[[words: 400]] [[pace: 20ms]] pipe 1"}' + (HEAD + b"\r\n") * 500
    )
    assert answer == b""


async def test_a_client_gone_in_mid_body_is_no_traceback(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    _reader, writer = await asyncio.open_unix_connection(str(served.socket))
    writer.write(BODY + b"{")
    await writer.drain()
    assert (await served.http.get("/healthz")).status_code == 200
    writer.transport.abort()
    for _ in range(5):
        assert (await served.http.get("/healthz")).status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("path", ["/api/sessions/%ff", "/api/errors?type=%ff", "/api/errors?type=%c3%28", "/%80"])
async def test_an_address_that_is_not_utf_8_is_refused(served: Served, path: str) -> None:
    assert await served.refusal("GET", path) == (400, "bad_input", "url")


@pytest.mark.parametrize("body", [b'{"prompt": "\xff"}', b"\xff", b'{"\xed\xa0\x80": 1}'])
async def test_a_body_that_is_not_utf_8_is_refused(served: Served, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = await served.http.post("/api/prompts", content=body, headers=headers)
    assert (response.status_code, response.json()["field"]) == (400, "body")


async def test_a_quoted_slash_does_not_reach_another_route(served: Served) -> None:
    await served.ask("one")
    name = (await served.data("GET", "/api/sessions"))["sessions"][0]["id"]
    permission = {"allowed": True}
    for path, body in (
        (f"/api/sessions/{name}%2Fkill%3Fx=/stop", {}),
        (f"/api/sessions/{name}%2Fkill", {}),
        ("/api/permissions/groups%2Fx", permission),
    ):
        status_code, code, _field = await served.refusal("POST", path, body)
        assert (status_code, code) in {(404, "not_found"), (404, "http_404"), (405, "http_405")}
    assert [row["id"] for row in (await served.data("GET", "/api/sessions"))["sessions"]] == [name]


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


@pytest.mark.parametrize("method", ["PATCH /api/config", "POST /api/config/check"])
async def test_many_unknown_settings_do_not_stop_the_engine(served: Served, method: str) -> None:
    """50,000 keys, flat and nested, and names of a megabyte, where near names are looked for."""
    verb, path = method.split()
    flat = {f"session_pool.max_siz{number}": number for number in range(50_000)}
    bodies = [
        flat,
        {"session_pool": {key.partition(".")[2]: 1 for key in flat}},
        {"alerts.rules": [{"name": f"n{number}", "when": "x > 1"} for number in range(50_000)]},
        {"s" * 200_000: 1},
        {"engine.backend": "c" * 200_000},
    ]
    loop = asyncio.get_running_loop()
    for body in bodies:
        began = loop.time()
        assert (await served.http.request(verb, path, json=body)).status_code == 400
        assert loop.time() - began < 3
    began = loop.time()
    assert (await served.http.request(verb, path, json=dict(list(flat.items())[:100]))).status_code == 400
    assert loop.time() - began < 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/alerts/test", {"channel": "c" * 200_000}),
        ("/api/alerts/none/silence", {"for": "1" * 200_000}),
        ("/api/recoveries", {"strategy": "r" * 200_000, "target": "session:s0001"}),
        ("/api/breakers/none", {"act": "o" * 200_000}),
        ("/api/prompts", {"prompt": "x", "priority": "h" * 200_000}),
        ("/api/errors/rules", {"type": "n" * 200_000, "text": "x"}),
    ],
)
async def test_a_long_wrong_word_costs_no_long_search(served: Served, path: str, body: dict[str, str]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    response = await served.http.post(path, json=body)
    assert response.status_code in {400, 404}
    assert loop.time() - began < 1
    assert len(response.content) < 5000


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/api/sessions/{'s' * 30_000}", None),
        ("GET", f"/api/errors?type={'t' * 30_000}", None),
        ("GET", f"/api/errors?limit={'1' * 30_000}", None),
        ("POST", "/api/prompts", {"prompt": "x", "f" * 1_000_000: 1}),
        ("POST", "/api/prompts", {"prompt": "x", "profile": "p" * 1_000_000}),
        ("POST", "/api/prompts", {"prompt": "x", "conversation": "line\n" * 200_000}),
        ("POST", "/api/permissions/none", {"allowed": True, "scope": "s" * 200_000}),
        ("PATCH", "/api/config", {"k" * 200_000: 1}),
        ("PATCH", "/api/config", {"engine.backend": "\n" * 100_000}),
        ("DELETE", f"/api/prompts/{'r' * 30_000}", None),
    ],
)
async def test_no_error_returns_a_long_value_whole(
    served: Served, method: str, path: str, body: dict[str, object] | None
) -> None:
    response = await served.http.request(method, path, json=body)
    assert response.status_code in {400, 404}
    assert len(response.content) < 5000


def test_an_error_is_cut_in_the_middle_and_keeps_its_sentence() -> None:
    error = BadInput(f"There is no {'x' * 10_000}, so nothing was done.", remedy="r" * 5000, field="f" * 5000)
    told = error.as_dict()
    assert all(len(told[key]) <= MAX_LINE for key in ("error", "remedy", "field"))
    assert told["error"].startswith("There is no xxx")
    assert told["error"].endswith("so nothing was done.")
    assert (len(str(error)) <= 2 * MAX_LINE + 1, error.args) == (True, (told["error"],))
    lines = bounded("\n".join(["line"] * 100_000)).split("\n")
    assert len(lines) <= MAX_LINES + 1
    assert len(bounded("x\n" + "y" * 10_000_000)) < 3 * MAX_LINE
    assert bounded("\n".join(["a problem " * 20] * 100)).count("\n") == 99


STREAM = '{"prompt": "[[words: 60]] [[pace: 20ms]] one", "stream": true}'


def post(body: str, more: str = "") -> bytes:
    """A prompt whose body is whole."""
    return (
        f"POST /api/prompts HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@pytest.mark.parametrize("extra", [b"\r\n", b"\r\n\r\n", b"GET /hea"], ids=["one", "two", "half a head"])
async def test_what_follows_a_body_does_not_end_its_request(
    served: Served, monkeypatch: pytest.MonkeyPatch, extra: bytes
) -> None:
    """RFC 9112 section 2.2: empty lines are ignored; and a head may come slowly while an answer is under way."""
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.2)
    reader, writer = await asyncio.open_unix_connection(str(served.socket))
    writer.write(post(STREAM))
    async with asyncio.timeout(PATIENCE_S):
        assert status(await reader.readuntil(b"event: started")) == 200
        writer.write(extra)
        answer = await reader.readuntil(b"0\r\n\r\n")
        assert b"event: answer" in answer
        rest = await reader.read()
    assert rest.startswith(b"HTTP/1.1 408") if extra.startswith(b"G") else rest == b""
    writer.close()


async def test_a_body_that_stops_behind_a_running_answer_leaves_that_answer_whole(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "BODY_S", 0.2)
    answer = await exchange(served, post(STREAM) + BODY + b"{")
    first, _, second = answer.partition(b"\r\n0\r\n\r\n")
    assert (status(first), first.count(b"HTTP/1.1"), status(second)) == (200, 1, 408)
    assert b"event: answer" in first


@pytest.mark.parametrize("path", ["/ws?a=%ff", "/%80"])
async def test_a_websocket_whose_address_is_not_utf_8_closes_with_1008(served: Served, path: str) -> None:
    async with unix_connect(str(served.socket), f"ws://engine{path}") as websocket:
        await asyncio.wait_for(websocket.wait_closed(), PATIENCE_S)
    assert websocket.close_code == 1008


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


async def _no_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_stream_that_fails_inside_ends_with_an_error(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.engine, "submit", _no_disk)
    name, error = (await served.stream("one"))[-1]
    assert (name, error["code"]) == ("error", "internal")
    assert error["remedy"]


@pytest.mark.parametrize("error", [None, BadInput("no"), OSError(errno.EIO, "no")], ids=["answer", "ours", "other"])
async def test_the_last_event_is_heard_beyond_the_bound(error: Exception | None) -> None:
    heard = answers._Growing()
    for _ in range(answers.MAX_WAITING + 1):
        heard.dropped(1)
    work = asyncio.get_running_loop().create_future()
    work.set_exception(error) if error else work.set_result(None)
    heard.end(work)
    assert len(heard.waiting) == answers.MAX_WAITING + 1
    assert heard.waiting[-1][0] == ("error" if error else "answer")


async def test_a_request_that_nobody_waits_for_ends_whatever_fails(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.engine, "submit", _no_disk)
    notices = Told(served.engine)
    sent = (await served.data("POST", "/api/prompts", {"prompt": "one", "wait": False}, 202))["prompt"]["request"]
    await until(lambda: any("No space left" in each.text for each in notices.of(Notice)))
    ended = (await served.data("GET", f"/api/prompts/{sent}"))["prompt"]
    assert (ended["state"], ended["error"]["code"]) == ("failed", "internal")
