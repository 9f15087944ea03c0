"""Commands in the background, and the turns that the agent begins by itself: recorded from CLI 2.1.330."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from tests.contract.conftest import Agents
from tests.contract.lines import OWN_TURN, TASK_ENDED, TASK_STARTED, TURN, only, words
from tests.contract.test_line_order import ALLOWED, TOOL_ROUND, settled
from tests.simulated_agent.agent import Line, Running
from tests.support.processes import until

STARTED_IN_TURN = [*TURN, "assistant*", *TASK_STARTED, *TOOL_ROUND, "success/completed", "completed"]


def background(command: str) -> str:
    """The directive that runs a command in the background."""
    return f'[[tool: Bash {{"command": "{command}", "run_in_background": true}}]]'


def gated(home: Path, then: str = "true") -> str:
    """A command that waits until a file is there."""
    return f"touch began; while [ ! -e {home}/gate ]; do sleep 0.01; done; {then}"


async def own_result(agent: Running) -> Line:
    """The result of a turn that nobody asked for."""
    return await agent.until(lambda line: line["type"] == "result" and "origin" in line)


async def test_a_task_that_ends_brings_a_turn_of_the_agents_own(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background(gated(agents.home, "echo SECRET")))
        started = list(await settled(agent))
        agent.seen.clear()
        (agents.home / "gate").touch()
        result = await own_result(agent)
        ended = list(agent.seen)
        after = await agent.turn("next")
    assert words(started) == STARTED_IN_TURN
    assert words(ended) == [*TASK_ENDED, *OWN_TURN]
    task = only(started, subtype="task_started")[0]
    changes = [line["tasks"] for line in only([*started, *ended], subtype="background_tasks_changed")]
    listed = {name: task[name] for name in ("task_id", "run_id", "task_type", "description")}
    assert changes == [[listed], []]
    assert result["origin"] == {"kind": "task-notification", "producer": "session-task", "runId": task["run_id"]}
    assert "user_message_uuid" not in result
    assert (result["num_turns"], result["is_error"]) == (1, False)
    assert result["result"].startswith("Noted: Background command ")
    assert after["result"] == "Echo: next"
    output = Path(only(ended, subtype="task_notification")[0]["output_file"])
    assert output.read_text() == "SECRET\n\n[exited with code 0]\n"


async def test_the_lines_about_a_task_have_these_fields_in_this_order(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background("true"))
        await own_result(agent)
        lines = agent.seen
    about = ["type", "subtype", "task_id", "run_id"]
    ids = ["uuid", "session_id"]
    how = ["is_backgrounded", "task_type"]
    assert list(only(lines, subtype="task_started")[0]) == [*about, "tool_use_id", "description", *how, *ids]
    updated = only(lines, subtype="task_updated")[0]
    assert list(updated) == [*about, "patch", *ids]
    assert list(updated["patch"]) == ["status", "end_time"]
    ending = ["tool_use_id", "status", "output_file", "summary"]
    assert list(only(lines, subtype="task_notification")[0]) == [*about, *ending, *ids]
    assert list(only(lines, subtype="background_tasks_changed")[0]) == ["type", "subtype", "tasks", *ids]
    (used,) = only(lines, type="user")
    assert used["tool_use_result"]["backgroundTaskId"] == updated["task_id"]


@pytest.mark.parametrize(
    ("command", "status", "how"), [("true", "completed", "exit code 0"), ("exit 3", "failed", "3")]
)
async def test_a_task_says_how_it_ended(agents: Agents, command: str, status: str, how: str) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background(command))
        await own_result(agent)
        told = only(agent.seen, subtype="task_notification")[0]
        assert told["status"] == only(agent.seen, subtype="task_updated")[0]["patch"]["status"] == status
        assert how in told["summary"]


async def test_a_task_that_ends_in_a_turn_waits_for_the_turns_end(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background(gated(agents.home)))
        await settled(agent)
        agent.seen.clear()
        agent.prompt("[[words: 60]] [[pace: 20ms]]")
        await agent.delta()
        (agents.home / "gate").touch()
        await own_result(agent)
    assert words(agent.seen) == [*TURN, *TASK_ENDED, "assistant*", "success/completed", "completed", *OWN_TURN]


async def test_a_stopped_task_brings_no_turn(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background(gated(agents.home)))
        await settled(agent)
        task = only(agent.seen, subtype="task_started")[0]["task_id"]
        agent.seen.clear()
        assert (await agent.reply("stop_task", task_id=task))["response"] == {}
        assert words(agent.seen) == [*TASK_ENDED, "replies success"]
        patch, told = (only(agent.seen, subtype=name)[0] for name in ("task_updated", "task_notification"))
        assert (patch["patch"]["status"], told["status"]) == ("killed", "stopped")
        assert (await agent.reply("stop_task", task_id=task))["response"] == {}
        assert (await agent.reply("stop_task"))["error"] == "stop_task: task_id must be a string"
        agent.seen.clear()
        assert (await agent.turn("next"))["result"] == "Echo: next"
        assert words(agent.seen) == [*TURN, "assistant*", "success/completed"]


async def test_a_task_outlives_clear(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background(gated(agents.home)))
        await settled(agent)
        agent.seen.clear()
        cleared = await agent.turn("/clear")
        (reset,) = only(agent.seen, type="conversation_reset")
        assert len(only(agent.seen, subtype="background_tasks_changed")[0]["tasks"]) == 1
        (agents.home / "gate").touch()
        assert (await own_result(agent))["session_id"] == cleared["session_id"] != reset["session_id"]


async def test_the_end_of_stdin_waits_for_a_task(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background("sleep 0.5; touch done"))
        await settled(agent)
        assert await agent.exit() == 0
    assert (agents.home / "done").exists()
    assert words(agent.seen)[-len(OWN_TURN) :] == list(OWN_TURN)


async def test_the_end_of_the_session_ends_a_task(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background(gated(agents.home)))
        await settled(agent)
        agent.seen.clear()
        agent.control("end_session")
        assert await agent.ended() == 0
    assert words(agent.seen) == ["replies success", *TASK_ENDED]


async def test_a_task_lost_with_its_process_is_told_on_resume(agents: Agents) -> None:
    session = str(uuid.uuid4())
    async with agents(ALLOWED, f"--session-id={session}") as agent:
        agent.prompt(background(gated(agents.home)))
        await settled(agent)
        task = only(agent.seen, subtype="task_started")[0]
        agent.process.kill()
    (agents.home / "gate").touch()
    async with agents(f"--resume={session}") as agent:
        result = await own_result(agent)
        assert words(agent.seen) == ["task_notification", "init", "success/None own"]
        told = only(agent.seen, subtype="task_notification")[0]
        assert (told["task_id"], told["status"], told["output_file"]) == (task["task_id"], "stopped", "")
        assert (result["origin"], result["result"]) == ({"kind": "task-notification"}, "")
        assert (result["num_turns"], result["usage"]["output_tokens"]) == (0, 0)
        assert (await agent.turn("again"))["result"] == "Echo: again"
        await agent.exit()
    async with agents(f"--resume={session}") as agent:
        assert (await agent.turn("once more"))["result"] == "Echo: once more"
        assert not only(agent.seen, subtype="task_notification")


async def test_a_task_really_runs_beside_the_agent_and_dies_with_sigterm(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt(background("echo $$ > pid; sleep 600"))
        await settled(agent)
        file = agents.home / "pid"
        await until(lambda: file.exists() and file.read_text().strip())
        pid = int(file.read_text())
        assert os.getsid(pid) != os.getsid(agent.process.pid)
        agent.process.terminate()
        assert await agent.ended() == 143
        await until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())
