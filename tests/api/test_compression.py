"""Answers over TCP are compressed for those who accept it, where that pays; the local socket stays plain."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import httpx
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from engine.api.compression import Compressed, coding_for
from tests.api.serving import serving
from tests.api.test_access import bearer, on_tcp

LONG = b'{"rows": [' + b'{"state": "idle", "profile": "default"}, ' * 400 + b"{}]}"


def app(body: bytes, kind: str = "application/json", *, parts: int = 1) -> Starlette:
    """An application with one answer."""

    async def answer(_request: Request) -> Response:
        if parts == 1:
            return Response(body, media_type=kind)
        return StreamingResponse((body for _ in range(parts)), media_type=kind)

    return Starlette(routes=[Route("/", answer)])


async def raw(made: Starlette, accepts: str) -> tuple[httpx.Headers, bytes]:
    """Headers and body as they travel."""
    transport = httpx.ASGITransport(Compressed(made))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://engine") as http,
        http.stream("GET", "/", headers={"Accept-Encoding": accepts}) as response,
    ):
        return response.headers, b"".join([part async for part in response.aiter_raw()])


@pytest.mark.parametrize("accepts", ["zstd", "gzip, zstd", "br, ZSTD;q=0.5"])
async def test_zstd_is_taken_where_it_is_accepted(accepts: str) -> None:
    headers, body = await raw(app(LONG), accepts)
    assert zstandard.ZstdDecompressor().decompress(body) == LONG
    assert (headers["content-encoding"], headers["vary"]) == ("zstd", "Accept-Encoding")
    assert int(headers["content-length"]) == len(body) < len(LONG) / 10


async def test_gzip_is_for_those_who_know_no_zstd() -> None:
    headers, body = await raw(app(LONG), "gzip, zstd;q=0")
    assert (headers["content-encoding"], gzip.decompress(body)) == ("gzip", LONG)


@pytest.mark.parametrize(
    ("made", "accepts"),
    [
        (app(LONG), "identity"),
        (app(LONG), ""),
        (app(LONG[:500]), "zstd"),
        (app(bytes(range(256)) * 8, "application/octet-stream"), "zstd"),
        (app(LONG, "text/event-stream"), "zstd"),
        (app(LONG, "text/event-stream"), "gzip"),
    ],
)
async def test_the_rest_travels_as_it_is(made: Starlette, accepts: str) -> None:
    headers, _body = await raw(made, accepts)
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip;q=0", ""), ("gzip;q=0.000", ""), ("gzip ; q = 0", ""), ("zstd;q=0, gzip;q=0", ""), ("*;q=0", ""),
        ("notgzip", ""), ("gzip-foo", ""), ("br", ""), ("identity;q=0", ""), ("identity;q=0, *;q=0", ""),
        ("gzip;q=abc", ""), ("zstd;q=", ""), ("zstd;level=3;q=0", ""), (";;;,,=", ""), ("gzip;q=0, *", ""),
        ("GZIP", "gzip"), ("x-gzip", "gzip"), ("*", "gzip"), ("identity;q=0, *", "gzip"), ("*;q=0, gzip", "gzip"),
        ("gzip;q=1, zstd;q=0.1", "gzip"), ("gzip;q=0.1, zstd;q=1.000", "zstd"), ("gzip, zstd", "zstd"),
    ],
)  # fmt: skip
async def test_the_weights_of_the_header_decide(accepts: str, coding: str) -> None:
    headers, body = await raw(app(LONG), accepts)
    assert headers.get("content-encoding", "") == coding == coding_for(accepts)
    assert headers["vary"] == "Accept-Encoding"
    assert (body == LONG) is (not coding)


async def test_what_would_hardly_shrink_is_left_alone() -> None:
    noise = random.Random(1).randbytes(20_000)
    headers, body = await raw(app(noise, "text/plain"), "zstd")
    assert (body, headers.get("content-encoding")) == (noise, None)


async def test_a_stream_of_parts_goes_through_as_it_comes() -> None:
    headers, body = await raw(app(b"x" * 5000, "text/plain", parts=3), "zstd")
    assert "content-encoding" not in headers
    assert body == b"x" * 15000


@given(st.text(max_size=60))
def test_no_header_breaks_it(accepts: str) -> None:
    assert coding_for(accepts) in {"", "gzip", "zstd"}


async def test_a_caller_over_tcp_reads_the_same_answer(tmp_path: Path) -> None:
    async with on_tcp(tmp_path) as (http, file):
        headers = bearer(file.read_text().strip())
        plain = await http.get("/api/config", headers={**headers, "Accept-Encoding": "identity"})
        small = await http.get("/api/config", headers={**headers, "Accept-Encoding": "zstd"})
        assert small.headers["content-encoding"] == "zstd"
        assert small.json() == plain.json()
        assert int(small.headers["content-length"]) * 4 < int(plain.headers["content-length"])


async def test_the_local_socket_stays_plain(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        answer = await served.http.get("/api/config", headers={"Accept-Encoding": "zstd, gzip"})
        assert "content-encoding" not in answer.headers
