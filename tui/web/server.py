"""The console in a browser: a page with a terminal on loopback, and behind each tab a console process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from engine.base.errors import BadInput
from tui.web.gate import HOSTS, WebGate
from tui.web.tab import Tab

MAX_TABS = 8
"""Consoles at once, of about 60 MB each; a further tab is closed with the reason."""
MAX_WORD = 1 << 20
"""Bytes of one word of the page, a paste at most."""
FONT = (8, 16, 40)
"""Smallest, usual and largest size of the font, in pixels: `?fontsize=20`."""
_GRACE_S = 10
_TRY_AGAIN_LATER = 1013


class WebConsole:
    """Owner of the listener and its tabs, from `start` until `stop`. `argv` opens a console on the engine."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], statics: Path, port: int = 0) -> None:
        self._argv = argv
        self._environ = environ
        self._statics = statics
        self._wanted = port
        self._token = secrets.token_urlsafe(32)
        self._page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
        self._behaviour = Path(__file__).with_name("page.js").read_bytes()
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.port = 0
        self._root = ""
        self.tabs = 0

    @property
    def url(self) -> str:
        """The address that opens the door; the token in it works once."""
        return f"http://{HOSTS[0]}:{self.port}/?token={self._token}"

    def start(self) -> None:
        """Listen on loopback. Raises BadInput when the port cannot be had."""
        listener = _listener(self._wanted)
        self.port = listener.getsockname()[1]
        gate = WebGate(self._application(), self._token, self.port)
        self._root = gate.root
        config = uvicorn.Config(
            gate,
            ws="websockets-sansio",
            ws_max_size=MAX_WORD,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]), name="web")

    async def stop(self) -> None:
        """Close the listener and every tab; their processes are gone afterwards."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait([self._serving])

    def _application(self) -> Starlette:
        parts = [
            Mount(f"/static/{part}", StaticFiles(directory=self._statics / part)) for part in ("js", "css", "fonts")
        ]
        own = Route("/static/page.js", self._script)
        return Starlette(routes=[Route("/", self._index), own, WebSocketRoute("/ws", self._tab), *parts])

    async def _script(self, _request: Request) -> Response:
        return Response(self._behaviour, media_type="text/javascript")

    async def _index(self, request: Request) -> Response:
        size = request.query_params.get("fontsize", "")
        wanted = min(FONT[2], max(FONT[0], int(size))) if size.isdecimal() and len(size) < 4 else FONT[1]
        # The gate let only our own names through, so that this one needs no escaping.
        page = self._page.replace("{{host}}", request.headers["host"]).replace("{{root}}", self._root)
        return HTMLResponse(page.replace("{{font_size}}", str(wanted)))

    async def _tab(self, websocket: WebSocket) -> None:
        await websocket.accept()
        if self.tabs >= MAX_TABS:
            await websocket.close(_TRY_AGAIN_LATER, f"There are {MAX_TABS} consoles open already.")
            return
        self.tabs += 1
        try:
            columns, lines = (_number(websocket, side, usual) for side, usual in (("width", 80), ("height", 24)))
            ending = await Tab(self._argv, self._environ, _Wire(websocket)).run(columns, lines)
        finally:
            self.tabs -= 1
        if websocket.client_state is WebSocketState.CONNECTED:
            await websocket.close(reason=ending)


class _Wire:
    """A browser's WebSocket as a tab wants it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str | None:
        while (message := await self._websocket.receive())["type"] == "websocket.receive":
            if message.get("text") is not None:
                return str(message["text"])
        return None

    async def send(self, data: bytes | str) -> None:
        try:
            if isinstance(data, bytes):
                await self._websocket.send_bytes(data)
            else:
                await self._websocket.send_text(data)
        except (WebSocketDisconnect, RuntimeError) as gone:
            raise BrokenPipeError("the browser has gone") from gone


def browser_terminal() -> Path:
    """The files of the terminal that runs in the page, from textual-serve. Raises BadInput where it is missing."""
    found = importlib.util.find_spec("textual_serve")
    folder = Path(next(iter(found.submodule_search_locations or ["/"]))) / "static" if found is not None else None
    if folder is None or not (folder / "js" / "textual.js").is_file():
        raise BadInput(
            "The console in a browser needs textual-serve.", remedy="Install it: pip install 'quarterdeck[web]'"
        )
    return folder


def _number(websocket: WebSocket, name: str, usual: int) -> int:
    text = websocket.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 5 else usual


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server((HOSTS[0], port))
    except OSError as error:
        reason = (error.strerror or "").partition(" (while")[0]
        sentence = f"{HOSTS[0]}:{port} cannot be listened on: {reason}."
        raise BadInput(sentence, field="port", remedy="Choose another --port, or none for a free one.") from error
