"""The real CLI on the offline model: the faults must look as they were measured."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.offline_model.server import OfflineModel

pytestmark = pytest.mark.real_cli

FLAGS = ("-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose", "--setting-sources=")
DEADLINE_S = 60


@pytest.fixture
async def model() -> AsyncIterator[OfflineModel]:
    async with OfflineModel() as running:
        yield running


def environment(model: OfflineModel, home: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / "config"),
        "ANTHROPIC_API_KEY": "offline",
        "ANTHROPIC_BASE_URL": model.url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        **more,
    }


async def results(
    claude: Path, home: Path, env: dict[str, str], *prompts: str, flags: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """The result lines of one process that is given the prompts one after the other."""
    process = await asyncio.create_subprocess_exec(
        str(claude), *FLAGS, *flags, stdin=-1, stdout=-1, stderr=-3, env=env, cwd=home, limit=1 << 26
    )
    assert process.stdin
    assert process.stdout
    found = []
    try:
        for prompt in prompts:
            message = {"role": "user", "content": prompt}
            line = {"type": "user", "uuid": str(uuid.uuid4()), "session_id": "", "message": message}
            process.stdin.write(json.dumps(line).encode() + b"\n")
            found.append(await asyncio.wait_for(_result(process.stdout), DEADLINE_S))
        return found
    finally:
        process.kill()
        await process.wait()


async def _result(stdout: asyncio.StreamReader) -> dict[str, Any]:
    async for line in stdout:
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "result":
            return message
    raise AssertionError("the CLI ended without a result")


async def test_turns_clear_and_history(claude: Path, model: OfflineModel, tmp_path: Path) -> None:
    told = await results(
        claude, tmp_path, environment(model, tmp_path), "hello", "[[history]]", "/clear", "[[history]]"
    )
    assert told[0]["result"] == "Echo: hello"
    assert told[1]["result"].startswith("History: 2 user messages")
    assert told[3]["result"].startswith("History: 1 user messages")
    assert [told[0]["is_error"], told[0]["terminal_reason"]] == [False, "completed"]
    assert model.requests[0].session == told[0]["session_id"] != told[3]["session_id"]


async def test_a_tool_is_really_used(claude: Path, model: OfflineModel, tmp_path: Path) -> None:
    prompt = '[[tool: Bash {"command": "echo made > proof; cat proof"}]]'
    (result,) = await results(claude, tmp_path, environment(model, tmp_path), prompt, flags=("--allowedTools=Bash",))
    assert result["result"] == "Tool said: made"
    assert (tmp_path / "proof").read_text() == "made\n"


@pytest.mark.parametrize(
    ("name", "status", "error_type", "text"),
    [
        ("http400_credit_balance", 400, "invalid_request_error", "Credit balance is too low"),
        ("http401_invalid_key", 401, "authentication_error", "Invalid API key"),
        ("http403_html", 403, None, "Failed to authenticate. API Error: 403 Forbidden"),
        ("http429_plain", 429, "rate_limit_error", "API Error: Request rejected (429)"),
        ("http529", 529, "overloaded_error", "API Error: "),
        ("sse_error_overloaded_mid_nofallback", 529, "overloaded_error", "API Error: Overloaded"),
        ("net_rst_mid_stream", None, None, "API Error: Connection to the API was lost (ECONNRESET)"),
        ("http_garbage", None, None, "API Error: Unable to connect to API (Malformed_HTTP_Response)"),
    ],
)
async def test_a_fault_reads_as_it_was_measured(
    claude: Path, model: OfflineModel, tmp_path: Path, name: str, status: int | None, error_type: str | None, text: str
) -> None:
    env = environment(model, tmp_path, CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK="1")
    (result,) = await results(claude, tmp_path, env, f"one two three four [[fault: {name}]]")
    assert result["is_error"]
    assert result["terminal_reason"] == "api_error"
    assert (result.get("api_error_status"), result.get("api_error_type")) == (status, error_type)
    assert result["result"].startswith(text)


async def test_the_clis_own_retry_meets_a_counted_fault(claude: Path, model: OfflineModel, tmp_path: Path) -> None:
    env = environment(model, tmp_path, CLAUDE_CODE_MAX_RETRIES="2")
    (result,) = await results(claude, tmp_path, env, "ready [[fault: http500 x1]]")
    assert (result["is_error"], result["result"]) == (False, "Echo: ready")
    assert [record.status for record in model.requests if record.prompt] == [500, 200]


@pytest.mark.parametrize(("words", "failed"), [(40, False), (400, True)])
async def test_an_answer_over_the_limit_is_gone_on_with(
    claude: Path, model: OfflineModel, tmp_path: Path, words: int, failed: bool
) -> None:
    env = environment(model, tmp_path, CLAUDE_CODE_MAX_OUTPUT_TOKENS="30")
    result, after = await results(claude, tmp_path, env, f"[[words: {words}]]", "[[history]]")
    assert result["is_error"] is failed
    assert [record.prompt for record in model.requests if not record.side_call] == [f"[[words: {words}]]"] * (
        4 if failed else 3
    ) + ["[[history]]"]
    assert after["result"].startswith("History: 2 user messages")
    if failed:
        assert "exceeded the 30 output token maximum" in result["result"]
