"""Tools and permissions of the simulated agent."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tests.simulated_agent.agent import ASKING, DEADLINE_S, Running

TOUCH = '[[tool: Bash {"command": "touch made"}]]'


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def gone(pid: int) -> bool:
    end = time.monotonic() + DEADLINE_S
    while alive(pid) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return not alive(pid)


async def long_tool(agent: Running) -> int:
    """Start a command that outlasts the test, with a child of its own; the child's pid."""
    agent.prompt('[[tool: Bash {"command": "sleep 600 & echo $! > pid; wait"}]]')
    end = time.monotonic() + DEADLINE_S
    file = agent.home / "pid"
    while not (file.exists() and file.read_text().strip()) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return int(file.read_text())


async def test_allowed(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        agent.prompt(TOUCH)
        question = await agent.question()
        assert question["request"]["tool_name"] == "Bash"
        assert not (tmp_path / "made").exists()
        agent.answer(question, behavior="allow", updatedInput=question["request"]["input"])
        result = await agent.result()
    assert (tmp_path / "made").exists()
    assert (result["result"], result["num_turns"]) == ("Tool said: (Bash completed with no output)", 2)


async def test_the_host_may_change_the_input(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        agent.prompt(TOUCH)
        agent.answer(await agent.question(), behavior="allow", updatedInput={"command": "echo other"})
        assert (await agent.result())["result"] == "Tool said: other"


async def test_denied(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        agent.prompt(TOUCH)
        agent.answer(await agent.question(), behavior="deny", message="no way")
        result = await agent.result()
    assert not (tmp_path / "made").exists()
    assert (result["is_error"], result["result"]) == (False, "Tool said: no way")
    assert [denial["tool_input"] for denial in result["permission_denials"]] == [{"command": "touch made"}]


async def test_denied_with_an_interrupt(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        agent.prompt(TOUCH)
        agent.answer(await agent.question(), behavior="deny", message="no", interrupt=True)
        result = await agent.result()
    assert (result["is_error"], result["terminal_reason"]) == (True, "aborted_tools")


async def test_an_answer_that_makes_no_sense_is_a_denial(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        agent.prompt(TOUCH)
        agent.answer(await agent.question(), nonsense=1)
        assert len((await agent.result())["permission_denials"]) == 1


async def test_an_interrupt_withdraws_the_question(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        agent.prompt(TOUCH)
        question = await agent.question()
        agent.control("interrupt")
        result = await agent.result()
    withdrawn = [line["request_id"] for line in agent.seen if line["type"] == "control_cancel_request"]
    assert withdrawn == [question["request_id"]]
    assert (result["terminal_reason"], len(result["permission_denials"])) == ("aborted_tools", 1)


async def test_without_anybody_to_ask_it_is_denied(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        assert len((await agent.turn(TOUCH))["permission_denials"]) == 1


async def test_stdin_closed_at_a_question_denies_and_the_turn_goes_on(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        agent.prompt(TOUCH)
        await agent.question()
        assert await agent.exit() == 0
    assert "stream closed" in agent.seen[-2]["result"]


async def test_reading_is_never_asked_about(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING) as agent:
        assert (await agent.turn('[[tool: Bash {"command": "echo hi"}]]'))["result"] == "Tool said: hi"
        agent.prompt('[[tool: Bash {"command": "echo hi > made"}]]')
        await agent.question()


async def test_rules_allow_and_forbid(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING, "--allowedTools=Bash(touch:*)", "--disallowedTools=Write") as agent:
        await agent.turn(TOUCH)
        assert (tmp_path / "made").exists()
        removed = await agent.turn('[[tool: Write {"file_path": "w", "content": "x"}]]')
        assert "No such tool available: Write" in removed["result"]
        assert not (tmp_path / "w").exists()


async def test_accept_edits_writes_files(tmp_path: Path) -> None:
    async with Running(tmp_path, ASKING, "--permission-mode=acceptEdits") as agent:
        path = tmp_path / "w"
        await agent.turn(f'[[tool: Write {{"file_path": "{path}", "content": "one"}}]]')
        await agent.turn(f'[[tool: Edit {{"file_path": "{path}", "old_string": "one", "new_string": "two"}}]]')
        read = await agent.turn(f'[[tool: Read {{"file_path": "{path}"}}]]')
    assert read["result"] == "Tool said: 1\ttwo"


async def test_a_failing_tool_says_so(tmp_path: Path) -> None:
    async with Running(tmp_path, "--allowedTools=Bash") as agent:
        failed = await agent.turn('[[tool: Bash {"command": "echo oops; exit 3"}]]')
        unknown = await agent.turn("[[tool: Dance {}]]")
        late = await agent.turn('[[tool: Bash {"command": "exec >&- 2>&-; sleep 600", "timeout": 100}]]')
    assert failed["result"] == "Tool said: Exit code 3\noops"
    assert "No such tool available: Dance" in unknown["result"]
    assert late["result"] == "Tool said: Command timed out after 0.1s"


async def test_an_interrupt_kills_the_tools_tree(tmp_path: Path) -> None:
    async with Running(tmp_path, "--allowedTools=Bash") as agent:
        child = await long_tool(agent)
        assert os.getsid(child) != os.getsid(agent.process.pid)
        agent.control("interrupt")
        result = await agent.result()
        assert (result["terminal_reason"], result["permission_denials"]) == ("aborted_tools", [])
        assert await gone(child)
        assert (await agent.turn("on"))["result"] == "Echo: on"


async def test_sigterm_kills_the_tools_tree(tmp_path: Path) -> None:
    async with Running(tmp_path, "--allowedTools=Bash") as agent:
        child = await long_tool(agent)
        agent.process.terminate()
        assert await agent.ended() == 143
        assert await gone(child)


async def test_stdin_closed_in_a_tool_waits_for_it(tmp_path: Path) -> None:
    async with Running(tmp_path, "--allowedTools=Bash") as agent:
        agent.prompt('[[tool: Bash {"command": "sleep 0.3; echo done"}]]')
        assert await agent.exit() == 0
    assert agent.seen[-2]["result"] == "Tool said: done"
