"""Turns of the simulated agent: the lines and their order are those that the real CLI was seen to write."""

from __future__ import annotations

from pathlib import Path

from tests.simulated_agent.agent import Line, Running


def kinds(lines: list[Line]) -> list[str]:
    """The types of lines in order, partial events left out."""
    named = [f"{line['type']}/{line.get('subtype') or line.get('state')}" for line in lines]
    return [name.removesuffix("/None") for name in named if not name.startswith("stream_event")]


async def test_a_turn_in_the_order_of_the_cli(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        mark = agent.prompt("hello")
        result = await agent.result()
        await agent.until(lambda line: line.get("state") == "completed")
    assert kinds(agent.seen) == [
        "command_lifecycle/queued",
        "command_lifecycle/started",
        "system/init",
        "system/status",
        "assistant",
        "result/success",
        "command_lifecycle/completed",
    ]
    assert (result["result"], result["is_error"], result["terminal_reason"]) == ("Echo: hello", False, "completed")
    assert (result["user_message_uuid"], result["user_message_uuids"]) == (mark, [mark])


async def test_partial_messages_come_in_api_order(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        await agent.turn("[[think: hm]] a b")
    events = [line["event"] for line in agent.seen if line["type"] == "stream_event"]
    types = [event["type"] for event in events]
    assert types[0] == "message_start"
    assert types[-2:] == ["message_delta", "message_stop"]
    assert types.count("content_block_start") == types.count("content_block_stop") == 2
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == "Echo: a b"
    assert [delta["thinking"] for delta in deltas if "thinking" in delta] == ["hm"]


async def test_money_adds_up_and_usage_is_the_turns_own(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        first, second = await agent.turn("one"), await agent.turn("two")
    assert second["total_cost_usd"] > first["total_cost_usd"] > 0
    used = second["modelUsage"]["claude-simulator"]
    assert used["outputTokens"] == first["usage"]["output_tokens"] + second["usage"]["output_tokens"]
    assert first["usage"]["cache_creation_input_tokens"] > 0 == first["usage"]["cache_read_input_tokens"]
    assert second["usage"]["cache_creation_input_tokens"] == 0 < second["usage"]["cache_read_input_tokens"]
    assert [first["result_index"], second["result_index"]] == [0, 1]


async def test_clear_begins_a_new_conversation(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        before = await agent.turn("one")
        cleared = await agent.turn("/clear")
        after = await agent.turn("[[history]]")
    assert cleared["local_command"] == "clear"
    assert before["session_id"] != cleared["session_id"] == after["session_id"]
    assert [line["session_id"] for line in agent.seen if line["type"] == "conversation_reset"] == [before["session_id"]]
    assert after["result"].startswith("History: 1 user messages")


async def test_lines_that_wait_together_are_one_turn(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt("[[words: 3]] [[pace: 30ms]]")
        marks = [agent.prompt("b one"), agent.prompt("b two")]
        await agent.result()
        merged = await agent.result()
    assert merged["result"] == "Echo: b one\nb two"
    assert merged["user_message_uuids"] == marks


async def test_an_interrupt_keeps_what_was_said(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt("[[words: 500]] [[pace: 20ms]]")
        await agent.delta()
        assert (await agent.reply("interrupt"))["response"] == {"still_queued": []}
        result = await agent.result()
        aborted = [line for line in agent.seen if line.get("aborted")]
        after = await agent.turn("[[history]]")
    assert (result["subtype"], result["terminal_reason"]) == ("error_during_execution", "aborted_streaming")
    assert len(aborted) == 1
    assert after["result"].startswith("History: 2 user messages")


async def test_a_long_answer_without_a_pace_can_be_interrupted(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt("[[words: 1000000]]")
        await agent.delta()
        agent.control("interrupt")
        assert (await agent.result())["terminal_reason"] == "aborted_streaming"


async def test_an_interrupt_can_cancel_what_waits(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt("[[stall]] a b c d")
        await agent.delta()
        waiting = agent.prompt("never")
        receipt = await agent.reply("interrupt", cancel_queued=True)
        await agent.result()
        assert (await agent.turn("next"))["result"] == "Echo: next"
    assert receipt["response"] == {"still_queued": [], "cancelled": [waiting]}


async def test_latency_and_pace_from_the_environment(tmp_path: Path) -> None:
    async with Running(tmp_path, QUARTERDECK_SIM_LATENCY="60ms", QUARTERDECK_SIM_PACE="30ms") as agent:
        result = await agent.turn("a b c")
    assert result["ttft_ms"] >= 60
    assert result["duration_ms"] >= 60 + 3 * 30


async def test_history_survives_a_kill_and_a_resume(tmp_path: Path) -> None:
    session = "11111111-2222-4333-8444-555555555555"
    async with Running(tmp_path, f"--session-id={session}") as agent:
        await agent.turn("one")
        agent.prompt("[[words: 200]] [[pace: 20ms]]")
        await agent.delta()
        agent.process.kill()
    async with Running(tmp_path, f"--resume={session}") as agent:
        result = await agent.turn("[[history]]")
        later = await agent.turn("[[history]]")
    assert result["session_id"] == session
    assert result["result"].startswith("History: 3 user messages")
    assert later["result"].startswith("History: 4 user messages")
    (transcript,) = tmp_path.glob(f".claude/projects/*/{session}.jsonl")
    assert transcript.stat().st_mode & 0o777 == 0o600


async def test_a_damaged_transcript_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    session = "11111111-2222-4333-8444-555555555555"
    async with Running(tmp_path, f"--session-id={session}") as agent:
        await agent.turn("one")
        await agent.exit()
    (transcript,) = tmp_path.glob(f".claude/projects/*/{session}.jsonl")
    transcript.write_bytes(b'\0\0\n["x"]\n' + transcript.read_bytes() + b'{"type":"user","mess')
    async with Running(tmp_path, f"--resume={session}") as agent:
        assert (await agent.turn("[[history]]"))["result"].startswith("History: 2 user messages")
