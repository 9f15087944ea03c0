"""The offline model over a real socket, with the real CLI left out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.base.errors import BadInput
from engine.offline_model.faults import FAULTS, FaultShape
from engine.offline_model.server import OfflineModel

MODEL = "claude-opus-5-5"


@pytest.fixture
async def model() -> AsyncIterator[OfflineModel]:
    async with OfflineModel() as running:
        yield running


@pytest.fixture
async def client(model: OfflineModel) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=model.url, timeout=10, trust_env=False) as connected:
        yield connected


def asking(*texts: str, stream: bool = False, session: str = "s") -> dict[str, Any]:
    """A main request: user texts with an answer between them."""
    messages: list[dict[str, Any]] = []
    for text in texts:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}]
    body = {
        "model": MODEL,
        "stream": stream,
        "tools": [{"name": "Bash"}],
        "messages": messages[:-1],
        "max_tokens": 4096,
    }
    return {"url": "/v1/messages", "json": body, "headers": {"x-claude-code-session-id": session}}


def text_of(response: httpx.Response) -> str:
    return "".join(block.get("text", "") for block in response.json()["content"])


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]


async def test_a_whole_reply(client: httpx.AsyncClient) -> None:
    response = await client.post(**asking("hello"))
    assert response.status_code == 200
    assert text_of(response) == "Echo: hello"


async def test_a_streamed_reply_has_several_deltas_in_api_order(client: httpx.AsyncClient) -> None:
    events = events_of(await client.post(**asking("hello to you", stream=True)))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    deltas = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert len(deltas) == 4
    assert "".join(deltas) == "Echo: hello to you"


async def test_the_same_request_gives_the_same_bytes(client: httpx.AsyncClient) -> None:
    first = await client.post(**asking("[[words: 40]]", stream=True))
    second = await client.post(**asking("[[words: 40]]", stream=True))
    assert first.content == second.content


async def test_injected_texts_are_not_prompts(client: httpx.AsyncClient) -> None:
    request = asking("x")
    reminder = {"type": "text", "text": "<system-reminder>[[reply: no]]</system-reminder>"}
    request["json"]["messages"] = [{"role": "user", "content": [reminder, {"type": "text", "text": "yes"}, reminder]}]
    assert text_of(await client.post(**request)) == "Echo: yes"


async def test_tools_go_round_by_round(client: httpx.AsyncClient) -> None:
    request = asking('[[tool: Bash {"command": "a"}]] [[tool: Read {"file_path": "b"}]] [[think: hm]]')
    messages = request["json"]["messages"]
    used = []
    for _ in range(2):
        reply = (await client.post(**request)).json()
        use = reply["content"][-1]
        assert reply["stop_reason"] == "tool_use"
        used.append((use["name"], use["input"]))
        messages.append({"role": "assistant", "content": reply["content"]})
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": [{"type": "text", "text": "done"}]}
        messages.append({"role": "user", "content": [result]})
    assert used == [("Bash", {"command": "a"}), ("Read", {"file_path": "b"})]
    assert len({message["content"][-1]["id"] for message in messages[1::2]}) == 2
    assert text_of(await client.post(**request)) == "Tool said: done"


async def test_history_counts_prompts(client: httpx.AsyncClient) -> None:
    two = text_of(await client.post(**asking("a", "[[history]]")))
    assert two.startswith("History: 2 user messages, digest ")
    assert text_of(await client.post(**asking("b", "[[history]]"))) != two
    assert text_of(await client.post(**asking("[[history]]"))).startswith("History: 1 ")


async def test_delay_and_pace(client: httpx.AsyncClient) -> None:
    began = time.monotonic()
    async with client.stream("POST", **asking("[[delay: 0.1s]] [[pace: 50ms]] [[words: 4]]", stream=True)) as response:
        arrived = [time.monotonic() async for _ in response.aiter_raw()]
    assert arrived[0] - began >= 0.1
    assert arrived[-1] - arrived[0] >= 0.1


async def test_a_counted_fault_ends(client: httpx.AsyncClient, model: OfflineModel) -> None:
    request = asking("[[fault: http529 x2]]")
    assert [(await client.post(**request)).status_code for _ in range(3)] == [529, 529, 200]
    elsewhere = asking("[[fault: http529 x2]]", session="other")
    assert (await client.post(**elsewhere)).status_code == 200
    assert (await client.post(**asking("again [[fault: http529 x2]]"))).status_code == 529
    assert [record.status for record in model.requests] == [529, 529, 200, 200, 529]


async def test_headers_of_a_fault_are_sent(client: httpx.AsyncClient) -> None:
    response = await client.post(**asking("[[fault: http429_retry_after_2]]"))
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert response.json()["error"]["type"] == "rate_limit_error"


async def test_an_unknown_fault_is_a_bad_request(client: httpx.AsyncClient) -> None:
    response = await client.post(**asking("[[fault: http999]]"))
    assert response.status_code == 400
    assert "There is no fault 'http999'." in response.json()["error"]["message"]


async def test_a_window_hits_turns_and_spares_side_calls(client: httpx.AsyncClient, model: OfflineModel) -> None:
    model.fault_all("http529", count=2)
    side = asking("title please")
    del side["json"]["tools"]
    assert (await client.post(**side)).status_code == 200
    assert [(await client.post(**asking("a"))).status_code for _ in range(3)] == [529, 529, 200]
    model.fault_all("http500")
    assert (await client.post(**asking("a"))).status_code == 500
    model.clear_faults()
    assert (await client.post(**asking("a"))).status_code == 200
    with pytest.raises(BadInput):
        model.fault_all("nonsense")


async def test_titles_are_json(client: httpx.AsyncClient) -> None:
    side = asking("title please", stream=True)
    del side["json"]["tools"]
    side["json"]["output_config"] = {"format": {"type": "json_schema", "schema": {"properties": {"title": {}}}}}
    events = events_of(await client.post(**side))
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert json.loads(text) == {"title": "Offline conversation"}


async def test_the_other_paths(client: httpx.AsyncClient) -> None:
    assert (await client.head("/")).status_code == 200
    assert (await client.get("/")).status_code == 200
    counted = await client.post("/v1/messages/count_tokens", json={"messages": []})
    assert counted.json()["input_tokens"] > 0
    missing = await client.get("/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": 3}'])
async def test_a_body_that_cannot_be_read(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/messages", content=body)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    ],
)
async def test_http_that_is_wrong_or_too_big(model: OfflineModel, head: bytes, status: int) -> None:
    reader, writer = await asyncio.open_connection(model.host, model.port)
    writer.write(head)
    first = await asyncio.wait_for(reader.readline(), 5)
    assert int(first.split()[1]) == status
    writer.close()


SILENT = {FaultShape.NO_BYTES, FaultShape.STALL_MID, FaultShape.PINGS}
BROKEN = [
    fault.name
    for fault in FAULTS.values()
    if fault.how not in SILENT | {FaultShape.ERROR, FaultShape.HEADERS, FaultShape.REFUSAL}
]


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_stream_never_ends_well(model: OfflineModel, name: str) -> None:
    async with httpx.AsyncClient(base_url=model.url, timeout=10, trust_env=False) as client:
        try:
            response = await client.post(**asking(f"a b c d e f [[fault: {name}]]", stream=True))
        except httpx.TransportError:
            return
    assert FAULTS[name].how.name.startswith("SSE_")
    assert "message_stop" not in response.text


@pytest.mark.parametrize("name", ["first_byte_never_api_timeout_5s", "stall_mid_default_40s", "ping_only_35s"])
async def test_a_silent_stream_is_silent_and_aclose_ends_it(name: str) -> None:
    model = OfflineModel()
    await model.start()
    async with httpx.AsyncClient(base_url=model.url, timeout=0.3, trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(**asking(f"[[fault: {name}]]", stream=True))
    async with httpx.AsyncClient(base_url=model.url, timeout=10, trust_env=False) as client:
        waiting = asyncio.create_task(client.post(**asking(f"[[fault: {name}]]", stream=True)))
        while len(model.requests) < 2:
            await asyncio.wait({waiting}, timeout=0.01)
        await model.aclose()
        with pytest.raises(httpx.TransportError):
            await waiting


async def test_it_starts_again_on_its_port() -> None:
    model = OfflineModel()
    await model.start()
    port = model.port
    await model.aclose()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(model.host, port)
    await model.start()
    assert model.port == port
    await model.aclose()
