"""Servers of the host, subagents, files of the project and mirrored transcripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.simulated_agent.agent import ASKING, Line, Running

SERVER = '{"mcpServers": {"calc": {"type": "sdk", "name": "calc"}}}'
ADD = '[[tool: mcp__calc__add {"a": 1, "b": 2}]]'
TOOLS = {"tools": [{"name": "add"}, {"name": "halve"}]}


async def served(agent: Running, **results: Any) -> Line:
    """The result of the running turn; the host answers messages to its server by their methods."""
    while True:
        line = await agent.until(lambda line: line["type"] in {"control_request", "result"})
        if line["type"] == "result":
            return line
        request = line["request"]
        if request["subtype"] == "can_use_tool":
            agent.answer(line, behavior="allow")
            continue
        message = request["message"]
        result = results.get(message["method"].replace("/", "_"), {})
        reply = {
            "jsonrpc": "2.0",
            "id": message.get("id"),
            **({} if "error" in result else {"result": result}),
            **result,
        }
        agent.answer(line, mcp_response=reply)


def calls(agent: Running) -> list[str]:
    """The methods that the host's server was called with, in order."""
    requests = [line["request"] for line in agent.seen if line["type"] == "control_request"]
    return [request["message"]["method"] for request in requests if request["subtype"] == "mcp_message"]


async def test_a_server_is_greeted_once_and_called(tmp_path: Path) -> None:
    said = {"content": [{"type": "text", "text": "3"}]}
    async with Running(tmp_path, "--mcp-config", SERVER, "--allowedTools=mcp__calc__add") as agent:
        agent.prompt(ADD)
        result = await served(agent, tools_list=TOOLS, tools_call=said)
        agent.prompt("next")
        await served(agent)
        status = await agent.reply("mcp_status")
    assert result["result"] == "Tool said: 3"
    assert calls(agent) == ["initialize", "notifications/initialized", "tools/list", "tools/call"]
    init = next(line for line in agent.seen if line.get("subtype") == "init")
    assert {"mcp__calc__add", "mcp__calc__halve"} <= set(init["tools"])
    assert status["response"]["mcpServers"] == [{"name": "calc", "status": "connected", "source": "sdk"}]


async def test_a_servers_tool_needs_leave_and_may_fail(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING, "--mcp-config", SERVER) as agent:
        agent.prompt(ADD)
        failed = await served(agent, tools_list=TOOLS, tools_call={"error": {"message": "no numbers"}})
    assert failed["result"] == "Tool said: no numbers"
    async with Running(tmp_path, "--mcp-config", SERVER) as agent:
        agent.prompt(ADD)
        denied = await served(agent, tools_list=TOOLS)
    assert "tools/call" not in calls(agent)
    assert len(denied["permission_denials"]) == 1


async def test_a_server_that_cannot_be_greeted_has_no_tools(tmp_path: Path) -> None:
    async with Running(tmp_path, "--mcp-config", SERVER) as agent:
        agent.prompt(ADD)
        result = await served(agent, initialize={"error": {"message": "gone"}})
        status = await agent.reply("mcp_status")
    assert "No such tool available: mcp__calc__add" in result["result"]
    assert status["response"]["mcpServers"][0]["status"] == "failed"


AGENT = '[[tool: Agent {"description": "d", "subagent_type": "helper", "prompt": "hi", "run_in_background": false}]]'


async def test_a_subagent_answers_in_a_transcript_of_its_own(tmp_path: Path) -> None:
    for forwards in (True, False):
        async with Running(tmp_path, "--session-mirror") as agent:
            await agent.reply("initialize", agents={"helper": {"prompt": "x"}}, forwardSubagentText=forwards)
            result = await agent.turn(f"{AGENT} [[reply: done]]")
        own = [line for line in agent.seen if line.get("parent_tool_use_id")]
        assert [line["type"] for line in own] == (["user", "assistant"] if forwards else [])
        assert result["result"] == "done"
        folder = next(tmp_path.glob(f".claude/projects/*/{result['session_id']}/subagents"))
        (kept,) = folder.glob("agent-*.jsonl")
        entries = [json.loads(line) for line in kept.read_text().splitlines()]
        assert [entry["parentUuid"] for entry in entries] == [None, entries[0]["uuid"]]
        (metadata,) = folder.glob("agent-*.meta.json")
        used = next(line for line in agent.seen if line["type"] == "assistant")["message"]["content"][0]["id"]
        assert json.loads(metadata.read_text())["toolUseId"] == used
        assert any(line["type"] == "transcript_mirror" and "agent-" in line["filePath"] for line in agent.seen)


