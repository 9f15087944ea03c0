"""Settings over the API: shown without secrets, changed all or none, undone, and refused with the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import Served, refused, serving


async def test_a_change_is_live_in_history_and_undone(served: Served) -> None:
    size = served.engine.settings.session_pool.max_size
    change = (await served.data("PATCH", "/api/config", {"session_pool.max_size": 20, "retry.max_attempts": 7}))[
        "change"
    ]
    assert change["changes"]["session_pool.max_size"] == [size, 20]
    assert (await served.data("GET", "/api/pool"))["pool"]["max_size"] == 20
    shown = await served.data("GET", "/api/config")
    assert shown["config"]["retry.max_attempts"] == 7
    assert shown["origins"]["retry.max_attempts"] == f"live by {change['who']}"

    undone = (await served.data("POST", "/api/config/undo"))["change"]
    assert (undone["undoes"], undone["changes"]["session_pool.max_size"]) == (change["number"], [20, size])
    assert (await served.data("GET", "/api/pool"))["pool"]["max_size"] == size
    history = (await served.data("GET", "/api/config/history"))["changes"]
    assert [entry["number"] for entry in history] == [change["number"], undone["number"]]
    assert await served.refusal("POST", "/api/config/undo") == (400, "bad_input", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"session_pool.max_size": 0}, "session_pool.max_size"),
        ({"session_pool.max_size": "many"}, "session_pool.max_size"),
        ({"session_pool.max_sise": 5}, "session_pool.max_sise"),
        ({"session_pool": 5}, "session_pool"),
        ({"session_pool.min_size": 50}, "session_pool.min_size"),
        ({"retry.max_attempts": 2, "queue.max_waiting": -1}, "queue.max_waiting"),
        ({"engine.read_only": True}, "engine.read_only"),
    ],
)
async def test_a_bad_change_names_its_field_and_changes_nothing(
    served: Served, body: dict[str, Any], field: str
) -> None:
    before = await served.data("GET", "/api/config")
    assert await served.refusal("PATCH", "/api/config", body) == (400, "bad_settings", field)
    assert await served.data("GET", "/api/config") == before


async def test_values_are_checked_and_nothing_is_changed(served: Served) -> None:
    before = await served.data("GET", "/api/config")
    assert await served.data("POST", "/api/config/check", {"session_pool.max_size": 20}) == {"ok": True}
    refusal = await served.refusal("POST", "/api/config/check", {"session_pool.max_size": "many"})
    assert refusal == (400, "bad_settings", "session_pool.max_size")
    assert await served.data("GET", "/api/config") == before


async def test_a_misspelt_key_is_told_the_nearest(served: Served) -> None:
    response = await served.http.patch("/api/config", json={"session_pool.max_sise": 5})
    assert refused(response)[0] == 400
    assert "session_pool.max_size" in response.json()["error"]


async def test_no_secret_leaves_the_engine(home: Path) -> None:
    async with serving(home, "credential.api_key=sk-secret-1", "profiles.ci.environment.TOKEN=secret-2") as served:
        await served.data("PATCH", "/api/config", {"credential.api_key": "sk-secret-3"})
        for path in ("/api/config", "/api/config/history", "/metrics", "/api/pool"):
            assert "secret-" not in (await served.http.get(path)).text
        refusal = await served.http.patch("/api/config", json={"security.encryption_key": "secret-4"})
        assert refused(refusal)[0] == 400
        assert "secret-" not in refusal.text
