"""The plain ways that the pool is measured against: one CLI a prompt, the SDK's query, a bare held-open process."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from engine.backends.base import AgentCommand
from engine.base.errors import QuarterdeckError

Ask = Callable[[str], Awaitable[str]]
"""One prompt, its answer."""

_LINE_LIMIT = 64 << 20
_RESULT, _PIECE = b'"type":"result"', b'"text_delta"'


class WrongAnswer(QuarterdeckError):
    """A way gave another answer than the prompt asks for, so it may not be compared."""

    code = "wrong_answer"


def one_process(command: AgentCommand) -> Ask:
    """`claude -p PROMPT`, a new process each, in the same environment as the pool's sessions."""

    async def ask(prompt: str) -> str:
        process = await _spawn(command, prompt)
        out, _ = await process.communicate()
        return out.decode().strip()

    return ask


class ResumedCli:
    """`claude -p --resume=ID PROMPT`, a new process for each prompt of a conversation."""

    def __init__(self, command: AgentCommand) -> None:
        self._command = command

    async def begin(self) -> str:
        """A conversation's first turn; returns its id."""
        conversation = str(uuid.uuid4())
        await self._run(f"--session-id={conversation}", "[[words: 3]]")
        return conversation

    async def ask(self, conversation: str, prompt: str) -> str:
        """The next turn of a conversation."""
        return await self._run(f"--resume={conversation}", prompt)

    async def _run(self, which: str, prompt: str) -> str:
        process = await _spawn(self._command, which, prompt)
        out, _ = await process.communicate()
        return out.decode().strip()


async def first_piece(command: AgentCommand, prompt: str) -> float:
    """Seconds from the start of a `claude -p` that streams to the first piece of its answer. Raises WrongAnswer."""
    began, first = time.perf_counter(), 0.0
    streams = ("--output-format=stream-json", "--verbose", "--include-partial-messages")
    process = await _spawn(command, *streams, prompt)
    if process.stdout is None:
        raise RuntimeError("a pipe was asked for and not given")
    while line := await process.stdout.readline():
        if not first and _PIECE in line:
            first = time.perf_counter() - began
    await process.wait()
    if not first:
        raise WrongAnswer("`claude -p` streamed no piece of its answer")
    return first


async def _spawn(command: AgentCommand, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        command.argv[0],
        "-p",
        "--strict-mcp-config",
        *arguments,
        cwd=command.cwd,
        env=dict(command.environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
    )


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
async def held_open(command: AgentCommand, hear: Callable[[bytes], object] = len) -> AsyncIterator[Ask]:
    """The least that can hold a session: lines in, lines out, the same flags as the pool's, nothing around it.

    `hear` is called with each line.
    """
    async with held_process(command, hear) as (ask, _pid):
        yield ask


@asynccontextmanager
async def held_process(command: AgentCommand, hear: Callable[[bytes], object] = len) -> AsyncIterator[tuple[Ask, int]]:
    """The same, with the process's id."""
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
            hear(line)
            if _RESULT in line:
                return str(json.loads(line)["result"]).strip()
        return ""

    try:
        yield ask, process.pid
    finally:
        process.stdin.close()
        await process.wait()
