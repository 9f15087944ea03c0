"""Breakers of tools: what breaks one, what never does, and what an open one denies."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.events.types import BreakerChanged, PermissionAsked
from engine.recovery.breakers.tools import broken
from engine.recovery.classify.classifier import Classifier
from engine.recovery.classify.rules import shipped_rules
from tests.pool.pools import Conversation, RecordedEvents
from tests.support.engines import running
from tests.support.operations import answer as answer_permission

CLASSIFIER = Classifier(shipped_rules(), clock=ManualClock())
WRITE = '[[tool: Bash {"command": "touch proof"}]]'
MISSING = "[[tool: mcp__paper__print {}]]"


@pytest.mark.parametrize(
    ("tool", "text", "is_broken"),
    [
        (
            "mcp__github__search",
            "<tool_use_error>Error: No such tool available: mcp__github__search</tool_use_error>",
            True,
        ),
        ("mcp__github__search", 'MCP server "github" is not connected', True),
        ("mcp__github__search", "MCP error -32001: Request timed out", True),
        ("mcp__github__search", "MCP error -32000: Connection closed", True),
        ("mcp__github__search", "MCP error -32602: Invalid params", False),
        ("WebFetch", "Request failed with status code 503", True),
        ("WebFetch", "Request failed with status code 404", False),
        ("Bash", "Exit code 1\nconnect ECONNREFUSED 127.0.0.1:5432", False),
        ("Bash", "Command timed out after 120s", False),
        ("Edit", "<tool_use_error>String to replace not found in file.</tool_use_error>", False),
        ("Read", "<tool_use_error>No such file or directory: /x</tool_use_error>", False),
        ("Foo", "<tool_use_error>Error: No such tool available: Foo</tool_use_error>", False),
    ],
)
def test_only_a_failure_of_infrastructure_speaks_against_a_tool(tool: str, text: str, is_broken: bool) -> None:
    assert broken(tool, text, CLASSIFIER.classify) is is_broken


async def test_a_tool_whose_server_is_gone_opens_its_breaker_and_a_healthy_one_has_none(tmp_path: Path) -> None:
    async with running(tmp_path, "circuit_breaker.failure_threshold=2") as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        await talk.ask('[[tool: Bash {"command": "false"}]]')
        await talk.ask(MISSING)
        assert not engine.breakers.knows("tool:Bash")
        assert told.of(BreakerChanged) == []
        await talk.ask(MISSING)
        (changed,) = told.of(BreakerChanged)
        assert (changed.breaker, changed.new) == ("tool:mcp__paper__print", "open")
        assert "No such tool available" in changed.reason
        assert engine.ready() == []


async def test_an_open_breaker_denies_the_tool_with_a_reason_and_asks_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, "circuit_breaker.failure_threshold=1") as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        engine.breakers.watch("tool:Bash")
        engine.breakers.control("tool:Bash", "open", "ana")
        answer = await talk.ask(WRITE)
        assert answer.denials == 1
        assert told.of(PermissionAsked) == []
        page = engine.transcripts.page(answer.session, 0, 100)
        assert any("Bash is out of order: The breaker tool:Bash is forced open" in entry.text for entry in page.entries)
        engine.breakers.control("tool:Bash", "close", "ana")
        asked = asyncio.create_task(talk.ask(WRITE))
        while not told.of(PermissionAsked):
            await asyncio.sleep(0.01)
        await answer_permission(
            engine,
            told.of(PermissionAsked)[0].permission,
            "ana",
            allowed=False,
            message="<tool_use_error>connection refused",
        )
        assert (await asked).denials == 1
        assert engine.breakers.get("tool:Bash").state == "closed"
