"""The simulated agent as a process: flags, control requests, signals, faults, its ends."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from engine.offline_model.faults import FAULTS, FaultShape
from engine.simulated_agent.failures import failure
from tests.simulated_agent.agent import Running

SESSION = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--no-such-flag", "error: unknown option '--no-such-flag'"),
        ("--session-id=abc", "Error: Invalid session ID. Must be a valid UUID."),
        ("--permission-mode=bogus", "argument 'bogus' is invalid. Allowed choices are acceptEdits"),
        (f"--resume={SESSION}", f"No conversation found with session ID: {SESSION}"),
        ("--resume=abc", '"abc" is not a UUID'),
    ],
)
async def test_bad_flags_end_it_with_one_line(tmp_path: Path, flag: str, said: str) -> None:
    async with Running(tmp_path, flag) as agent:
        assert await agent.ended() == 1
        assert said in await agent.stderr()
    results = [line["subtype"] for line in agent.seen]
    assert results == (["error_during_execution"] if "resume" in flag else [])


async def test_a_session_id_is_used_once(tmp_path: Path) -> None:
    async with Running(tmp_path, f"--session-id={SESSION}") as agent:
        assert (await agent.turn("one"))["session_id"] == SESSION
    async with Running(tmp_path, f"--session-id={SESSION}") as agent:
        assert await agent.ended() == 1
        assert "is already in use" in await agent.stderr()


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'"x"', b'{"type":"zzz"}', b'{"type":"keep_alive"}'])
async def test_lines_that_are_ignored(tmp_path: Path, line: bytes) -> None:
    async with Running(tmp_path) as agent:
        agent.raw(line)
        assert "version" in (await agent.reply("get_binary_version"))["response"]
        assert await agent.exit() == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"nope", "Error parsing streaming input line (type=unknown, 4 chars): SyntaxError"),
        (b'{"type":"user"}', "Error: Expected message role 'user', got 'undefined'"),
        (b'{"type":"user","message":{"role":"assistant"}}', "got 'assistant'"),
        (b'{"type":"control_request","request_id":"1"}', "Error: Missing request on control_request"),
    ],
)
async def test_lines_that_end_it(tmp_path: Path, line: bytes, said: str) -> None:
    async with Running(tmp_path) as agent:
        agent.raw(line)
        assert await agent.ended() == 1
        assert said in await agent.stderr()


async def test_control_requests(tmp_path: Path) -> None:
    async with Running(tmp_path, "--model=some-model") as agent:
        started = (await agent.reply("initialize"))["response"]
        assert (started["pid"], started["session_state"]) == (agent.process.pid, "idle")
        assert (await agent.reply("mcp_status"))["response"] == {"mcpServers": []}
        assert (await agent.reply("set_model", model="other"))["response"] == {"model": "other"}
        assert (await agent.reply("set_permission_mode", mode="plan"))["response"] == {"mode": "plan"}
        refused = await agent.reply("set_permission_mode", mode="bypassPermissions")
        assert refused["error_code"] == "bypass_not_launched"
        assert (await agent.reply("nonsense"))["error_code"] == "unsupported_request"
        before = (await agent.reply("get_context_usage", detail="summary"))["response"]["totalTokens"]
        await agent.turn("x" * 4000)
        after = (await agent.reply("get_context_usage", detail="summary"))["response"]["totalTokens"]
        assert after >= before + 1000
        init = next(line for line in agent.seen if line.get("subtype") == "init")
        assert (init["model"], init["permissionMode"]) == ("other", "plan")


async def test_end_session(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        assert (await agent.reply("end_session"))["subtype"] == "success"
        assert await agent.ended() == 0


async def test_probes_are_answered_in_a_stall(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt("[[stall]] a b c d")
        await agent.delta()
        assert (await agent.reply("get_binary_version"))["subtype"] == "success"


async def test_a_hang_is_deaf_to_probes_and_to_sigterm(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt("[[hang]]")
        await agent.until(lambda line: line["type"] == "stream_event")
        agent.control("get_binary_version")
        agent.process.terminate()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(agent.until(lambda _: True), 0.5)
        assert agent.process.returncode is None


async def test_sigstop_and_sigcont(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        await agent.turn("one")
        agent.process.send_signal(signal.SIGSTOP)
        agent.control("mcp_status")
        agent.process.send_signal(signal.SIGCONT)
        reply = await agent.until(lambda line: line["type"] == "control_response")
        assert reply["response"]["subtype"] == "success"


@pytest.mark.parametrize(
    ("prompt", "number", "code"),
    [
        ("[[stall]] a b c d", signal.SIGTERM, 143),
        ("[[stall]] a b c d", signal.SIGHUP, 129),
        ("[[stall]] a b c d", signal.SIGINT, 0),
        ("[[stall]] a b c d", signal.SIGKILL, -9),
    ],
)
async def test_signals_in_a_turn(tmp_path: Path, prompt: str, number: int, code: int) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt(prompt)
        await agent.delta()
        agent.process.send_signal(number)
        assert await agent.ended() == code
    aborted = [line for line in agent.seen if line.get("terminal_reason") == "aborted_streaming"]
    assert len(aborted) == (1 if number == signal.SIGINT else 0)


async def test_the_end_of_stdin_lets_the_turn_finish(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt("[[words: 5]] [[pace: 20ms]]")
        assert await agent.exit() == 0
    assert agent.seen[-2]["terminal_reason"] == "completed"


async def test_the_exit_code_tells_of_a_last_error(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        await agent.turn("[[fault: http403_html]]")
        assert await agent.exit() == 1


@pytest.mark.parametrize(("prompt", "code"), [("[[crash]]", -6), ("[[exit: 7]]", 7)])
async def test_scripted_ends(tmp_path: Path, prompt: str, code: int) -> None:
    async with Running(tmp_path) as agent:
        agent.prompt(prompt)
        assert await agent.ended() == code
    assert all(line["type"] != "result" for line in agent.seen)


async def test_garbage_flood_and_leak(tmp_path: Path) -> None:
    async with Running(tmp_path) as agent:
        await agent.turn("small")
        before = resident(agent.process.pid)
        assert (await agent.turn("[[garbage]] [[flood: 500]] [[leak: 32MiB]] ok"))["result"] == "Echo: ok"
        assert resident(agent.process.pid) - before > 30 << 20
    assert len(agent.garbage) == 1
    assert sum(line.get("event") == {"type": "ping"} for line in agent.seen) == 500


async def test_a_fault_is_retried_as_the_cli_would(tmp_path: Path) -> None:
    async with Running(tmp_path, CLAUDE_CODE_MAX_RETRIES="1") as agent:
        result = await agent.turn("[[fault: http529]]")
        retries = [line for line in agent.seen if line.get("subtype") == "api_retry"]
        assert [(retry["error_status"], retry["error"]) for retry in retries] == [(529, "overloaded")]
        synthetic = next(line for line in agent.seen if line["type"] == "assistant")
        assert (synthetic["message"]["model"], synthetic["is_api_error_message"]) == ("<synthetic>", True)
    assert (result["subtype"], result["is_error"], result["api_error_status"]) == ("success", True, 529)
    assert (result["terminal_reason"], result["api_error_type"]) == ("api_error", "overloaded_error")


async def test_a_counted_fault_ends(tmp_path: Path) -> None:
    async with Running(tmp_path, CLAUDE_CODE_MAX_RETRIES="0") as agent:
        turns = [await agent.turn("again [[fault: http500 x2]]") for _ in range(3)]
    assert [turn["is_error"] for turn in turns] == [True, True, False]


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.how is FaultShape.ERROR])
def test_an_http_fault_shows_its_status(name: str) -> None:
    shown = failure(name, "model")
    assert shown is not None
    assert shown.status == FAULTS[name].status


@pytest.mark.parametrize(
    ("name", "error", "reason", "retried", "text"),
    [
        ("http400_credit_balance", "billing_error", "api_error", False, "Credit balance is too low"),
        ("http400_maxtok_exceed_context", "invalid_request", "prompt_too_long", False, "Prompt is too long"),
        ("http401_invalid_key", "authentication_failed", "api_error", True, "Invalid API key"),
        ("http403_html", "authentication_failed", "api_error", False, "Failed to authenticate. API Error: 403"),
        ("http404_model", "model_not_found", "api_error", False, "There's an issue with the selected model (model)."),
        ("http413", "invalid_request", "image_error", False, "Request too large (max 32MB)."),
        ("http429_plain", "rate_limit", "api_error", True, "API Error: Request rejected (429) · This request"),
        ("http429_should_retry_false", "rate_limit", "api_error", False, "API Error: Request rejected (429)"),
        ("http503", "server_error", "api_error", True, "API Error: 503 Service temporarily unavailable."),
        ("net_rst_mid_stream", "server_error", "api_error", True, "API Error: Connection to the API was lost"),
        ("sse_error_overloaded_mid_nofallback", "unknown", "api_error", False, "API Error: Overloaded"),
    ],
)
def test_faults_show_as_they_were_measured(name: str, error: str, reason: str, retried: bool, text: str) -> None:
    shown = failure(name, "model")
    assert shown is not None
    assert (shown.error, shown.terminal_reason, shown.retried) == (error, reason, retried)
    assert shown.text_after(0).startswith(text)


def test_faults_that_the_cli_heals_do_not_show() -> None:
    assert failure("sse_empty_fallback_ok", "model") is None
    assert failure("oauth_warning_headers", "model") is None


async def test_an_unknown_fault_is_told(tmp_path: Path) -> None:
    async with Running(tmp_path, CLAUDE_CODE_MAX_RETRIES="0") as agent:
        assert "There is no fault 'nonsense'" in (await agent.turn("[[fault: nonsense]]"))["result"]


def resident(pid: int) -> int:
    """Resident bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmRSS")
