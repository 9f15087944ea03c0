"""An engine on the simulator that serves its API, and a caller who takes nothing on trust."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from engine.api.server import serve
from engine.engine import Engine
from tests.support.engines import running

LONG = "[[words: 400]] [[pace: 20ms]]"
TOUCH = '[[tool: Bash {"command": "touch proof"}]]'
Json = dict[str, Any]


@dataclass
class Served:
    """The engine and a client on its local socket."""

    engine: Engine
    http: httpx.AsyncClient
    socket: Path

    async def data(self, method: str, path: str, body: Any = None, status: int = 200) -> Json:
        """The data of a success, whose envelope must be right."""
        response = await self.http.request(method, path, json=body)
        answer: Json = response.json()
        assert response.status_code == status, answer
        assert response.headers["content-type"] == "application/json"
        assert answer == {"success": True, "data": answer["data"]}
        return dict(answer["data"])

    async def refusal(self, method: str, path: str, body: Any = None, **sent: Any) -> tuple[int, str, str | None]:
        """Status, code and field of a failure, whose envelope must be right."""
        response = await self.http.request(method, path, json=body, **sent)
        return refused(response)

    async def ask(self, prompt: str, **fields: Any) -> Json:
        """The whole answer to a prompt."""
        return dict((await self.data("POST", "/api/prompts", {"prompt": prompt, **fields}))["prompt"])

    async def stream(self, prompt: str, **fields: Any) -> list[tuple[str, Any]]:
        """The events of a streamed answer, whose numbers must be right."""
        body = {"prompt": prompt, "stream": True, **fields}
        async with self.http.stream("POST", "/api/prompts", json=body) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            text = (await response.aread()).decode()
        return events_in(text)


def refused(response: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a failure with a sentence and a remedy."""
    answer = response.json()
    assert answer["success"] is False
    assert answer.keys() <= {"success", "error", "code", "kind", "field", "remedy", "retry_after", "given_up"}
    assert answer["error"]
    assert answer["remedy"]
    if answer.get("retry_after") is not None:
        assert int(response.headers["retry-after"]) >= answer["retry_after"]
    return response.status_code, answer["code"], answer.get("field")


def events_in(text: str) -> list[tuple[str, Any]]:
    """The server-sent events of a whole stream."""
    found = []
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    for number, block in enumerate(blocks, 1):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        assert fields["id"] == str(number)
        found.append((fields["event"], json.loads(fields["data"])))
    return found


@asynccontextmanager
async def serving(folder: Path, *overrides: str, owns_process: bool = False) -> AsyncIterator[Served]:
    """A started engine with its listeners open."""
    async with running(folder, *overrides, owns_process=owns_process) as engine:
        stop = await serve(engine)
        path = engine.settings.api.socket
        try:
            transport = httpx.AsyncHTTPTransport(uds=str(path))
            async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=30) as http:
                yield Served(engine, http, path)
        finally:
            await stop()


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
