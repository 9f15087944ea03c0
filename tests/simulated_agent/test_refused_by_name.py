"""What the simulator does not model is refused by its name, never taken and then ignored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulated_agent.agent import ASKING, Running

SESSION = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--fallback-model", "haiku"], "option '--fallback-model' is not modelled by the simulator"),
        (["--include-hook-events"], "option '--include-hook-events' is not modelled"),
        (["--replay-user-messages"], "option '--replay-user-messages' is not modelled"),
        (["--plugin-dir=x"], "option '--plugin-dir' is not modelled"),
        (["--permission-prompt-tool=mcp__a__b"], "--permission-prompt-tool 'mcp__a__b' is not modelled"),
        (["--mcp-config", '{"mcpServers": {"files": {"command": "x"}}}'], "MCP server 'files' (stdio) is not modelled"),
        (["--mcp-config={"], "--mcp-config is not valid JSON"),
        (["--json-schema={bad"], "--json-schema is not valid JSON"),
        (["--settings=missing.json"], "--settings file not found: missing.json"),
        (["--setting-sources=user,team"], "Invalid setting source: team."),
        (["--resume-session-at=x"], "--resume-session-at requires --resume"),
        ([f"--resume={SESSION}", f"--session-id={SESSION}"], "also needs --fork-session"),
        (["--max-turns", "many"], "option '--max-turns <turns>' argument 'many' is invalid"),
        (["--unheard-of=1"], "error: unknown option '--unheard-of=1'"),
    ],
)
async def test_flags(tmp_path: Path, flags: list[str], named: str) -> None:
    async with Running(tmp_path, *flags) as agent:
        assert await agent.ended() == 1
        assert named in await agent.stderr()


@pytest.mark.parametrize(
    "flags",
    [
        ["--system-prompt", ""],
        ["--system-prompt=be brief", "--append-system-prompt", "and kind"],
        ["--setting-sources=", "--strict-mcp-config", "--effort=high", "--betas", "one"],
        ["--settings", '{"outputStyle": "Explanatory"}', "--add-dir", "/", "--tools", "Bash,Read"],
        ["--mcp-config", '{"mcpServers": {}}', "--max-thinking-tokens", "1000", "--permission-mode=manual"],
    ],
)
async def test_flags_of_the_pool_and_the_sdk_are_taken(tmp_path: Path, flags: list[str]) -> None:
    async with Running(tmp_path, *flags) as agent:
        assert (await agent.turn("hello"))["result"] == "Echo: hello"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"hooks": {"SessionStart": [{"hookCallbackIds": ["h"]}]}}, "'SessionStart'"),
        ({"planModeInstructions": "x"}, "'planModeInstructions'"),
    ],
)
async def test_fields_of_initialize(tmp_path: Path, fields: dict[str, object], named: str) -> None:
    async with Running(tmp_path) as agent:
        refused = await agent.reply("initialize", **fields)
        assert refused["subtype"] == "error"
        assert named in refused["error"]


@pytest.mark.parametrize("subtype", ["apply_flag_settings", "mcp_set_servers", "rewind_files"])
async def test_control_requests(tmp_path: Path, subtype: str) -> None:
    async with Running(tmp_path) as agent:
        refused = await agent.reply(subtype)
        assert (refused["subtype"], refused["error_code"]) == ("error", "unsupported_request")
        assert subtype in refused["error"]


async def test_verbs(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "f").write_text("x")
    async with Running(tmp_path, "--allowedTools=Write") as agent:
        refused = await agent.reply("get_workspace_diff")
        assert refused["error"] == "The simulator does not model get_workspace_diff in a git repository."
        for question, named in (("", "an empty side question"), ("[[hang]]", "faults of the process")):
            assert named in (await agent.reply("side_question", question=question))["error"]
        await agent.turn('[[tool: Write {"file_path": "new", "content": "x"}]]')
        assert "a use of Write" in (await agent.reply("export_conversation"))["error"]


@pytest.mark.parametrize("priority", ["next", "later", 1])
async def test_a_priority_of_a_prompt(tmp_path: Path, priority: object) -> None:
    async with Running(tmp_path) as agent:
        agent.send({"type": "user", "priority": priority, "message": {"role": "user", "content": "x"}})
        assert await agent.ended() == 1
        assert f"does not model the priority {priority!r}" in await agent.stderr()


async def test_a_hook_of_the_settings_keeps_the_tool_from_running(tmp_path: Path) -> None:
    hook = [{"matcher": "Bash", "hooks": [{"type": "command", "command": "exit 2"}]}]
    settings = json.dumps({"hooks": {"PreToolUse": hook, "Stop": hook}})
    async with Running(tmp_path, "--allowedTools=Bash", f"--settings={settings}") as agent:
        result = await agent.turn('[[tool: Bash {"command": "touch ran"}]]')
        await agent.exit()
        assert "does not run hooks of the settings: Stop" in await agent.stderr()
    assert not (tmp_path / "ran").exists()
    assert "The simulator does not run hooks of the settings" in result["result"]
    assert len(result["permission_denials"]) == 1


async def test_a_stop_hook_that_blocks(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        await agent.reply("initialize", hooks={"Stop": [{"hookCallbackIds": ["h"]}]})
        agent.prompt("hello")
        agent.answer(await agent.question(), decision="block", reason="go on")
        result = await agent.result()
        assert (result["is_error"], result["subtype"]) == (True, "error_during_execution")
        assert "A Stop hook that blocks is not modelled" in result["errors"][0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ('{"subagent_type": "nobody", "prompt": "x", "run_in_background": false}', "Agent type 'nobody' not found"),
        ('{"prompt": "x"}', "Subagents in the background are not modelled"),
        ('{"prompt": "[[tool: Bash {}]]", "run_in_background": false}', "Tools and faults of subagents"),
    ],
)
async def test_subagents(tmp_path: Path, arguments: str, named: str) -> None:
    async with Running(tmp_path) as agent:
        assert named in (await agent.turn(f"[[tool: Agent {arguments}]]"))["result"]


async def test_an_unreadable_file_of_replies(tmp_path: Path) -> None:
    (tmp_path / "replies.json").write_text("[]")
    async with Running(tmp_path, QUARTERDECK_SIM_REPLIES=str(tmp_path / "replies.json")) as agent:
        assert await agent.ended() == 1
        assert "holds no scripted replies" in await agent.stderr()


async def test_no_tool_is_used_that_a_hook_could_not_be_asked_about(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING, "--allowedTools=Bash") as agent:
        await agent.reply("initialize", hooks={"PreToolUse": [{"matcher": "Bash", "hookCallbackIds": ["h"]}]})
        agent.prompt('[[tool: Bash {"command": "touch ran"}]]')
        await agent.question()
        assert await agent.exit() == 0
    assert not (tmp_path / "ran").exists()


async def test_commands_of_the_cli(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        result = await agent.turn("/compact")
        assert result["result"] == "The command /compact is not modelled by the simulator."
        assert (result["num_turns"], result["usage"]["output_tokens"]) == (0, 0)