async def test_a_mirror_shows_what_the_transcript_holds(tmp_path: Path) -> None:
    async with Running(tmp_path, "--session-mirror") as agent:
        session = (await agent.turn("one"))["session_id"]
        await agent.exit()
    (file,) = tmp_path.glob(f".claude/projects/*/{session}.jsonl")
    mirrored = [entry for line in agent.seen if line["type"] == "transcript_mirror" for entry in line["entries"]]
    assert mirrored == [json.loads(line) for line in file.read_text().splitlines()]
    assert mirrored[-1]["type"] == "cost-state"


async def test_files_of_the_project_count_by_their_source(tmp_path: Path) -> None:
    folder = tmp_path / ".claude"
    (folder / "agents").mkdir(parents=True)
    (folder / "commands").mkdir()
    (folder / "agents" / "a.md").write_text("---\nname: reviewer\ndescription: Reviews\n---\nText")
    (folder / "commands" / "ship.md").write_text("Ship it")
    rules = {"permissions": {"allow": ["Bash"], "deny": ["Read"]}, "outputStyle": "local"}
    (folder / "settings.local.json").write_text(json.dumps(rules))
    seen = {}
    for sources in ("user", "project,local"):
        home = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "config")}
        async with Running(tmp_path, f"--setting-sources={sources}", **home) as agent:
            result = await agent.turn('[[tool: Bash {"command": "touch granted"}]]')
            seen[sources] = next(line for line in agent.seen if line.get("subtype") == "init")
            # A folder cannot grant itself the use of a tool.
            assert len(result["permission_denials"]) == 1
    assert seen["user"]["output_style"] == "default"
    assert "reviewer" not in seen["user"]["agents"]
    assert seen["project,local"]["output_style"] == "local"
    assert "reviewer" in seen["project,local"]["agents"]
    assert "ship" in seen["project,local"]["slash_commands"]
    assert "Read" not in seen["project,local"]["tools"]


async def test_the_newest_conversation_of_the_folder_is_continued(tmp_path: Path) -> None:
    async with Running(tmp_path, "--continue") as agent:
        first = await agent.turn("one")
    async with Running(tmp_path, "--continue") as agent:
        second = await agent.turn("[[history]]")
    assert second["session_id"] == first["session_id"]
    assert second["result"].startswith("History: 2 user messages")


async def test_replies_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "replies.json"
    file.write_text('{"replies": [{"prompt": "Say (.+)", "script": "[[reply: $1!]]"}]}')
    async with Running(tmp_path, QUARTERDECK_SIM_REPLIES=str(file)) as agent:
        assert (await agent.turn("Say hello"))["result"] == "hello!"
        assert (await agent.turn("other"))["result"] == "Echo: other"


async def test_the_origin_of_a_user_line_comes_back_with_its_result(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        message = {"role": "user", "content": "one"}
        agent.send({"type": "user", "message": message, "origin": {"kind": "human"}})
        assert (await agent.result())["origin"] == {"kind": "human"}
        assert "origin" not in await agent.turn("two")


async def test_more_tasks_than_the_bound_are_not_started(tmp_path: Path) -> None:
    from engine.simulated_agent.background import MOST_TASKS

    many = "".join('[[tool: Bash {"command": "sleep 600", "run_in_background": true}]]' for _ in range(MOST_TASKS + 1))
    async with Running(tmp_path, "--allowedTools=Bash") as agent:
        result = await agent.turn(many)
        agent.control("end_session")
        await agent.ended()
    assert result["result"] == "Tool said: Too many commands run in the background already."
