"""The lines behind what is asked beside the turns, and behind a steered one: either agent writes the same."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from engine.offline_model.script import digest
from tests.contract.conftest import Agents
from tests.contract.lines import ALLOWED, TURN, Line, only, words
from tests.simulated_agent.agent import ASKING, Running

LONG = "[[words: 400]] [[pace: 20ms]]"
STEERED = [*TURN[1:], "assistant*", "success/completed", "completed"]


def steer(agent: Running, text: str) -> str:
    """Another prompt that does not wait for the running turn."""
    mark = str(uuid.uuid4())
    agent.send({"type": "user", "uuid": mark, "priority": "now", "message": {"role": "user", "content": text}})
    return mark


async def completed(agent: Running, mark: str) -> list[Line]:
    """All lines up to the end of a prompt."""
    await agent.until(lambda line: line.get("command_uuid") == mark and line.get("state") in {"completed", "cancelled"})
    return agent.seen


async def replies(agent: Running, subtype: str, **fields: Any) -> Any:
    """What a request of ours is answered with."""
    reply = await agent.reply(subtype, **fields)
    return reply.get("response", reply.get("error"))


async def test_a_steered_answer(agents: Agents) -> None:
    async with agents() as agent:
        agent.prompt(LONG)
        await agent.delta()
        lines = await completed(agent, steer(agent, "[[reply: other]]"))
    cut = ["queued", "assistant* aborted", "success/aborted_streaming", "cancelled"]
    assert words(lines) == [*TURN, *cut, *STEERED]
    first, second = only(lines, type="result")
    assert (first["is_error"], first["num_turns"], first["result"]) == (False, 1, _partial(lines))
    assert second["result"] == "other"


def _partial(lines: list[Line]) -> str:
    (cut,) = only(lines, type="assistant", aborted=True)
    return str(cut["message"]["content"][0]["text"])


async def test_a_turn_that_is_steered_before_it_has_written_anything(agents: Agents) -> None:
    async with agents() as agent:
        agent.prompt("[[delay: 30s]]")
        await agent.until(lambda line: line.get("status") == "requesting")
        lines = await completed(agent, steer(agent, "[[reply: other]]"))
    assert words(lines) == [*TURN, "queued", "error_during_execution/aborted_streaming", "cancelled", *STEERED]


async def test_a_turn_that_is_steered_while_a_tool_runs(agents: Agents) -> None:
    async with agents(ALLOWED) as agent:
        agent.prompt('[[tool: Bash {"command": "touch began; while [ ! -e go ]; do sleep 0.05; done"}]]')
        await agent.until(lambda line: line["type"] == "assistant")
        while not (agents.home / "began").exists():
            await agent.reply("get_binary_version")
        mark = steer(agent, "[[reply: other]]")
        await agent.until(lambda line: line.get("command_uuid") == mark)
        (agents.home / "go").touch()
        lines = await completed(agent, mark)
    spoken = [word for word in words(lines) if not word.startswith(("replies", "task_"))]
    ran = ["assistant*", "queued", "user", "success/aborted_tools", "cancelled"]
    assert spoken == [*TURN, *ran, *STEERED]
    first, _second = only(lines, type="result")
    assert (first["is_error"], first["num_turns"], first["result"]) == (False, 2, "")


async def test_a_turn_that_is_steered_while_it_asks(agents: Agents) -> None:
    async with agents(ASKING) as agent:
        agent.prompt('[[tool: Bash {"command": "touch never"}]]')
        await agent.question()
        lines = await completed(agent, steer(agent, "[[reply: other]]"))
    asked = ["assistant*", "asks can_use_tool", "control_cancel_request", "queued", "user"]
    assert words(lines) == [*TURN, *asked, "success/aborted_tools", "cancelled", *STEERED]
    (told,) = only(lines, type="user")
    assert told["message"]["content"][0]["content"] == "Tool permission request aborted"
    assert not (agents.home / "never").exists()


def note(agent: Running, text: str) -> str:
    """A user line that asks for no answer."""
    mark = str(uuid.uuid4())
    agent.send({"type": "user", "uuid": mark, "shouldQuery": False, "message": {"role": "user", "content": text}})
    return mark


NOTED = ["queued", "started", "init*", "success/None", "completed"]


async def test_a_note_asks_for_no_answer_and_is_read_with_the_next_prompt(agents: Agents) -> None:
    async with agents() as agent:
        assert words(await completed(agent, note(agent, "the owner is Ana"))) == NOTED
        (result,) = only(agent.seen, type="result")
        assert (result["num_turns"], result["result"], result["is_error"]) == (0, "", False)
        agent.prompt("[[history]]")
        digested = digest(["the owner is Ana", "[[history]]"])
        assert (await agent.result())["result"] == f"History: 2 user messages, digest {digested}"


async def test_a_note_waits_for_the_turn_that_runs_and_is_cancelled_with_it(agents: Agents) -> None:
    async with agents() as agent:
        agent.prompt("[[words: 40]] [[pace: 20ms]]")
        await agent.delta()
        first = note(agent, "one")
        lines = await completed(agent, first)
        assert words(lines)[-4:] == NOTED[1:]
        agent.prompt(LONG)
        await agent.delta()
        second = note(agent, "two")
        await agent.until(lambda line: line.get("command_uuid") == second)
        reply = await replies(agent, "interrupt", cancel_queued=True)
        assert second in reply["cancelled"]
        assert only(agent.seen, command_uuid=second, state="cancelled")


async def test_a_side_question_and_one_that_is_withdrawn(agents: Agents) -> None:
    async with agents() as agent:
        said = await replies(agent, "side_question", question="hi [[reply: there]]")
        assert said == {"response": "there", "synthetic": False}
        assert words(agent.seen) == ["control_request_progress", "replies success"]
        assert (await replies(agent, "side_question"))["synthetic"] is True
        used = await replies(agent, "side_question", question='[[tool: Bash {"command": "touch never"}]]')
        assert used["response"].startswith("(The model tried to call Bash instead of answering directly.")
        agent.control("side_question", question="hi [[delay: 30s]]")
        await agent.until(lambda line: line.get("subtype") == "control_request_progress")
        agent.send({"type": "control_cancel_request", "request_id": "side_question"})
        refused = await agent.until(lambda line: line["type"] == "control_response")
        assert refused["response"]["error"] == "Side question cancelled"
        assert not only(agent.seen, type="command_lifecycle")


async def test_why_a_conversation_does_not_go_back(agents: Agents) -> None:
    async with agents() as agent:
        marks = []
        for number in range(2):
            marks.append(agent.prompt(f"p{number}"))
            await agent.result()
        stranger = str(uuid.uuid4())
        nothing = {"rewound": False, "prefillText": None, "precedingAssistantUuid": None}
        for target, last, reason in (
            (stranger, marks[1], "target_not_found"),
            (stranger, None, "target_not_found"),
            (marks[0], None, "stale_target"),
            (marks[0], marks[0], "unseen_later_turn"),
            (marks[0], stranger, "unseen_later_turn"),
        ):
            seen = {} if last is None else {"last_seen_user_message_uuid": last}
            reply = await replies(agent, "rewind_conversation", target_message_uuid=target, **seen)
            assert reply == {**nothing, "reason": reason, "error": reason.replace("_", " ")}
        refused = await agent.reply("rewind_conversation", last_seen_user_message_uuid=marks[1])
        assert refused["error"] == "rewind_conversation: target_message_uuid must be a string"
        agent.prompt(LONG)
        await agent.delta()
        reply = await replies(
            agent, "rewind_conversation", target_message_uuid=marks[0], last_seen_user_message_uuid=marks[1]
        )
        assert reply == {**nothing, "reason": "turn_running", "error": "turn running"}


@pytest.mark.parametrize("count", [0, 2])
async def test_a_conversation_goes_back(agents: Agents, count: int) -> None:
    async with agents() as agent:
        marks = []
        for number in range(3):
            marks.append(agent.prompt(f"p{number} [[reply: r{number}]]"))
            await agent.result()
        reply = await replies(
            agent, "rewind_conversation", target_message_uuid=marks[count], last_seen_user_message_uuid=marks[2]
        )
        before = [line["uuid"] for line in only(agent.seen, type="assistant")][:count]
        assert reply == {
            "rewound": True,
            "targetMessageUuid": marks[count],
            "prefillText": f"p{count} [[reply: r{count}]]",
            "precedingAssistantUuid": before[-1] if before else None,
        }
        exported = (await replies(agent, "export_conversation"))["text"]
        assert exported == "".join(f"\n❯ p{n} [[reply: r{n}]]\n\n● r{n}\n" for n in range(count)).rstrip("\n")
