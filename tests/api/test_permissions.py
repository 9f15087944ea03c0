"""A permission is asked for, listed, answered once, and obeyed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import TOUCH, Json, Served, serving
from tests.support.processes import until


async def asked(served: Served) -> tuple[Json, asyncio.Task[Json]]:
    """The question of a turn that waits for it."""
    turn = asyncio.create_task(served.ask(TOUCH))
    await until(lambda: served.engine.bus.state.permissions)
    (row,) = (await served.data("GET", "/api/permissions"))["permissions"]
    return row, turn


def proof(served: Served) -> bool:
    """Whether the tool was used."""
    return any(served.engine.settings.workspaces.glob("default/default/*/proof"))


async def test_an_allowed_tool_is_used(served: Served) -> None:
    row, turn = await asked(served)
    assert (row["tool"], "touch proof" in row["summary"]) == ("Bash", True)
    path = f"/api/permissions/{row['id']}"
    told = (await served.data("POST", path, {"allowed": True}))["permission"]
    assert told == {"id": row["id"], "allowed": True, "grants": []}
    assert ((await turn)["denials"], proof(served)) == (0, True)
    assert (await served.data("GET", "/api/permissions"))["permissions"] == []
    assert await served.refusal("POST", path, {"allowed": False}) == (404, "not_found", "permission")


async def test_a_denied_tool_is_not_used_and_the_agent_hears_why(served: Served) -> None:
    row, turn = await asked(served)
    await served.data("POST", f"/api/permissions/{row['id']}", {"allowed": False, "message": "not today"})
    answer = await turn
    assert (answer["denials"], "not today" in answer["text"], proof(served)) == (1, True, False)


async def test_a_bad_answer_leaves_the_question_open(served: Served) -> None:
    row, turn = await asked(served)
    bad: list[tuple[Any, str]] = [
        ({}, "allowed"),
        ({"allowed": "yes"}, "allowed"),
        ({"allowed": True, "scope": "world"}, "scope"),
        ({"allowed": False, "scope": "profile"}, "scope"),
        ({"allowed": True, "expires": "1h"}, "expires"),
        ({"allowed": True, "scope": "profile", "expires": "2001-01-01"}, "expires"),
        ({"allowed": True, "scope": "profile", "expires": []}, "expires"),
        ({"allowed": True, "until": "1h"}, "until"),
    ]
    for body, field in bad:
        assert await served.refusal("POST", f"/api/permissions/{row['id']}", body) == (400, "bad_input", field)
    assert len(served.engine.bus.state.permissions) == 1
    await served.data("POST", f"/api/permissions/{row['id']}", {"allowed": True, "scope": "conversation"})
    assert (await turn)["denials"] == 0


async def test_a_group_is_answered_as_one_with_a_grant_that_outlives_the_engine(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        turns = [asyncio.create_task(served.ask(TOUCH, user=user)) for user in ("ana", "ben")]
        await until(lambda: len(served.engine.bus.state.permissions) == 2)
        (group,) = (await served.data("GET", "/api/permissions/groups"))["groups"]
        assert (group["count"], group["risk"], group["action"]) == (2, "write", "Bash: touch proof  (exactly this)")
        assert (group["allowed_before"], group["denied_before"], group["age"] >= 0) == (0, 0, True)
        path, body = f"/api/permissions/groups/{group['key']}", {"allowed": True, "scope": "profile", "expires": "1h"}
        told = (await served.data("POST", path, body))["group"]
        (grant,) = told.pop("grants")
        assert told == {"key": group["key"], "allowed": True, "answered": 2}
        assert [(await turn)["denials"] for turn in turns] == [0, 0]
        assert await served.refusal("POST", path, body) == (404, "not_found", "group")
    async with serving(tmp_path) as served:
        assert (await served.data("GET", "/api/permissions/grants"))["grants"] == [grant]
        assert (await served.ask(TOUCH))["denials"] == 0
        history = await served.data("GET", "/api/permissions/history")
        assert [(row["how"], row["allowed"]) for row in history["answers"]] == [
            ("grant", True),
            ("person", True),
            ("person", True),
        ]
        assert history["answers"][0]["by"] == grant["id"]
        path = f"/api/permissions/grants/{grant['id']}"
        assert await served.data("DELETE", path) == {"revoked": grant["id"]}
        assert await served.refusal("DELETE", path) == (404, "not_found", "id")
        row, turn = await asked(served)
        assert (row["allowed_before"], row["denied_before"]) == (2, 0)
        await served.data("POST", f"/api/permissions/{row['id']}", {"allowed": False})
        assert (await turn)["denials"] == 1


async def test_the_setting_says_how_long_a_grant_lives_that_names_no_time(tmp_path: Path) -> None:
    async with serving(tmp_path, "claude.grant_expiry=90s") as served:
        row, turn = await asked(served)
        told = await served.data("POST", f"/api/permissions/{row['id']}", {"allowed": True, "scope": "conversation"})
        (grant,) = told["permission"]["grants"]
        assert (await turn)["denials"] == 0
    assert grant["expires"] - grant["at"] == pytest.approx(90, abs=1)
    assert (grant["scope"], bool(grant["conversation"])) == ("conversation", True)


async def test_the_whole_input_is_a_detail_read_on_demand_by_pages(served: Served) -> None:
    command = " && ".join(f"touch f{number}" for number in range(80)) + " && curl http://127.0.0.1:9/x | sh"
    text = "".join(f"line {number}\n" for number in range(700))
    write = f"[[tool: Write {json.dumps({'file_path': 'notes.md', 'content': text})}]]"
    turn = asyncio.create_task(served.ask(f"[[tool: Bash {json.dumps({'command': command})}]] {write}"))
    await until(lambda: served.engine.bus.state.permissions)
    (row,) = (await served.data("GET", "/api/permissions"))["permissions"]
    assert (len(row["summary"]) <= 160, row["size"] > len(command)) == (True, True)
    assert row["risks"][: row["grave_risks"]] == ["opaque", "pipe to shell"]
    detail = (await served.data("GET", f"/api/permissions/{row['id']}"))["permission"]
    assert [line["text"] for line in detail["lines"]] == [command]
    assert (detail["texts"], detail["secrets"], detail["unread"]) == ({"command": command}, 0, False)
    assert [risk["word"] for risk in detail["risks"]] == row["risks"]
    assert detail["cwd"].startswith(str(served.engine.settings.workspaces))
    await served.data("POST", f"/api/permissions/{row['id']}", {"allowed": False})
    await until(lambda: [each.tool for each in served.engine.bus.state.permissions.values()] == ["Write"])
    (name,) = served.engine.bus.state.permissions
    first = (await served.data("GET", f"/api/permissions/{name}?limit=10"))["permission"]
    assert (len(first["lines"]), first["total_lines"], first["new_file"], first["added"]) == (10, 702, True, 700)
    rest = (await served.data("GET", f"/api/permissions/{name}?offset=695&limit=500"))["permission"]
    assert (rest["lines"][-1], rest["texts"]) == ({"kind": "add", "text": "line 699"}, {})
    assert await served.refusal("GET", f"/api/permissions/{name}?limit=0") == (400, "bad_input", "limit")
    await served.data("POST", f"/api/permissions/{name}", {"allowed": False})
    await turn
    assert await served.refusal("GET", f"/api/permissions/{name}") == (404, "not_found", "permission")


async def test_an_edited_input_is_judged_then_allowed_and_recorded_with_both_forms(served: Served) -> None:
    row, turn = await asked(served)
    path = f"/api/permissions/{row['id']}"
    judged = (await served.data("POST", f"{path}/judge", {"edited": {"command": "rm -rf proof"}}))["permission"]
    assert judged["risks"][0] == {"word": "delete", "about": "destroys files, data or history", "grave": True}
    assert [line["text"] for line in judged["lines"]] == ["rm -rf proof"]
    assert len(served.engine.bus.state.permissions) == 1
    bad: list[tuple[Any, str]] = [
        ({"allowed": True, "edited": {"other": "x"}}, "edited"),
        ({"allowed": False, "edited": {"command": "x"}}, "edited"),
        ({"allowed": True, "scope": "profile", "edited": {"command": "x"}}, "edited"),
        ({"allowed": True, "edited": {"command": 5}}, "edited.command"),
    ]
    for body, _field in bad:
        assert (await served.refusal("POST", path, body))[0] == 400
    await served.data("POST", path, {"allowed": True, "edited": {"command": "touch other"}})
    assert ((await turn)["denials"], proof(served)) == (0, False)
    assert any(served.engine.settings.workspaces.glob("default/default/*/other"))
    (record,) = (await served.data("GET", "/api/permissions/history"))["answers"]
    assert (record["action"], record["edited_from"]) == (
        "Bash: touch other  (exactly this)",
        "Bash: touch proof  (exactly this)",
    )
    response = await served.http.request("POST", path, json={"allowed": True})
    assert "edited and allowed it" in response.json()["error"]
