"""The lines of hooks, schemas, questions, models and limits, as both agents write them; recorded from CLI 2.1.330."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Agents
from tests.contract.lines import ALLOWED, ECHO, TOOL_ROUND, TURN, only, settled, words
from tests.simulated_agent.agent import ASKING, Line, Running


async def hooked(agent: Running, prompt: str, **outputs: dict[str, Any]) -> list[Line]:
    """The lines of a turn whose hooks answer with these outputs by the event's name; all others say nothing."""
    agent.seen.clear()
    agent.prompt(prompt)
    while True:
        line = await agent.until(lambda line: line["type"] in {"control_request", "result"})
        if line["type"] == "result":
            return list(await settled(agent))
        agent.answer(line, **outputs.get(line["request"]["input"]["hook_event_name"], {}))


HOOKS = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop")


async def test_hooks_deny_change_stop_and_block(agents: Agents) -> None:
    registered = {event: [{"hookCallbackIds": [event]}] for event in HOOKS}
    decide = {"hookEventName": "PreToolUse"}
    async with agents(ALLOWED) as agent:
        assert (await agent.reply("initialize", hooks=registered))["subtype"] == "success"
        plain = await hooked(agent, ECHO)
        denied = await hooked(
            agent,
            '[[tool: Bash {"command": "touch ran"}]]',
            PreToolUse={
                "hookSpecificOutput": {**decide, "permissionDecision": "deny", "permissionDecisionReason": "policy"},
                "systemMessage": "blocked",
            },
        )
        changed = await hooked(
            agent,
            ECHO,
            PreToolUse={
                "hookSpecificOutput": {
                    **decide,
                    "permissionDecision": "allow",
                    "updatedInput": {"command": "echo changed"},
                }
            },
        )
        stopped = await hooked(agent, ECHO, PostToolUse={"continue": False, "stopReason": "halt"})
        failed = await hooked(agent, '[[tool: Bash {"command": "exit 3"}]]')
        blocked = await hooked(agent, "six", UserPromptSubmit={"decision": "block", "reason": "no prompts"})
    asks = "asks hook_callback"
    begun = ["queued", "started", asks, "init*", "requesting*", "assistant*", asks]
    assert words(plain) == [*begun, asks, *TOOL_ROUND, asks, "success/completed", "completed"]
    assert words(denied) == [*begun, "informational", *TOOL_ROUND, asks, "success/completed", "completed"]
    assert words(stopped) == [*begun, asks, "user", "success/hook_stopped", "completed"]
    assert words(failed) == words(plain)
    assert words(blocked) == ["queued", "started", asks, "init*", "informational", "success/None", "completed"]
    assert not (agents.home / "ran").exists()
    assert only(denied, type="result")[0]["result"] == "Tool said: PreToolUse:Bash hook error: policy"
    assert only(changed, type="result")[0]["result"] == "Tool said: changed"
    assert only(blocked, type="result")[0]["num_turns"] == 0
    asked = [line["request"]["input"] for line in only(plain, type="control_request")]
    events = ["UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"]
    assert [each["hook_event_name"] for each in asked] == events
    assert asked[2]["tool_response"]["stdout"] == "hi"


async def test_a_schema_makes_the_answer_an_object(agents: Agents) -> None:
    schema = '{"type": "object", "properties": {"count": {"type": "number"}}, "required": ["count"]}'
    async with agents(f"--json-schema={schema}") as agent:
        agent.prompt('[[tool: StructuredOutput {"count": 3}]]')
        right = list(await settled(agent))
        filled = await agent.turn("anything")
        wrong = await agent.turn('[[tool: StructuredOutput {"count": "three"}]]')
    assert words(right) == [*TURN, "assistant*", "user", "success/completed", "completed"]
    (result,) = only(right, type="result")
    assert (result["structured_output"], result["result"]) == ({"count": 3}, '{"count":3}')
    assert set(filled["structured_output"]) == {"count"}
    assert "structured_output" not in wrong
    assert "/count: must be number" in wrong["result"]


async def test_what_is_asked_about_and_what_is_not(agents: Agents) -> None:
    (agents.home.parent / "outside.txt").write_text("secret")
    (agents.home / "inside.txt").write_text("plain")
    asked, free = [], []
    async with agents(ASKING) as agent:
        for name, arguments in TOOLS:
            agent.prompt(f"[[tool: {name} {arguments}]]")
            line = await agent.until(lambda line: line["type"] in {"control_request", "result"})
            (asked if line["type"] == "control_request" else free).append((name, arguments))
            if line["type"] == "control_request":
                agent.answer(line, behavior="deny", message="no")
                await agent.result()
    assert free == [tool for tool in TOOLS if tool not in QUESTIONED]
    assert asked == QUESTIONED


