"""Whoever follows a stream when the engine stops gets a last event, not a cut line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import unix_connect

from engine.api.server import serve
from tests.api.serving import events_in
from tests.api.test_event_stream import subscribe
from tests.support.engines import running
from tests.support.processes import until

LONG = "[[words: 4000]] [[pace: 20ms]]"


async def test_an_event_stream_says_that_it_ends(home: Path) -> None:
    async with running(home) as engine:
        stop = await serve(engine)
        async with unix_connect(str(engine.settings.api.socket), "ws://engine/ws", max_size=None) as websocket:
            await subscribe(websocket)
            stopping = asyncio.create_task(stop())
            messages = [json.loads(message) async for message in websocket]
        await stopping
    assert messages[-1] == {"type": "end", "reason": "the engine stops"}
    assert websocket.close_code == 1001


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_is_not_there_in_time_ends_with_an_error(home: Path, stream: bool) -> None:
    async with running(home) as engine:
        stop = await serve(engine)
        transport = httpx.AsyncHTTPTransport(uds=str(engine.settings.api.socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=30) as http:
            body = {"prompt": LONG, "stream": stream}
            asking = asyncio.create_task(http.post("/api/prompts", json=body))
            await until(lambda: engine.bus.state.pool is not None and engine.statistics().active == 1)
            await stop()
            response = await asking
    if stream:
        name, error = events_in(response.text)[-1]
        assert (name, error.get("code")) == ("error", "engine_stopped"), error
    else:
        assert (response.status_code, response.json()["code"]) == (503, "engine_stopped")
