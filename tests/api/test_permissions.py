"""A permission is asked for, listed, answered once, and obeyed."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.api.serving import TOUCH, Json, Served
from tests.support.processes import until


async def asked(served: Served) -> tuple[Json, asyncio.Task[Json]]:
    """The question of a turn that waits for it."""
    turn = asyncio.create_task(served.ask(TOUCH))
    await until(lambda: served.engine.bus.state.permissions)
    (row,) = (await served.data("GET", "/api/permissions"))["permissions"]
    return row, turn


def proof(served: Served) -> bool:
    """Whether the tool was used."""
    return (served.engine.settings.workspaces / "default/default/proof").exists()


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
    ]
    for body, field in bad:
        assert await served.refusal("POST", f"/api/permissions/{row['id']}", body) == (400, "bad_input", field)
    assert len(served.engine.bus.state.permissions) == 1
    await served.data("POST", f"/api/permissions/{row['id']}", {"allowed": True, "scope": "conversation"})
    assert (await turn)["denials"] == 0
