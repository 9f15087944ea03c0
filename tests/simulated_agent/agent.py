"""A running simulated agent for the tests."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import engine.simulated_agent as package

PROGRAM = Path(package.__file__).parent / "__main__.py"
SIMULATOR = (sys.executable, "-I", "-S", str(PROGRAM))
STREAMING = ("-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose")
ASKING = "--permission-prompt-tool=stdio"
DEADLINE_S = 60

Line = dict[str, Any]


class Running:
    """One agent process; every wait has a deadline. `program` is another agent that speaks the same lines."""

    def __init__(self, home: Path, *flags: str, program: Sequence[str] = SIMULATOR, **environment: str) -> None:
        self.home = home
        self._command = (*program, *STREAMING, "--include-partial-messages", *flags)
        self._environment = environment
        self.seen: list[Line] = []
        self.garbage: list[bytes] = []

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **self._environment},
            limit=1 << 26,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def raw(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")

    def send(self, line: Line) -> None:
        self.raw(json.dumps(line).encode())

    def prompt(self, text: str) -> str:
        mark = str(uuid.uuid4())
        message = {"role": "user", "content": text}
        self.send({"type": "user", "uuid": mark, "session_id": "", "parent_tool_use_id": None, "message": message})
        return mark

    def control(self, subtype: str, **fields: Any) -> None:
        """Send a control request under its own name; what is written at once reaches the agent at once."""
        self.send({"type": "control_request", "request_id": subtype, "request": {"subtype": subtype, **fields}})

    def answer(self, question: Line, **response: Any) -> None:
        reply = {"subtype": "success", "request_id": question["request_id"], "response": response}
        self.send({"type": "control_response", "response": reply})

    async def until(self, wanted: Callable[[Line], bool]) -> Line:
        """The next line that is wanted; all are kept in `seen`."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                line = await self._next()
                assert line is not None, f"the agent ended: {await self.stderr()}"
                if wanted(line):
                    return line

    async def result(self) -> Line:
        return await self.until(lambda line: line["type"] == "result")

    async def turn(self, text: str) -> Line:
        self.prompt(text)
        return await self.result()

    async def question(self) -> Line:
        return await self.until(lambda line: line["type"] == "control_request")

    async def reply(self, subtype: str, **fields: Any) -> Line:
        """Send a control request and give its reply."""
        self.control(subtype, **fields)
        line = await self.until(lambda line: line["type"] == "control_response")
        return dict(line["response"])

    async def delta(self) -> Line:
        """The next piece of an answer."""
        return await self.until(
            lambda line: line["type"] == "stream_event" and line["event"]["type"] == "content_block_delta"
        )

    async def exit(self) -> int:
        """Close stdin and read to the end; the exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return await self.ended()

    async def ended(self) -> int:
        """Read to the end; the exit code."""
        async with asyncio.timeout(DEADLINE_S):
            while await self._next() is not None:
                pass
            return await self.process.wait()

    async def stderr(self) -> str:
        assert self.process.stderr
        return (await self.process.stderr.read()).decode()

    async def _next(self) -> Line | None:
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            try:
                decoded: Line = json.loads(line)
            except ValueError:
                self.garbage.append(line)
                continue
            self.seen.append(decoded)
            return decoded
        return None
