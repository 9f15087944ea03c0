"""A prompt is answered whole, as a stream, or later; and what cannot be answered is refused before it is taken."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import BadInput
from engine.events.types import RequestEnded
from engine.requests import Request
from tests.api.serving import LONG, Served, refused, serving
from tests.support.processes import until


async def test_the_answer_tells_what_it_cost_and_where_it_goes_on(served: Served) -> None:
    first = await served.ask("hello", id="mine")
    assert (first["request"], first["text"], first["attempts"], first["cached"]) == ("mine", "Echo: hello", 1, False)
    assert first["tokens_out"] > 0
    again = await served.ask("[[history]]", conversation=first["conversation"])
    assert again["text"].startswith("History: 2 user messages")


async def test_a_leading_slash_is_text_unless_commands_are_asked_for(served: Served) -> None:
    plain = await served.ask("/clear")
    assert plain["text"].split() == ["Echo:", "/clear"]
    cleared = await served.ask("/clear", conversation=plain["conversation"], commands=True)
    assert cleared["conversation"] != plain["conversation"]
    assert await served.refusal("POST", "/api/prompts", {"prompt": "x", "commands": "yes"}) == (
        400,
        "bad_input",
        "commands",
    )


async def test_a_stream_grows_to_the_answer(served: Served) -> None:
    events = await served.stream("[[words: 60]]")
    names = [name for name, _ in events]
    assert (names[0], names[-1], set(names[1:-1])) == ("started", "answer", {"delta"})
    answer = events[-1][1]
    assert "".join(data["text"] for name, data in events if name == "delta") == answer["text"]
    assert events[0][1] == {"session": answer["session"], "conversation": answer["conversation"]}


async def test_a_stream_that_fails_ends_with_the_envelope_of_the_error(served: Served) -> None:
    events = await served.stream("[[fault: http401_invalid_key]]")
    assert events[-1][0] == "error"
    error = events[-1][1]
    assert (error["success"], error["code"], error["kind"]) == (False, "api_401", "auth")
    assert error["remedy"]


async def test_a_failed_turn_is_told_with_its_cause(served: Served) -> None:
    response = await served.http.post("/api/prompts", json={"prompt": "[[fault: http401_invalid_key]]"})
    assert refused(response) == (502, "api_401", None)
    assert response.json()["kind"] == "auth"


async def test_who_does_not_wait_gets_the_id_at_once_and_the_end_as_an_event(served: Served) -> None:
    ends: list[RequestEnded] = []
    served.engine.bus.listen(lambda s: ends.append(s.event) if isinstance(s.event, RequestEnded) else None)
    data = await served.data("POST", "/api/prompts", {"prompt": "[[delay: 50ms]]", "id": "later", "wait": False}, 202)
    assert (data, ends) == ({"prompt": {"request": "later"}}, [])
    await until(lambda: ends)
    assert [(end.request, end.ok) for end in ends] == [("later", True)]


async def test_a_caller_who_leaves_ends_the_turn(served: Served) -> None:
    requests = served.engine.bus.state.requests
    for body in ({"prompt": LONG, "id": "left"}, {"prompt": LONG, "id": "left", "stream": True}):
        call = asyncio.create_task(served.http.post("/api/prompts", json=body))
        await until(lambda: "left" in requests and requests["left"].session)
        call.cancel()
        await asyncio.wait([call])
        await until(lambda: not requests)
    assert (await served.ask("next"))["text"] == "Echo: next"


BAD: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({}, (400, "bad_input", "prompt")),
    ({"prompt": 1}, (400, "bad_input", "prompt")),
    ({"prompt": " "}, (400, "bad_input", "prompt")),
    ({"prompt": "x", "promt": "y"}, (400, "bad_input", "promt")),
    ({"prompt": "x", "priority": "soon"}, (400, "bad_input", "priority")),
    ({"prompt": "x", "deadline": -1}, (400, "bad_input", "deadline")),
    ({"prompt": "x", "stream": "yes"}, (400, "bad_input", "stream")),
    ({"prompt": "x", "profile": "nope"}, (404, "not_found", "profile")),
    ({"prompt": "x", "conversation": "--resume"}, (400, "bad_input", "conversation")),
    ({"prompt": "x", "user": "u" * 300}, (400, "bad_input", "user")),
    ({"prompt": "x", "id": "../../evil"}, (400, "bad_input", "id")),
    ({"prompt": "x", "id": "a" * 65}, (400, "bad_input", "id")),
]


@pytest.mark.parametrize("way", [{}, {"stream": True}, {"wait": False}], ids=["whole", "stream", "later"])
async def test_a_bad_prompt_is_refused_with_its_field_before_it_is_taken(served: Served, way: dict[str, Any]) -> None:
    for body, expected in BAD:
        assert await served.refusal("POST", "/api/prompts", {**way, **body}) == expected
    assert served.engine.bus.state.totals.requests == 0


async def test_an_id_that_is_on_its_way_is_refused(served: Served) -> None:
    await served.data("POST", "/api/prompts", {"prompt": "[[delay: 5s]]", "id": "twin", "wait": False}, 202)
    for way in ({}, {"stream": True}, {"wait": False}):
        await until(lambda: "twin" in served.engine.dispatcher.active_requests)
        refusal = await served.refusal("POST", "/api/prompts", {"prompt": "x", "id": "twin", **way})
        assert refusal == (400, "bad_input", "id")


async def test_a_full_engine_says_when_to_come_back(home: Path) -> None:
    limits = ("circuit_breaker.failure_threshold=1", "circuit_breaker.timeout=60s", "retry.max_attempts=1")
    async with serving(home, *limits) as served:
        await served.refusal("POST", "/api/prompts", {"prompt": "[[fault: http500]]"})
        response = await served.http.post("/api/prompts", json={"prompt": "x"})
        assert refused(response) == (503, "overloaded", None)
        assert 50 <= int(response.headers["retry-after"]) <= 60
        rows = (await served.data("GET", "/api/breakers"))["breakers"]
        states = {row["name"]: row["state"] for row in rows}
        assert states == {"credential:default": "closed", "model:default": "open"}


async def test_an_answer_that_nobody_waited_for_is_read_back(served: Served) -> None:
    for name, prompt in (("good", "hello"), ("bad", "[[fault: http401_invalid_key]]")):
        await served.data("POST", "/api/prompts", {"prompt": prompt, "id": name, "wait": False}, 202)
        while "state" not in (found := (await served.data("GET", f"/api/prompts/{name}"))["prompt"]) or (
            found["state"] == "running"
        ):
            await asyncio.sleep(0.02)
        assert (found["id"], found["state"]) == (name, "answered" if name == "good" else "failed")
        if name == "good":
            assert (found["answer"]["request"], found["answer"]["text"]) == ("good", "Echo: hello")
        else:
            assert (found["error"]["success"], found["error"]["kind"]) == (False, "auth")
    assert await served.refusal("GET", "/api/prompts/other") == (404, "not_found", "id")


async def test_kept_answers_have_a_bound(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.tasks.kept_answers.MAX_ANSWERS", 2)
    for number in range(4):
        body = {"prompt": "hello", "id": f"p{number}", "wait": False}
        await served.data("POST", "/api/prompts", body, 202)
        while (await served.data("GET", f"/api/prompts/p{number}"))["prompt"].get("state") != "answered":
            await asyncio.sleep(0.02)
    responses = [await served.http.get(f"/api/prompts/p{number}") for number in range(4)]
    assert [response.status_code for response in responses] == [404, 404, 200, 200]


async def test_a_stream_that_nobody_waits_for_is_refused(served: Served) -> None:
    body = {"prompt": "hello", "stream": True, "wait": False}
    assert await served.refusal("POST", "/api/prompts", body) == (400, "bad_input", "stream")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user", "eve\x1b[2J"),
        ("user", "eve\u202e"),
        ("user", "u" * 257),
        ("profile", "a/b"),
        ("profile", ".."),
        ("profile", ""),
        ("cwd", "/tmp/\x1b[2J"),
        ("cwd", "/" * 5000),
    ],
)
async def test_names_are_bounded_printable_text(served: Served, field: str, value: str) -> None:
    assert await served.refusal("POST", "/api/prompts", {"prompt": "x", field: value}) == (400, "bad_input", field)
    with pytest.raises(BadInput) as refused_by_library:
        await served.engine.submit(Request(**{"id": "lib", "prompt": "x", field: value}))
    assert refused_by_library.value.field == field


@pytest.mark.parametrize("tenant", ["", "..", ".", "acme/eu", "acme\0eu", "-x", "a" * 65])
async def test_a_tenant_is_a_name(served: Served, tenant: str) -> None:
    with pytest.raises(BadInput) as caught:
        await served.engine.submit(Request(id="lib", prompt="x", tenant=tenant))
    assert caught.value.field == "tenant"
    change = {"profiles.other.tenant": tenant}
    assert await served.refusal("PATCH", "/api/config", change) == (400, "bad_settings", "profiles.other.tenant")


@pytest.mark.parametrize("key", ["claude.model", "profiles.default.model"])
async def test_a_model_is_printable(served: Served, key: str) -> None:
    for model in ("opus\x1b[2J", "m" * 257, "a\u2028b"):
        assert await served.refusal("PATCH", "/api/config", {key: model}) == (400, "bad_settings", key)
