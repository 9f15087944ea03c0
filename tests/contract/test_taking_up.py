"""Conversations that another process left: their chain of messages, their forks and what they cost."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from engine.sessions.transcript_copy import copy_transcript
from tests.contract.conftest import Agents
from tests.contract.test_line_order import settled
from tests.simulated_agent.agent import Line

CLASSES = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")


def transcript(home: Path, session: str) -> list[dict[str, Any]]:
    """The messages of a conversation on disk."""
    (file,) = home.glob(f".claude/projects/*/{session}.jsonl")
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    return [entry for entry in entries if "uuid" in entry]


def recent(result: Line, what: str) -> float:
    """What a result says about the time since the one before."""
    return sum(usage[what] for usage in result["model_usage_since_last_result"].values())


async def two_turns(agents: Agents) -> tuple[str, list[Line]]:
    """A conversation of two turns whose process has ended."""
    session = str(uuid.uuid4())
    async with agents(f"--session-id={session}") as agent:
        await agent.turn("one")
        await agent.turn("two")
        await agent.exit()
    return session, agent.seen


async def test_a_resumed_conversation_goes_on_with_its_chain(agents: Agents) -> None:
    session, _ = await two_turns(agents)
    async with agents(f"--resume={session}") as agent:
        assert (await agent.turn("[[history]]"))["result"].startswith("History: 3 user messages")
        await agent.exit()
    entries = transcript(agents.home, session)
    known = {entry["uuid"] for entry in entries}
    assert [entry["parentUuid"] for entry in entries].count(None) == 1
    assert all(entry["parentUuid"] in known for entry in entries if entry["parentUuid"])


@pytest.mark.parametrize("named", [True, False])
async def test_a_fork_leaves_the_original_as_it_was(agents: Agents, named: bool) -> None:
    session, _ = await two_turns(agents)
    before = transcript(agents.home, session)
    fork = str(uuid.uuid4())
    flags = [f"--session-id={fork}"] if named else []
    async with agents(f"--resume={session}", "--fork-session", *flags) as agent:
        result = await agent.turn("[[history]]")
        await agent.exit()
    assert result["result"].startswith("History: 3 user messages")
    assert (result["session_id"] == fork) is named
    assert result["session_id"] != session
    assert transcript(agents.home, session) == before
    forked = transcript(agents.home, result["session_id"])
    assert {entry["uuid"] for entry in before if entry["type"] == "assistant"} < {entry["uuid"] for entry in forked}


async def test_a_copied_transcript_is_a_conversation_of_its_own(agents: Agents) -> None:
    session, _ = await two_turns(agents)
    (file,) = agents.home.glob(f".claude/projects/*/{session}.jsonl")
    before, copy = transcript(agents.home, session), str(uuid.uuid4())
    with file.open("ab") as torn:
        torn.write(b'{"type": "user", "sessionId')
    assert copy_transcript(file, copy).stem == copy
    async with agents(f"--resume={copy}") as agent:
        result = await agent.turn("[[history]]")
        await agent.exit()
    assert (result["session_id"], result["result"][:26]) == (copy, "History: 3 user messages, ")
    assert {entry["sessionId"] for entry in transcript(agents.home, copy)} == {copy}
    file.write_bytes(file.read_bytes().rpartition(b"\n")[0] + b"\n")
    assert transcript(agents.home, session) == before


async def test_a_fork_without_a_conversation_is_a_fresh_one(agents: Agents) -> None:
    async with agents("--fork-session") as agent:
        assert (await agent.turn("[[history]]"))["result"].startswith("History: 1 user messages")


async def test_an_id_for_a_resumed_conversation_needs_a_fork(agents: Agents) -> None:
    session, _ = await two_turns(agents)
    async with agents(f"--resume={session}", f"--session-id={uuid.uuid4()}") as agent:
        assert await agent.ended() == 1
        assert "--session-id with --continue or --resume also needs --fork-session." in await agent.stderr()


async def test_a_conversation_is_taken_up_at_an_earlier_message(agents: Agents) -> None:
    session, lines = await two_turns(agents)
    first = next(line["uuid"] for line in lines if line["type"] == "assistant")
    prompt = [line["command_uuid"] for line in lines if line.get("state") == "started"][1]
    at = (f"--resume={session}", "--fork-session", f"--resume-session-at={first}")
    async with agents(*at, f"--resume-drops-turn={prompt}") as agent:
        assert (await agent.turn("[[history]]"))["result"].startswith("History: 2 user messages")
    async with agents(*at, f"--resume-drops-turn={uuid.uuid4()}") as agent:
        assert await agent.ended() == 1
    (refused,) = [line for line in agent.seen if line["type"] == "result"]
    assert refused["is_error"]
    assert refused["errors"][0].startswith("Resume rejected by --resume-drops-turn:")


async def test_costs_over_turns_clear_and_resume(agents: Agents) -> None:
    session = str(uuid.uuid4())
    async with agents(f"--session-id={session}") as agent:
        first, second = await agent.turn("one"), await agent.turn("two")
        await agent.exit()
    async with agents(f"--resume={session}") as agent:
        third = await agent.turn("three")
        cleared = await agent.turn("/clear")
        fourth = await agent.turn("four")
    totals = [result["total_cost_usd"] for result in (first, second, third)]
    spent = [recent(result, "costUSD") for result in (first, second, third)]
    assert totals == pytest.approx([spent[0], sum(spent[:2]), sum(spent)])
    assert (cleared["total_cost_usd"], cleared["model_usage_since_last_result"]) == (0, {})
    assert fourth["total_cost_usd"] == pytest.approx(recent(fourth, "costUSD"))
    assert [recent(second, name) > 0 for name in CLASSES] == [True, True, True, False]
    assert [recent(fourth, name) > 0 for name in CLASSES] == [True, True, False, True]
    assert set(next(iter(third["modelUsage"].values()))) >= {*CLASSES, "costUSD", "contextWindow"}


async def test_a_crash_loses_what_was_spent(agents: Agents) -> None:
    session = str(uuid.uuid4())
    async with agents(f"--session-id={session}") as agent:
        await agent.turn("one")
        agent.process.kill()
    async with agents(f"--resume={session}") as agent:
        result = await agent.turn("two")
    assert result["total_cost_usd"] == pytest.approx(recent(result, "costUSD"))


async def test_an_interrupted_answer_is_paid_for(agents: Agents) -> None:
    async with agents() as agent:
        await agent.turn("one")
        agent.prompt("[[words: 500]] [[pace: 20ms]]")
        await agent.delta()
        agent.control("interrupt")
        await settled(agent)
        before, cut = (line for line in agent.seen if line["type"] == "result")
    assert recent(cut, "costUSD") == pytest.approx(cut["total_cost_usd"] - before["total_cost_usd"])
    assert recent(cut, "costUSD") > 0
