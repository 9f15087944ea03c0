"""The plain ways that the pool is measured against: one CLI a prompt, the SDK's query, a bare held-open process."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from engine.backends.base import AgentCommand
from engine.base.errors import QuarterdeckError

Ask = Callable[[str], Awaitable[str]]
"""One prompt, its answer."""

_LINE_LIMIT = 64 << 20
_RESULT = b'"type":"result"'


class WrongAnswer(QuarterdeckError):
    """A way gave another answer than the prompt asks for, so it may not be compared."""

    code = "wrong_answer"


def one_process(command: AgentCommand) -> Ask:
    """`claude -p PROMPT`, a new process each, in the same environment as the pool's sessions."""

    async def ask(prompt: str) -> str:
        process = await asyncio.create_subprocess_exec(
            command.argv[0],
            "-p",
            "--strict-mcp-config",
            prompt,
            cwd=command.cwd,
            env=dict(command.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        return out.decode().strip()

    return ask


def sdk_query(command: AgentCommand) -> Ask:
    """`claude_agent_sdk.query()`, a new process each too, with the same system prompt and settings."""
    from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query

    options = ClaudeAgentOptions(
        cli_path=command.argv[0],
        cwd=command.cwd,
        env=dict(command.environment),
        system_prompt={"type": "preset", "preset": "claude_code"},
        setting_sources=["user", "project", "local"],
        include_partial_messages=True,
        strict_mcp_config=True,
    )

    async def ask(prompt: str) -> str:
        text = ""
        async for message in query(prompt=prompt, options=options):
            if isinstance(message, ResultMessage):
                text = message.result or ""
        return text.strip()

    return ask


def has_sdk() -> bool:
    """Whether the SDK is installed (extra `bench`)."""
    return importlib.util.find_spec("claude_agent_sdk") is not None


@asynccontextmanager
async def held_open(command: AgentCommand) -> AsyncIterator[Ask]:
    """The least that can hold a session: lines in, lines out, the same flags as the pool's, nothing around it."""
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.cwd,
        env=dict(command.environment),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a pipe was asked for and not given")
    write, read_line = process.stdin.write, process.stdout.readline

    async def ask(prompt: str) -> str:
        message = {"role": "user", "content": prompt}
        write(json.dumps({"type": "user", "message": message, "uuid": str(uuid.uuid4())}).encode() + b"\n")
        while line := await read_line():
            if _RESULT in line:
                return str(json.loads(line)["result"]).strip()
        return ""

    try:
        yield ask
    finally:
        process.stdin.close()
        await process.wait()
