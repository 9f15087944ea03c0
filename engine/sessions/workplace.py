"""The directory that one session works in: the conversation's own, its profile's workspace, or one that was named."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from engine.backends.base import AgentSpec, Backend
from engine.base.errors import QuarterdeckError, SessionLost
from engine.sessions.messages import ControlReply

Control = Callable[..., Awaitable[ControlReply]]
"""Asks the agent: subtype, seconds, and the request's fields."""
PROJECT_SETTINGS = (".claude", ".mcp.json")
"""What the CLI reads from a directory and still goes by in the next one: agents, skills, variables, hooks, servers."""
CANNOT_MOVE = "this version of the agent cannot go on to another directory"
_MOVE_S = 10.0


class Moved(msgspec.Struct, frozen=True):
    """What we read of the reply to `set_cwd`."""

    status: str = ""
    cwd: str = ""
    message: str = ""


class Workplace:
    """Owner of where one session works."""

    def __init__(self, spec: AgentSpec, backend: Backend) -> None:
        self._spec = spec
        self._backend = backend
        self.directory = Path()

    @property
    def moves(self) -> bool:
        """Whether another conversation works in another directory."""
        return self._spec.profile.workspace is None

    @property
    def grants(self) -> Path:
        """Where grants of the whole profile hold: in all the directories that its conversations have of their own."""
        own = self.moves and not self._spec.named_directory
        return self.directory.parent if own else self.directory

    async def try_out(self, control: Control) -> str:
        """Why the agent can go on to no other directory, or nothing."""
        if not self.moves:
            return ""
        try:
            await self._enter(control, self.directory)
        except QuarterdeckError:
            return CANNOT_MOVE
        return ""

    def take_up(self, spec: AgentSpec) -> None:
        """A parked agent resumes a conversation that works where it is parked."""
        self._spec = spec

    async def go_on(self, control: Control, conversation: str) -> None:
        """Work in the directory of another conversation. Raises SessionLost when the agent does not."""
        self._backend.sweep(self._spec, conversation)
        directory = self._backend.directory(self._spec.profile, conversation)
        if directory != self.directory:
            await self._enter(control, directory)
            self.directory = directory

    def leave_unused(self) -> None:
        """No turn ran in it: take it away when it is empty and its conversation's own."""
        own = self.moves and not (self._spec.named_directory or self._spec.parked)
        if own and self.directory != Path():
            with contextlib.suppress(OSError):
                self.directory.rmdir()

    def carries_over(self) -> str:
        """What in the directory would go on in the next one, or nothing."""
        found = [name for name in PROJECT_SETTINGS if self.moves and os.path.lexists(self.directory / name)]
        return f"its directory has settings of the agent ({', '.join(found)})" if found else ""

    async def _enter(self, control: Control, directory: Path) -> None:
        reported: dict[str, Any] = {"path": str(directory), "trust_accepted": True, "trusted_directory": str(directory)}
        reply = await control("set_cwd", _MOVE_S, **reported)
        try:
            moved = msgspec.json.decode(reply.response, type=Moved)
        except msgspec.DecodeError:
            moved = Moved()
        if moved.status != "ok" or not _same(moved.cwd, directory):
            why = reply.error or moved.message or moved.status or "no reason given"
            raise SessionLost(f"Session {self._spec.session} could not go on to {directory}: {why}.")


def _same(reported: str, directory: Path) -> bool:
    return os.path.realpath(reported) == os.path.realpath(directory)
