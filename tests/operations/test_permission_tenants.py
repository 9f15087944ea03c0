"""A caller of one tenant neither reads nor answers what another tenant's agents ask for; the engine's operators do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.base.caller import Caller, Door, Scope
from engine.base.errors import BadInput, NotFound
from engine.engine import Engine
from engine.operations.declared import permissions as p
from engine.operations.declared.paging import PageArgs
from engine.operations.execute import Operations
from engine.operations.operation import Operation
from engine.sessions.permission_port import Requester
from engine.sessions.protocol_events import PermissionWanted
from tests.support.engines import running

ACME, OTHER = Caller("ana", tenant="acme"), Caller("eve", tenant="other")
REMOTE = Caller("eve", scopes=frozenset({Scope.OPERATOR}), door=Door.TOKEN)
OPERATORS = (Caller("op"), Caller("op", door=Door.TOKEN))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine on which an agent of the tenant acme waits for an answer."""
    async with running(tmp_path) as made:
        _ask(made, "p1")
        yield made


def _ask(engine: Engine, name: str) -> None:
    raw = msgspec.Raw(json.dumps({"command": "rm -rf build"}).encode())
    requester = Requester("s1", "c1", "default", "acme", "/w", answer=lambda *_given: None)
    engine.broker.ask(requester, PermissionWanted(name, "Bash", raw, "rm -rf build"))


async def _call(engine: Engine, caller: Caller, operation: Operation[Any, Any], args: msgspec.Struct) -> Any:
    return await Operations(engine).execute(operation, args, caller)


@pytest.mark.parametrize("caller", [OTHER, REMOTE])
async def test_another_tenant_sees_and_answers_nothing(engine: Engine, caller: Caller) -> None:
    for listing in (p.LIST_PERMISSIONS, p.LIST_GROUPS):
        assert (await _call(engine, caller, listing, PageArgs())).total == 0
    (group,) = (await _call(engine, ACME, p.LIST_GROUPS, PageArgs())).groups
    refused: list[tuple[Operation[Any, Any], msgspec.Struct]] = [
        (p.SHOW_PERMISSION, p.ShowPermission(id="p1")),
        (p.JUDGE_PERMISSION, p.JudgePermission(id="p1", edited={"command": "ls"})),
        (p.ANSWER_PERMISSION, p.AnswerPermission(id="p1", allowed=True)),
        (p.ANSWER_PERMISSION, p.AnswerPermission(id="p1", allowed=True, edited={"command": "ls"})),
        (p.ANSWER_GROUP, p.AnswerGroup(key=group.key, allowed=True)),
    ]
    for operation, args in refused:
        with pytest.raises(NotFound) as caught:
            await _call(engine, caller, operation, args)
        assert "acme" not in str(caught.value)
    assert list(engine.bus.state.permissions) == ["p1"]


async def test_another_tenant_reads_no_grant_and_no_record_and_revokes_nothing(engine: Engine) -> None:
    answer = p.AnswerPermission(id="p1", allowed=True, scope="profile")
    (grant,) = (await _call(engine, ACME, p.ANSWER_PERMISSION, answer)).permission.grants
    assert (await _call(engine, OTHER, p.LIST_GRANTS, PageArgs())).total == 0
    assert (await _call(engine, OTHER, p.PERMISSION_HISTORY, p.PermissionHistory())).total == 0
    with pytest.raises(NotFound):
        await _call(engine, OTHER, p.REVOKE_GRANT, p.GrantId(id=grant.id))
    with pytest.raises(NotFound, match=r"waits for an answer\. It was answered, withdrawn or too late"):  # not by whom
        await _call(engine, OTHER, p.SHOW_PERMISSION, p.ShowPermission(id="p1"))
    with pytest.raises(NotFound, match="ana allowed it"):
        await _call(engine, ACME, p.SHOW_PERMISSION, p.ShowPermission(id="p1"))
    assert (await _call(engine, ACME, p.PERMISSION_HISTORY, p.PermissionHistory())).total == 1
    assert (await _call(engine, ACME, p.REVOKE_GRANT, p.GrantId(id=grant.id))).revoked == grant.id


async def test_the_operators_of_the_engine_answer_for_every_tenant(engine: Engine) -> None:
    for caller in OPERATORS:
        assert (await _call(engine, caller, p.LIST_PERMISSIONS, PageArgs())).total == 1
    await _call(engine, OPERATORS[0], p.ANSWER_PERMISSION, p.AnswerPermission(id="p1", allowed=False))
    assert not engine.bus.state.permissions


async def test_an_answer_to_no_content_answers_nothing(engine: Engine) -> None:
    _ask(engine, "p2")
    (group,) = (await _call(engine, ACME, p.LIST_GROUPS, PageArgs())).groups
    with pytest.raises(BadInput) as caught:
        await _call(engine, ACME, p.ANSWER_GROUP, p.AnswerGroup(key=group.key, allowed=True, contents=()))
    assert caught.value.field == "contents"
    assert len(engine.bus.state.permissions) == 2
    answer = p.AnswerGroup(key=group.key, allowed=True, contents=tuple(group.contents))
    assert (await _call(engine, ACME, p.ANSWER_GROUP, answer)).group.answered == 2
