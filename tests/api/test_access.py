"""Over TCP nobody comes in without the token; the local socket is its owner's alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from engine.api.access import token_in
from engine.api.server import serve
from engine.base.errors import BadInput
from engine.engine import Engine
from tests.api.serving import free_port, refused, serving
from tests.support.engines import loaded

BROWSER = {"Origin": "https://evil.example", "Host": "127.0.0.1", "Sec-Fetch-Site": "cross-site"}


@asynccontextmanager
async def on_tcp(folder: Path, *overrides: str) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """A caller without a token, and the file that holds it."""
    port = free_port()
    async with (
        serving(folder, f"api.port={port}", f"api.token_file={folder / 'token'}", *overrides),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http,
    ):
        yield http, folder / "token"


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


async def test_without_the_token_only_the_pulse_is_told(home: Path) -> None:
    async with on_tcp(home) as (http, file):
        token = file.read_text().strip()
        wrong = [
            {},
            {"Authorization": "Bearer"},
            bearer("wrong"),
            bearer(token[:-1]),
            {"Authorization": f"Basic {token}"},
        ]
        for path in (
            "/api/pool",
            "/api/config",
            "/metrics",
            "/readyz",
            "/healthz/../api/pool",
            "//api/pool",
            "/nothing",
        ):
            for headers in wrong:
                response = await http.get(path, headers=headers)
                assert refused(response) == (401, "token_required", None), (path, headers)
                assert token not in response.text
        assert refused(await http.post("/api/prompts", json={"prompt": "x"}))[0] == 401
        assert (await http.get("/healthz")).status_code == 200


async def test_with_the_token_everything_is_served(home: Path) -> None:
    async with on_tcp(home) as (http, file):
        http.headers = httpx.Headers(bearer(file.read_text().strip()))
        answer = await http.post("/api/prompts", json={"prompt": "hello"})
        assert answer.json()["data"]["prompt"]["text"] == "Echo: hello"
        assert (await http.get("/metrics")).status_code == 200


async def test_the_event_stream_needs_the_token_too(home: Path) -> None:
    async with on_tcp(home) as (http, file):
        url = f"ws://127.0.0.1:{http.base_url.port}/ws"
        for headers in ({}, bearer("wrong"), BROWSER):
            async with connect(url, additional_headers=headers) as websocket:
                with pytest.raises(ConnectionClosed) as caught:
                    await websocket.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4401
        async with connect(url, additional_headers=bearer(file.read_text().strip())) as websocket:
            assert json.loads(await websocket.recv())["type"] == "hello"


async def test_a_page_in_a_browser_cannot_drive_the_engine(home: Path) -> None:
    """It cannot know the token, and no answer invites it to send one."""
    async with on_tcp(home) as (http, file):
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        simple = {"Content-Type": "text/plain"}
        cookie = {"Cookie": f"token={file.read_text().strip()}"}
        tries = [
            await http.options("/api/prompts", headers={**BROWSER, **asks}),
            await http.post("/api/prompts", content=b'{"prompt": "x"}', headers={**BROWSER, **simple, **cookie}),
            await http.get(f"/api/pool?token={file.read_text().strip()}", headers=BROWSER),
            await http.get("/healthz", headers=BROWSER),
        ]
        assert [response.status_code for response in tries] == [401, 401, 401, 200]
        for response in tries:
            assert not [name for name in response.headers if name.startswith("access-control")]
            assert "set-cookie" not in response.headers


async def test_the_token_and_the_socket_are_their_owners_alone(home: Path) -> None:
    paths = [home / "token", home / "run", home / "run/engine.sock", home / "state"]
    before = os.umask(0)
    try:
        async with on_tcp(home, f"api.socket={home / 'run/engine.sock'}"):
            modes = [stat.filemode(path.stat().st_mode) for path in paths]
    finally:
        os.umask(before)
    assert modes == ["-rw-------", "drwx------", "srw-------", "drwx------"]


async def test_the_token_outlives_a_restart(home: Path) -> None:
    tokens = set()
    for _ in range(2):
        async with on_tcp(home) as (_http, file):
            tokens.add(file.read_text())
    (token,) = tokens
    assert len(token.strip()) >= 43


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (b"", 0o600, "holds no token"),
        (b"\n", 0o600, "holds no token"),
        (b"short", 0o600, "holds no token"),
        (b"\xff" * 40, 0o600, "not text"),
        (b"t" * 43, 0o644, "can be read by others"),
    ],
)
async def test_a_token_file_that_keeps_no_secret_is_refused(
    home: Path, content: bytes, mode: int, sentence: str
) -> None:
    file = home / "token"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(BadInput, match=sentence) as caught:
        token_in(file)
    assert (caught.value.field, bool(caught.value.remedy)) == ("api.token_file", True)
    engine = Engine(loaded(home, f"api.port={free_port()}", f"api.token_file={file}"))
    with pytest.raises(BadInput):
        await serve(engine)
    assert not (home / "engine.sock").exists()


async def test_a_token_file_that_cannot_be_made_is_refused(home: Path) -> None:
    for path in (home, Path("/proc/nowhere/token")):
        with pytest.raises(BadInput) as caught:
            token_in(path)
        assert caught.value.field == "api.token_file"
