"""Every resource answers in the one envelope, and every refusal names what was wrong and what helps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.operations.registry import REGISTRY
from tests.api.serving import LONG, Served, refused
from tests.support.processes import runs, until

LOOKS = {
    "/api/queue": {"queue", "quotas"},
    "/api/cache": {"cache"},
    "/api/memory": {"memory"},
    "/api/performance": {"performance"},
    "/api/workers": {"workers"},
    "/api/pool": {"pool"},
    "/api/sessions": {"sessions", "total"},
    "/api/sessions/{id}": {"session"},
    "/api/sessions/{id}/transcript": {"transcript"},
    "/api/prompts": {"prompts", "total"},
    "/api/permissions": {"permissions", "total"},
    "/api/permissions/groups": {"groups", "total"},
    "/api/permissions/grants": {"grants", "total"},
    "/api/permissions/history": {"answers", "total"},
    "/api/config": {"config", "origins"},
    "/api/config/history": {"changes", "total"},
    "/api/breakers": {"breakers", "total"},
    "/api/breakers/{name:path}": {"breaker"},
    "/api/profiles": {"profiles"},
    "/api/profiles/{name}/files": {"directory", "files", "more"},
    "/api/checkpoints": {"checkpoints"},
    "/api/errors": {"errors", "total"},
    "/api/errors/statistics": {"statistics"},
    "/api/errors/rules": {"rules"},
    "/api/recoveries": {"recoveries", "total", "strategies", "cap"},
    "/api/alerts": {"alerts", "total", "silences"},
    "/api/alerts/rules": {"rules"},
    "/api/conversations": {"conversations", "total"},
    "/api/recordings": {"recordings", "total"},
    "/api/presets": {"presets", "total"},
    "/api/profiler": {"profiler"},
    "/api/profiler/files": {"files"},
}
ACTS = {
    "/api/prompts/{id}": ("DELETE", 404),
    "/api/config/check": ("POST", 400),
    "/api/permissions/{id}": ("POST", 400),
    "/api/permissions/{id}/judge": ("POST", 400),
    "/api/permissions/groups/{key}": ("POST", 400),
    "/api/permissions/grants/{id}": ("DELETE", 404),
    "/api/sessions/{id}/interrupt": ("POST", 404),
    "/api/sessions/{id}/stop": ("POST", 404),
    "/api/sessions/{id}/kill": ("POST", 404),
    "/api/sessions/{id}/recycle": ("POST", 404),
    "/api/sessions/{id}/hibernate": ("POST", 404),
    "/api/pool/scale": ("POST", 400),
    "/api/pool/autoscale": ("POST", 400),
    "/api/queue/backpressure": ("POST", 400),
    "/api/cache/clear": ("POST", 200),
    "/api/memory/optimize": ("POST", 200),
    "/api/memory/recycle": ("POST", 200),
    "/api/workers/cleanup": ("POST", 200),
    "/api/cache/delete": ("POST", 400),
    "/api/cache/prewarm": ("POST", 400),
    "/api/profiles/{name}/drain": ("POST", 404),
    "/api/profiles/{name}/resume": ("POST", 404),
    "/api/config": ("PATCH", 400),
    "/api/config/undo": ("POST", 400),
    "/api/config/save": ("POST", 400),
    "/api/checkpoints/{id}": ("DELETE", 404),
    "/api/checkpoints/{id}/resume": ("POST", 404),
    "/api/errors/{id}/class": ("POST", 400),
    "/api/conversations/{id}": ("DELETE", 404),
    "/api/conversations/{id}/fork": ("POST", 404),
    "/api/conversations/{id}/messages": ("GET", 404),
    "/api/conversations/{id}/terminal": ("DELETE", 404),
    "/api/conversations/{id}/prompts": ("GET", 404),
    "/api/conversations/{id}/wake": ("POST", 404),
    "/api/sessions/{id}/diff": ("GET", 404),
    "/api/sessions/{id}/export": ("GET", 404),
    "/api/sessions/{id}/note": ("POST", 400),
    "/api/sessions/{id}/rewind": ("POST", 404),
    "/api/sessions/{id}/side-question": ("POST", 400),
    "/api/sessions/{id}/steer": ("POST", 400),
    "/api/classify": ("POST", 400),
    "/api/presets/{name}": ("DELETE", 404),
    "/api/profiler/report": ("GET", 404),
    "/api/profiler/files/{name}": ("GET", 404),
    "/api/profiler/requests/{id}": ("GET", 404),
    "/api/profiler/start": ("POST", 200),
    "/api/profiler/stop": ("POST", 200),
    "/api/presets/{name}/apply": ("POST", 404),
    "/api/errors/rules/{id}": ("DELETE", 404),
    "/api/alerts/test": ("POST", 400),
    "/api/alerts/{name}/silence": ("DELETE", 404),
}
"""With an empty body, for an unknown session."""
BREAKER = "credential:default"
PAGED = (
    "/api/sessions",
    "/api/permissions",
    "/api/permissions/groups",
    "/api/permissions/grants",
    "/api/permissions/history",
    "/api/config/history",
    "/api/breakers",
)


async def test_every_resource_has_its_name_in_the_envelope(served: Served) -> None:
    session = (await served.ask("hello"))["session"]
    for path, names in LOOKS.items():
        assert (
            await served.data(
                "GET", path.replace("{id}", session).replace("{name:path}", BREAKER).replace("{name}", "default")
            )
        ).keys() == names
    for path, (method, status) in ACTS.items():
        if status == 200:  # it needs to be told nothing
            await served.data(method, path)
            continue
        assert (await served.refusal(method, path.replace("{id}", "nobody").replace("{name}", "nobody")))[0] == status
    assert {operation.path for operation in REGISTRY.values()} == LOOKS.keys() | ACTS.keys()


async def test_what_the_sessions_resource_tells_is_so(served: Served) -> None:
    answer = await served.ask("hello", user="ada")
    (row,) = (await served.data("GET", "/api/sessions"))["sessions"]
    assert (row["id"], row["conversation"], row["user"], row["turns"]) == (
        answer["session"],
        answer["conversation"],
        "ada",
        1,
    )
    assert runs(row["pid"])
    assert (await served.data("GET", f"/api/sessions/{row['id']}"))["session"] == row
    page = (await served.data("GET", f"/api/sessions/{row['id']}/transcript"))["transcript"]
    assert [entry["text"] for entry in page["entries"]] == ["hello", "Echo: hello"]
    assert (await served.data("GET", "/api/pool"))["pool"]["idle"] == 1


async def test_an_interrupt_ends_the_turn_and_not_the_session(served: Served) -> None:
    await served.data("POST", "/api/prompts", {"prompt": LONG, "id": "long", "wait": False}, 202)
    state = served.engine.bus.state
    await until(lambda: "long" in state.requests and state.requests["long"].session)
    session = state.requests["long"].session
    path = f"/api/sessions/{session}/interrupt"
    await until(lambda: served.engine.pool.session(session).busy)
    assert await served.data("POST", path) == {"interrupted": True}
    await until(lambda: "long" not in state.requests)
    assert await served.data("POST", path) == {"interrupted": False}
    assert (await served.ask("still there"))["session"] == session


@pytest.mark.parametrize(("verb", "done", "how"), [("stop", "stopped", "eof"), ("kill", "killed", "sigkill")])
async def test_a_session_is_ended_with_its_process(served: Served, verb: str, done: str, how: str) -> None:
    session = (await served.ask("hello"))["session"]
    pid = served.engine.pool.session(session).pid
    assert await served.data("POST", f"/api/sessions/{session}/{verb}") == {done: session, "requests": []}
    assert not runs(pid)
    row = (await served.data("GET", f"/api/sessions/{session}"))["session"]
    assert row["reason"] == how
    assert (await served.data("GET", "/api/sessions"))["sessions"] == []
    assert await served.refusal("POST", f"/api/sessions/{session}/{verb}") == (404, "not_found", "session")


@pytest.mark.parametrize("path", PAGED)
async def test_a_list_is_paged_and_refuses_bad_bounds(served: Served, path: str) -> None:
    await served.ask("hello")
    assert len(await served.data("GET", f"{path}?limit=1&offset=1000000")) == 2
    for query, field in (("limit=0", "limit"), ("limit=x", "limit"), ("limit=1001", "limit"), ("offset=-1", "offset")):
        assert await served.refusal("GET", f"{path}?{query}") == (400, "bad_input", field)


async def test_pages_join_to_the_whole_list(served: Served) -> None:
    for size in (11, 12, 13):
        await served.data("PATCH", "/api/config", {"session_pool.max_size": size})
    whole = await served.data("GET", "/api/config/history")
    pages = [await served.data("GET", f"/api/config/history?limit=2&offset={offset}") for offset in (0, 2, 4)]
    assert [len(page["changes"]) for page in pages] == [2, 1, 0]
    assert [change for page in pages for change in page["changes"]] == whole["changes"]
    assert {page["total"] for page in (whole, *pages)} == {3}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/nothing", (404, "http_404", None)),
        ("GET", "/", (404, "http_404", None)),
        ("DELETE", "/api/pool", (405, "http_405", None)),
        ("PUT", "/api/prompts", (405, "http_405", None)),
        ("GET", "/api/sessions/nobody", (404, "not_found", "id")),
        ("GET", "/api/sessions/nobody/transcript", (404, "not_found", "id")),
    ],
)
async def test_what_is_not_there_is_told(served: Served, method: str, path: str, expected: tuple[Any, ...]) -> None:
    assert await served.refusal(method, path) == expected


async def test_a_wrong_method_is_told_the_right_one(served: Served) -> None:
    assert (await served.http.delete("/api/pool/scale")).headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"{", "application/json", (400, "bad_input", "body")),
        (b"[" * 100_000, "application/json", (400, "bad_input", "body")),
        (b"\xff", "application/json", (400, "bad_input", "body")),
        (b"[1]", "application/json; charset=utf-8", (400, "bad_input", "body")),
        (b'{"prompt": "x"}', "text/plain", (415, "not_json", "body")),
        (b"prompt=x", "application/x-www-form-urlencoded", (415, "not_json", "body")),
        (b" " * (10 * 1024 * 1024 + 1), "application/json", (413, "too_large", "body")),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    served: Served, content: bytes, kind: str, expected: tuple[Any, ...]
) -> None:
    response = await served.http.post("/api/prompts", content=content, headers={"Content-Type": kind})
    assert refused(response) == expected
    assert served.engine.bus.state.totals.requests == 0


async def test_a_read_only_engine_refuses_everything_that_acts(served: Served) -> None:
    session = (await served.ask("hello"))["session"]
    settings = served.engine.settings
    read_only = settings.engine.model_copy(update={"read_only": True})
    served.engine.live._current = settings.model_copy(update={"engine": read_only})
    bodies: dict[str, dict[str, Any]] = {
        "/api/prompts": {"prompt": "x"},
        "/api/permissions/{id}": {"allowed": True},
        "/api/permissions/groups/{key}": {"allowed": True},
        "/api/permissions/{id}/judge": {"edited": {"command": "ls"}},
        "/api/sessions/{id}/side-question": {"question": "what?"},
        "/api/sessions/{id}/note": {"text": "x"},
        "/api/sessions/{id}/steer": {"prompt": "x"},
        "/api/pool/scale": {"target": 1},
        "/api/pool/autoscale": {"enabled": True},
        "/api/queue/backpressure": {"load": 0.0},
        "/api/cache/delete": {"prompt": "x"},
        "/api/cache/prewarm": {"prompts": ["x"]},
        "/api/config": {"a": 1},
        "/api/errors/{id}/class": {"type": "network"},
        "/api/alerts/test": {"channel": "console"},
    }
    for path, (method, _) in ACTS.items():
        if method == "GET" or path in {"/api/config/check", "/api/classify"}:
            continue  # it changes nothing
        refusal = await served.refusal(
            method, path.replace("{id}", session).replace("{name}", "night"), bodies.get(path)
        )
        assert refusal == (403, "forbidden", None), path
    assert served.engine.pool.session(session).usable


async def test_a_bug_is_told_in_the_envelope_and_the_engine_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(served.engine.pool), "statistics", lambda _pool: 1 // 0)
    assert await served.refusal("GET", "/api/pool") == (500, "internal", None)
    monkeypatch.undo()
    assert (await served.data("GET", "/api/pool"))["pool"]["size"] == 0


async def test_a_request_is_listed_and_cancelled_and_its_caller_told_by_whom(served: Served) -> None:
    asked = asyncio.create_task(served.http.post("/api/prompts", json={"prompt": LONG, "id": "long"}))
    await until(
        lambda: served.engine.bus.state.requests.get("long") and served.engine.dispatcher.active_requests["long"].text
    )
    (row,) = (await served.data("GET", "/api/prompts"))["prompts"]
    assert (row["id"], row["attempts"]) == ("long", 1)
    assert await served.data("DELETE", "/api/prompts/long") == {"cancelled": "long"}
    status, code, _ = refused(await asked)
    assert (status, code) == (409, "interrupted")
    assert (await served.data("GET", "/api/prompts"))["total"] == 0
    totals = served.engine.bus.state.totals
    assert (totals.cancelled, totals.failed) == (1, 0)
    assert (await served.ask("still well"))["text"] == "Echo: still well"