async def test_a_file_is_read_with_its_lines_numbered(agents: Agents) -> None:
    (agents.home / "two.txt").write_text("one\ntwo\n")
    async with agents() as agent:
        result = await agent.turn('[[tool: Read {"file_path": "two.txt"}]]')
        assert result["result"] == "Tool said: 1\tone\n2\ttwo\n3\t"


QUESTIONED = [
    ("Read", '{"file_path": "../outside.txt"}'),
    ("Bash", '{"command": "cat ../outside.txt"}'),
    ("Bash", '{"command": "ls /etc"}'),
    ("Bash", '{"command": "echo a && touch b"}'),
    ("Bash", '{"command": "echo a > b"}'),
    ("Bash", '{"command": "env"}'),
    ("Write", '{"file_path": "b", "content": "x"}'),
]
TOOLS = [
    ("Read", '{"file_path": "inside.txt"}'),
    *QUESTIONED,
    ("Bash", '{"command": "cat inside.txt"}'),
    ("Bash", '{"command": "echo a; echo b"}'),
    ("Bash", '{"command": "ls | wc -l"}'),
    ("Bash", '{"command": "echo a 2>/dev/null"}'),
    ("Bash", '{"command": "sed -n 1p inside.txt"}'),
]


async def test_the_model_is_changed_by_request_and_by_command(agents: Agents) -> None:
    async with agents() as agent:
        assert (await agent.reply("set_model", model="claude-haiku-4-5"))["response"] == {"model": "claude-haiku-4-5"}
        assert words(agent.seen) == ["replies success"]
        agent.seen.clear()
        agent.prompt("one")
        (answer,) = only(await settled(agent), type="assistant")
        assert answer["message"]["model"] == "claude-haiku-4-5"
        agent.seen.clear()
        await agent.reply("set_model", model="claude-opus-4-5")
        assert words(agent.seen) == ["user", "replies success"]
        agent.seen.clear()
        agent.prompt("/model claude-sonnet-4-5")
        lines = list(await settled(agent))
        assert words(lines) == ["queued", "started", "init*", "assistant", "success/None", "completed"]
        (result,) = only(lines, type="result")
        assert (result["local_command"], result["num_turns"]) == ("model", 0)
        await agent.turn("two")
        assert only(agent.seen, type="assistant")[-1]["message"]["model"] == "claude-sonnet-4-5"


@pytest.mark.parametrize(("count", "messages"), [(30, 2), (400, 4)])
async def test_the_limit_of_output_tokens(agents: Agents, count: int, messages: int) -> None:
    async with agents(CLAUDE_CODE_MAX_OUTPUT_TOKENS="40") as agent:
        agent.prompt(f"[[words: {count}]]")
        lines = list(await settled(agent))
        after = await agent.turn("next")
    rest = ["user", "requesting*", "assistant"] * (messages - 1)
    over = messages == 4
    ending = ["assistant error", "success/api_error", "cancelled"] if over else ["success/completed", "completed"]
    assert words(lines) == [*TURN, "assistant*", *rest, *ending]
    (result,) = only(lines, type="result")
    assert (result["num_turns"], result["is_error"], result.get("api_error")) == (
        messages,
        over,
        "max_output_tokens" if over else None,
    )
    said = [line["message"]["content"][0]["text"] for line in only(lines, type="assistant")]
    assert result["result"] == said[-1]
    assert max(map(len, said[:messages])) <= 160
    assert after["result"] == "Echo: next"


async def test_a_slash_before_anything_else_is_text(agents: Agents) -> None:
    async with agents() as agent:
        assert (await agent.turn("/nonsense here"))["result"] == "Echo: /nonsense here"


async def test_what_was_used_can_be_read_at_any_time(agents: Agents) -> None:
    async with agents() as agent:
        result = await agent.turn("one")
        session = (await agent.reply("get_usage", skip_behaviors=True))["response"]["session"]
        assert session["total_cost_usd"] == result["total_cost_usd"]
        assert session["model_usage"] == result["modelUsage"]
