"""The offline model against a client that is not the CLI: it must read and refuse requests as the Messages API does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.offline_model.schemas import sample
from engine.offline_model.scripted_replies import BadReplies, ScriptedReplies, read_replies
from engine.offline_model.server import OfflineModel

MODEL = "claude-sonnet-5-5"
WEATHER = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
BASH = {"name": "Bash", "input_schema": {"type": "object", "required": ["command"]}}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    replies = ScriptedReplies([(re.compile(r"Say (\w+) please"), "[[reply: $1]]")])
    async with (
        OfflineModel(replies=replies) as model,
        httpx.AsyncClient(base_url=model.url, timeout=10, trust_env=False) as connected,
    ):
        yield connected


async def create(client: httpx.AsyncClient, prompt: str | list[Any] = "hello", **fields: Any) -> httpx.Response:
    """A plain `messages.create`; a field of None is left out."""
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    body = {"model": MODEL, "max_tokens": 100, "messages": messages, **fields}
    return await client.post("/v1/messages", json={name: value for name, value in body.items() if value is not None})


def text_of(response: httpx.Response) -> str:
    return "".join(block.get("text", "") for block in response.json()["content"])


async def test_a_plain_call_without_tools_is_no_side_call(client: httpx.AsyncClient) -> None:
    assert text_of(await create(client, "[[reply: forty-two]]")) == "forty-two"
    assert text_of(await create(client, "Say yes please")) == "yes"
    assert (await create(client, "[[fault: http529]]")).status_code == 529


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": None}, "model: Field required"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": "many"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            'messages: Unexpected role "tool". Allowed roles are "user" or "assistant"',
        ),
        ({"tool_choice": {"type": "any"}}, "tool_choice: tool_choice may only be specified while providing tools"),
        (
            {"tools": [BASH], "tool_choice": {"type": "tool", "name": "Dance"}},
            "tool_choice: Tool 'Dance' not found in provided tools",
        ),
    ],
)
async def test_a_bad_request_gets_the_apis_own_400(
    client: httpx.AsyncClient, fields: dict[str, Any], message: str
) -> None:
    response = await create(client, **fields)
    body = response.json()
    assert (response.status_code, body["type"]) == (400, "error")
    assert body["error"] == {"type": "invalid_request_error", "message": message}
    assert body["request_id"] == response.headers["request-id"]


async def test_system_messages_in_the_history_are_no_prompts(client: httpx.AsyncClient) -> None:
    history = [{"role": "user", "content": "hi"}, {"role": "system", "content": "[[reply: no]]"}]
    assert text_of(await create(client, history)) == "Echo: hi"


async def test_half_a_surrogate_in_a_request_is_no_json(client: httpx.AsyncClient) -> None:
    body = b'{"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"x \\ud99c y"}]}'
    response = await client.post("/v1/messages", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("The request body is not valid JSON: ")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_scripted_half_of_a_surrogate_is_served(client: httpx.AsyncClient, stream: bool) -> None:
    prompt = r'[[tool: Read {"file_path": "/x\ud99c"}]]'
    response = await create(client, prompt, tools=[{"name": "Read"}], stream=stream)
    assert response.status_code == 200
    assert r"\ud99c" in response.text
    if not stream:
        assert json.loads(response.text)["content"][0]["input"] == {"file_path": "/x\ud99c"}


@pytest.mark.parametrize("model", ["gpt-9", "claude-nonexistent", "claude-opus-99", "some-model"])
async def test_unknown_models_are_not_found(client: httpx.AsyncClient, model: str) -> None:
    response = await create(client, model=model)
    assert response.status_code == 404
    assert response.json()["error"] == {"type": "not_found_error", "message": f"model: {model}"}


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-opus-5-5"])
async def test_known_models_answer_with_and_without_a_date(client: httpx.AsyncClient, model: str) -> None:
    assert (await create(client, model=model)).json()["model"] == model


async def test_ids_look_like_the_apis_and_differ(client: httpx.AsyncClient) -> None:
    responses = [await create(client, "one"), await create(client, "two"), await create(client, model="gpt-9")]
    ids = [response.headers["request-id"] for response in responses]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"req_01[1-9A-HJ-NP-Za-km-z]{22}", each) for each in ids)
    assert re.fullmatch(r"msg_01[1-9A-HJ-NP-Za-km-z]{22}", responses[0].json()["id"])


@pytest.mark.parametrize("stream", [False, True])
async def test_max_tokens_ends_the_answer(client: httpx.AsyncClient, stream: bool) -> None:
    response = await create(client, "[[words: 200]]", max_tokens=10, stream=stream)
    if stream:
        events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
        end = next(event for event in events if event["type"] == "message_delta")
        said = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
        found = (said, end["delta"]["stop_reason"], end["usage"]["output_tokens"])
    else:
        message = response.json()
        found = (text_of(response), message["stop_reason"], message["usage"]["output_tokens"])
    assert (len(found[0]), *found[1:]) == (40, "max_tokens", 10)


async def test_no_answer_counts_more_than_max_tokens(client: httpx.AsyncClient) -> None:
    message = (await create(client, "[[reply: four word answer here]]", max_tokens=6)).json()
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("end_turn", 6)
    assert (await create(client, "x", max_tokens=0)).json()["content"] == []


async def test_a_tool_use_that_does_not_fit_is_left_out(client: httpx.AsyncClient) -> None:
    prompt = '[[tool: Bash {"command": "echo a very long command line"}]]'
    message = (await create(client, prompt, tools=[BASH], max_tokens=3)).json()
    assert (message["content"], message["stop_reason"]) == ([], "max_tokens")


async def test_the_first_stop_sequence_ends_the_answer(client: httpx.AsyncClient) -> None:
    message = (await create(client, "[[reply: a b END c STOP d]]", stop_sequences=["STOP", "END"])).json()
    assert message["content"] == [{"type": "text", "text": "a b "}]
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize(
    ("choice", "used"),
    [
        ({"type": "auto"}, None),
        ({"type": "none"}, None),
        ({"type": "any"}, ("weather", {"city": "text"})),
        ({"type": "tool", "name": "weather"}, ("weather", {"city": "text"})),
        ({"type": "tool", "name": "Bash"}, ("Bash", {"command": "text"})),
    ],
)
async def test_tool_choice_is_honoured(
    client: httpx.AsyncClient, choice: dict[str, str], used: tuple[str, dict[str, str]] | None
) -> None:
    message = (await create(client, "hello", tools=[WEATHER, BASH], tool_choice=choice)).json()
    found = [(block["name"], block["input"]) for block in message["content"] if block["type"] == "tool_use"]
    assert found == ([used] if used else [])
    assert message["stop_reason"] == ("tool_use" if used else "end_turn")


async def test_no_tool_is_used_that_must_not_be(client: httpx.AsyncClient) -> None:
    scripted = '[[tool: Bash {"command": "ls"}]] hello'
    without = await create(client, scripted)
    forbidden = await create(client, scripted, tools=[BASH], tool_choice={"type": "none"})
    assert [text_of(without), text_of(forbidden)] == ["Echo: hello"] * 2
    forced = await create(client, scripted, tools=[BASH], tool_choice={"type": "tool", "name": "Bash"})
    assert forced.json()["content"][0]["input"] == {"command": "ls"}


SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", "b"]},
        "count": {"type": "integer", "minimum": 3},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
        "when": {"type": ["string", "null"], "format": "date"},
    },
    "required": ["kind", "count"],
    "$defs": {"tag": {"type": "string", "minLength": 6}},
}


async def test_a_schema_shapes_the_answer(client: httpx.AsyncClient) -> None:
    wanted = {"format": {"type": "json_schema", "schema": SCHEMA}}
    answer = json.loads(text_of(await create(client, "hello", output_config=wanted)))
    assert answer == {"kind": "a", "count": 3, "tags": ["textxx", "textxx"], "when": "2026-01-01"}
    scripted = await create(client, '[[reply: {"kind": "b", "count": 7}]]', output_config=wanted)
    assert json.loads(text_of(scripted)) == {"kind": "b", "count": 7}


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    node: dict[str, Any] = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert "next" in json.dumps(sample(node))
    assert sample({"allOf": [{"$ref": "#"}]}) is not None


async def test_texts_of_the_cli_are_no_prompts(client: httpx.AsyncClient) -> None:
    texts = ["the prompt", "[Image: source: /tmp/a.png]", "[structured-output-enforce] call the tool"]
    content = [{"type": "text", "text": text} for text in texts]
    assert text_of(await create(client, [{"role": "user", "content": content}])) == "Echo: the prompt"


async def test_a_notice_of_a_background_task_is_answered_as_such(client: httpx.AsyncClient) -> None:
    notice = (
        "<system-reminder>\n<task-notification>\n<summary>It ended</summary>\n</task-notification></system-reminder>"
    )
    history = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": notice},
    ]
    assert text_of(await create(client, history)) == "Noted: It ended"
    history += [{"role": "assistant", "content": "ok"}, {"role": "user", "content": "next"}]
    assert text_of(await create(client, history)) == "Echo: next"


def test_a_file_of_replies_that_cannot_be_read_says_so(tmp_path: Any) -> None:
    file = tmp_path / "replies.json"
    for text in ("nope", "[]", '{"replies": [{"prompt": "("}]}'):
        file.write_text(text)
        with pytest.raises(BadReplies, match=r"replies.json holds no scripted replies"):
            read_replies(str(file))
