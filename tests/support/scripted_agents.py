"""Agents without processes: children of a launcher that speak the CLI's lines and do what a test tells them to."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

from engine.launchers.base import Child, LaunchSpec, ProcessEnd


class ScriptedChild:
    """One agent. A prompt waits until `finish`; what it must never see is noted in `wrong`."""

    pid = 0
    stderr_tail = ""

    def __init__(self, spec: LaunchSpec, on_output: Callable[[bytes], None]) -> None:
        self.session = spec.session
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.wrong: list[str] = []
        self.prompts: list[tuple[str, str]] = []
        self.tasks: list[str] = []
        self.foreign = False
        self.marked = False
        self._on_output = on_output

    def write(self, data: bytes) -> None:
        """Lines for the agent."""
        if self.exited.done():
            return
        for line in data.splitlines():
            self._take(json.loads(line))

    async def drain(self) -> None:
        """Nothing is ever full."""

    def close_input(self) -> None:
        """The caller ends it by the launcher."""

    def finish(self) -> None:
        """Answer the prompt in front with itself, after the turn that the agent may have begun by itself."""
        if self.foreign:
            self.end_foreign()
        uuid_, prompt = self.prompts.pop(0)
        self._say({"type": "result", "result": prompt, "num_turns": 1, "user_message_uuid": uuid_})

    def begin_task(self) -> None:
        """A task begins in the background."""
        self.marked = True
        self._set_tasks([*self.tasks, uuid.uuid4().hex[:6]])

    def end_task(self) -> None:
        """The oldest one ends, and the agent begins a turn about it."""
        self._set_tasks(self.tasks[1:])
        self.begin_foreign()

    def begin_foreign(self) -> None:
        """The agent begins a turn by itself, unless a prompt runs."""
        if not self.prompts and not self.foreign:
            self.foreign = self.marked = True
            self._say({"type": "system", "subtype": "status", "status": "requesting"})

    def end_foreign(self) -> None:
        """Its own turn ends."""
        self.foreign = False
        self._say({"type": "result", "result": "nobody asked", "origin": {"kind": "task-notification"}})

    def crash(self, code: int = -9) -> None:
        """The process ends by itself."""
        if not self.exited.done():
            self.exited.set_result(code)

    def _take(self, line: dict[str, Any]) -> None:
        if line["type"] == "user":
            self._prompt(line["uuid"], line["message"]["content"])
        elif line["type"] == "control_request":
            self._control(line["request_id"], line["request"])

    def _prompt(self, uuid_: str, prompt: str) -> None:
        if prompt == "/clear":
            if self.marked:
                self.wrong.append("cleared after work in the background")
            self._say({"type": "conversation_reset", "new_conversation_id": str(uuid.uuid4())})
            self._say({"type": "result", "result": "", "num_turns": 0, "user_message_uuid": uuid_})
            return
        if self.prompts:
            self.wrong.append("two prompts at once")
        self.prompts.append((uuid_, prompt))

    def _control(self, request_id: str, request: dict[str, Any]) -> None:
        response: dict[str, Any] = {}
        if request["subtype"] == "interrupt":
            response["cancelled"] = [uuid_ for uuid_, _ in self.prompts]
            self.prompts.clear()
            self.foreign = False if not self.foreign else self._end_by_interrupt()
        elif request["subtype"] == "stop_task":
            self._set_tasks([task for task in self.tasks if task != request["task_id"]])
        reply = {"subtype": "success", "request_id": request_id, "response": response}
        self._say({"type": "control_response", "response": reply})

    def _end_by_interrupt(self) -> bool:
        self.end_foreign()
        return False

    def _set_tasks(self, tasks: list[str]) -> None:
        self.tasks = tasks
        listed = [{"task_id": task, "description": task} for task in tasks]
        self._say({"type": "system", "subtype": "background_tasks_changed", "tasks": listed})

    def _say(self, line: dict[str, Any]) -> None:
        if not self.exited.done():
            asyncio.get_running_loop().call_soon(self._on_output, json.dumps(line).encode() + b"\n")


class ScriptedLauncher:
    """Owner of the agents started, by session."""

    def __init__(self) -> None:
        self.children: dict[str, ScriptedChild] = {}

    @property
    def alive(self) -> list[ScriptedChild]:
        """Those that have not ended."""
        return [child for child in self.children.values() if not child.exited.done()]

    @property
    def child_pids(self) -> set[int]:
        """None."""
        return set()

    async def launch(self, spec: LaunchSpec, on_output: Callable[[bytes], None]) -> Child:
        """Start one."""
        child = self.children[spec.session] = ScriptedChild(spec, on_output)
        return child

    async def stop(self, child: Child, *, polite: float, term_grace: float) -> ProcessEnd:
        """End one."""
        return await self._end(child, "eof", 0)

    async def kill(self, child: Child) -> ProcessEnd:
        """End one at once."""
        return await self._end(child, "sigkill", -9)

    async def collect(self, child: Child, term_grace: float) -> ProcessEnd:
        """One that ended by itself."""
        return ProcessEnd("exit", await child.exited)

    def started_since(self, child: Child, moment: float) -> tuple[int, ...]:
        """Nothing: these agents have no processes."""
        return ()

    async def _end(self, child: Child, how: str, code: int) -> ProcessEnd:
        if not child.exited.done():
            child.exited.set_result(code)
        await asyncio.sleep(0)
        return ProcessEnd(how, code)
