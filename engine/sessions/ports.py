"""What every session needs from the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.backends.base import Backend
from engine.base.clock import Clock
from engine.events.bus import Bus
from engine.launchers.base import Launcher
from engine.sessions.clocks import TurnLimits
from engine.sessions.permission_port import PermissionPort
from engine.sessions.transcripts import Transcripts


def _ignore_tool(_tool: str, _failed: bool, _text: str) -> None:
    """Nobody watches the tools."""


@dataclass(frozen=True)
class SessionPorts:
    """What every session needs from the engine."""

    backend: Backend
    launcher: Launcher
    bus: Bus
    clock: Clock
    permissions: PermissionPort
    transcripts: Transcripts
    limits: Callable[[], TurnLimits]
    host: str = ""
    """The machine that the launcher starts processes on."""
    tool_ended: Callable[[str, bool, str], None] = _ignore_tool
    """Hears of each tool that was used: its name, whether it failed, what it said."""
