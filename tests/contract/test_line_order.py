"""The lines that both agents write, in order and by their fields, recorded from CLI 2.1.330."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.contract.conftest import Agents
from tests.contract.lines import ALLOWED, ECHO, TOOL_ROUND, TURN, only, settled, words
from tests.simulated_agent.agent import ASKING, Line

TOUCH = '[[tool: Bash {"command": "touch proof"}]]'
LONG = "[[words: 500]] [[pace: 20ms]]"

RESULT = {
    "type",
    "subtype",
    "is_error",
    "duration_ms",
    "duration_api_ms",
    "num_turns",
    "stop_reason",
    "session_id",
    "total_cost_usd",
    "usage",
    "modelUsage",
    "model_usage_since_last_result",
    "permission_denials",
    "queued_turn_count",
    "result_index",
    "uuid",
    "user_message_uuid",
    "user_message_uuids",
}
TURNED = RESULT | {"terminal_reason", "begun_message_ids"}
API_ERROR = {"error", "is_api_error_message", "api_error_status", "api_error_type", "request_id"}
UNMODELLED = {
    "fast_mode_disabled_reason",
    "fast_mode_state",
    "first_content_frame_ms",
    "first_request_cache_read_input_tokens",
    "first_request_input_tokens",
    "request_sent_wall_ms",
    "safety_stops",
    "subagent_stats",
    "time_to_request_ms",
    "ttft_stream_ms",
}
"""Readings of the CLI about itself, which nobody who drives it acts on."""


def fields(line: Line) -> set[str]:
    """The fields of a line that both agents must write."""
    return set(line) - UNMODELLED


async def test_an_answer(agents: Agents) -> None:
    async with agents() as agent:
        agent.prompt("hello")
        lines = await settled(agent)
    assert words(lines) == [*TURN, "assistant*", "success/completed", "completed"]
    (result,) = only(lines, type="result")
    assert fields(result) == TURNED | {"result", "api_error_status", "ttft_ms"}


async def test_an_interrupt_in_the_answer(agents: Agents) -> None:
    async with agents() as agent:
        agent.prompt(LONG)
        await agent.delta()
        agent.control("interrupt")
        lines = await settled(agent)
    ending = ["replies success", "assistant* aborted", "user", "error_during_execution/aborted_streaming", "cancelled"]
    assert words(lines) == [*TURN, *ending]
    (result,) = only(lines, type="result")
    assert fields(result) == TURNED | {"errors"}
    assert (result["num_turns"], result["stop_reason"], result["is_error"]) == (2, None, True)
    assert result["usage"]["output_tokens"] == 0
    assert sum(each["costUSD"] for each in result["model_usage_since_last_result"].values()) == pytest.approx(
        result["total_cost_usd"]
    )


async def test_an_interrupt_in_a_tool(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt('[[tool: Bash {"command": "touch began; sleep 60"}]]')
        await agent.until(lambda line: line["type"] == "assistant")
        while not (agents.home / "began").exists():
            await agent.reply("get_binary_version")
        agent.control("interrupt")
        lines = await settled(agent)
    spoken = [word for word in words(lines) if not word.startswith("replies")]
    assert spoken == [*TURN, "assistant*", "user", "user", "error_during_execution/aborted_tools", "cancelled"]
    (result,) = only(lines, type="result")
    assert (result["num_turns"], result["stop_reason"], result["permission_denials"]) == (3, "tool_use", [])
    meta = only(lines, type="user")[0]["tool_result_meta"]
    assert [each["non_execution_kind"] for each in meta] == ["user-rejected"]


@pytest.mark.parametrize("cold", [True, False])
async def test_an_interrupt_before_the_turn_cancels_what_waits(agents: Agents, cold: bool) -> None:
    async with agents() as agent:
        if not cold:
            agent.prompt("warm")
            await settled(agent)
            agent.seen.clear()
        waiting = str(uuid.uuid4())
        prompt = {"type": "user", "uuid": waiting, "message": {"role": "user", "content": "never"}}
        interrupt = {"subtype": "interrupt", "cancel_queued": True}
        # In one piece: the agent must not take the prompt before it has read the interrupt.
        both = (prompt, {"type": "control_request", "request_id": "i", "request": interrupt})
        agent.raw(b"\n".join(json.dumps(line).encode() for line in both))
        receipt = await agent.until(lambda line: line["type"] == "control_response")
        assert words(agent.seen) == ["queued", "cancelled", "replies success"]
        assert receipt["response"]["response"] == {"still_queued": [], "cancelled": [waiting]}
        agent.seen.clear()
        assert (await agent.turn("next"))["result"] == "Echo: next"
        assert words(agent.seen)[: len(TURN)] == list(TURN)


async def test_an_interrupt_cancels_what_waits_behind_a_turn(agents: Agents) -> None:
    async with agents() as agent:
        first = agent.prompt(LONG)
        await agent.delta()
        waiting = agent.prompt("never")
        receipt = await agent.reply("interrupt", cancel_queued=True)
        lines = await settled(agent)
        assert (await agent.reply("interrupt", cancel_queued=True))["response"] == {"still_queued": [], "cancelled": []}
    assert receipt["response"] == {"still_queued": [], "cancelled": [waiting]}
    assert [line["command_uuid"] for line in only(lines, state="cancelled")] == [waiting, first]
    assert words(lines)[4:7] == ["queued", "cancelled", "replies success"]


async def test_a_question_allowed_denied_and_refused_for_good(agents: Agents) -> None:
    async with agents(ASKING) as agent:
        agent.prompt(TOUCH)
        question = await agent.question()
        agent.answer(question, behavior="deny", message="not today")
        denied = list(await settled(agent))
        agent.seen.clear()
        agent.prompt(TOUCH)
        agent.answer(await agent.question(), behavior="deny", message="no", interrupt=True)
        refused = list(await settled(agent))
        agent.seen.clear()
        agent.prompt(TOUCH)
        agent.answer(await agent.question(), behavior="allow", updatedInput={"command": "touch proof"})
        allowed = list(await settled(agent))
    begun = [*TURN, "assistant*", "asks can_use_tool"]
    assert words(denied) == [*begun, *TOOL_ROUND, "success/completed", "completed"]
    assert words(allowed) == [*begun, *TOOL_ROUND, "success/completed", "completed"]
    assert words(refused) == [*begun, "user", "user", "error_during_execution/aborted_tools", "cancelled"]
    request = question["request"]
    asked = {"subtype", "tool_name", "display_name", "input", "description", "permission_suggestions", "tool_use_id"}
    assert set(request) == asked | {"blocked_path"}
    denial = {"tool_name": "Bash", "tool_use_id": request["tool_use_id"], "tool_input": {"command": "touch proof"}}
    assert only(denied, type="result")[0]["permission_denials"] == [denial]
    decisions = [only(lines, type="user")[0]["tool_result_meta"][0] for lines in (denied, allowed)]
    assert [each["permission_decision"]["source"] for each in decisions] == ["user_reject", "user_temporary"]


async def test_an_interrupt_withdraws_the_question(agents: Agents) -> None:
    async with agents(ASKING) as agent:
        agent.prompt(TOUCH)
        await agent.question()
        agent.control("interrupt")
        lines = await settled(agent)
    begun = [*TURN, "assistant*", "asks can_use_tool"]
    ending = ["user", "user", "error_during_execution/aborted_tools", "cancelled"]
    assert words(lines) == [*begun, "control_cancel_request", "replies success", *ending]


@pytest.mark.parametrize(
    ("fault", "status", "begins"),
    [("http529", 529, 0), ("http401_invalid_key", 401, 0), ("sse_error_overloaded_mid_nofallback", 529, 1)],
)
async def test_an_api_error(agents: Agents, fault: str, status: int, begins: int) -> None:
    async with agents() as agent:
        agent.prompt(f"one two three four [[fault: {fault}]]")
        lines = await settled(agent)
    assert words(lines) == [*TURN, "assistant* error", "success/api_error", "cancelled"]
    (result,) = only(lines, type="result")
    assert fields(result) == TURNED | {"result", "api_error_status", "api_error_type"}
    assert (result["api_error_status"], result["num_turns"], len(result["begun_message_ids"])) == (status, 1, begins)
    (told,) = only(lines, type="assistant")
    assert set(told) >= API_ERROR
    assert (told["message"]["model"], told["message"]["stop_reason"]) == ("<synthetic>", "stop_sequence")


async def test_an_unknown_model_is_an_api_error(agents: Agents) -> None:
    async with agents("--model=claude-nonexistent") as agent:
        result = await agent.turn("hello")
        assert (result["subtype"], result["is_error"], result["api_error_status"]) == ("success", True, 404)
        assert result["result"].startswith("There's an issue with the selected model (claude-nonexistent).")


async def test_a_refusal(agents: Agents) -> None:
    async with agents() as agent:
        agent.prompt("one two [[fault: stop_refusal]]")
        lines = await settled(agent)
    again = ["assistant*", "informational", "user", "requesting*", "assistant", "model_refusal_no_fallback"]
    assert words(lines) == [*TURN, *again, "assistant error", "success/api_error", "cancelled"]
    (result,) = only(lines, type="result")
    assert (result["stop_reason"], result["num_turns"]) == ("refusal", 2)


async def test_the_limit_of_turns(agents: Agents) -> None:
    async with agents("--max-turns=1", ALLOWED) as agent:
        agent.prompt(ECHO)
        lines = list(await settled(agent))
        assert (await agent.turn("next"))["result"] == "Echo: next"
    assert words(lines) == [*TURN, "assistant*", "user", "error_max_turns/max_turns", "completed"]
    (result,) = only(lines, type="result")
    assert (result["num_turns"], result["errors"]) == (2, ["Reached maximum number of turns (1)"])


async def test_the_budget(agents: Agents) -> None:
    async with agents("--max-budget-usd=0.00001", ALLOWED) as agent:
        agent.prompt('[[tool: Bash {"command": "touch spent"}]]')
        first = list(await settled(agent))
        agent.seen.clear()
        agent.prompt("next")
        second = list(await settled(agent))
    assert words(first) == [*TURN, "assistant*", "error_max_budget_usd/budget_exhausted", "cancelled"]
    assert words(second) == [*TURN, "error_max_budget_usd/budget_exhausted", "cancelled"]
    assert only(second, type="result")[0]["errors"] == ["Reached maximum budget ($0.00001)"]
    assert not (agents.home / "spent").exists()


@pytest.mark.parametrize("flag", ["--max-turns=x", "--max-budget-usd=x", "--max-budget-usd=-1", "--no-such-flag"])
async def test_a_bad_flag_is_named(agents: Agents, flag: str) -> None:
    async with agents(flag) as agent:
        assert await agent.ended() == 1
        assert flag.partition("=")[0] in await agent.stderr()
