"""Processes that a conversation's turns left running in the session's tree, which the next one must not meet."""

from __future__ import annotations

from engine.base.processes import process_time
from engine.launchers.base import Child, Launcher


class LeftRunning:
    """Owner of the moment at which the present conversation's first turn began in this process."""

    def __init__(self) -> None:
        self._since: float | None = None

    def turn_begins(self) -> None:
        """Whatever starts from now on belongs to the conversation."""
        if self._since is None:
            self._since = process_time()

    def cleared(self) -> None:
        """The process goes on to another conversation."""
        self._since = None

    def look(self, launcher: Launcher, child: Child | None) -> str:
        """Why the process may serve no other conversation, or nothing."""
        if self._since is None or child is None:
            return ""
        pids = launcher.started_since(child, self._since)
        named = ", ".join(map(str, sorted(pids)[:4]))
        return f"a turn left processes running in its tree (pid {named})" if pids else ""
