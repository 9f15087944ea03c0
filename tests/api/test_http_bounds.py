"""What a request may cost before it is trusted, and after: bounded, answered, and never a traceback."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from engine.api import http_protocol
from tests.api.raw import BODY, HEAD, exchange, status
from tests.api.serving import Served
from tests.support.processes import PATIENCE_S, until


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
