"""What the engine says about itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from engine.events.types.base import Event


class EngineStarted(Event, frozen=True):
    """The engine is up and takes work."""

    engine: str
    pid: int
    backend: str
    version: str
    demo: bool = False
    banner: str = ""
    max_size: int = 0


class ConsolesChanged(Event, frozen=True):
    """A console attached or went: how many other programs follow the events now."""

    consoles: int


class EngineDraining(Event, frozen=True):
    """No new work is taken; running turns have `grace` seconds to finish."""

    reason: str
    grace: float


class EngineStopped(Event, frozen=True):
    """The last event of a run; `survivors` counts processes that would not end."""

    reason: str
    survivors: int = 0


class SettingsChanged(Event, frozen=True):
    """Settings were changed live: key → [old, new], secrets already redacted."""

    who: str
    changes: dict[str, list[Any]]


class OrphansReaped(Event, frozen=True):
    """Processes that a dead engine or session had left were ended; pids for the record."""

    pids: list[int]
    origin: str


class Severity(StrEnum):
    """How urgent a notice is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Notice(Event, frozen=True):
    """Something a person should know, with the remedy when there is one."""

    severity: Severity
    text: str
    remedy: str = ""


class OperationExecuted(Event, frozen=True):
    """A caller acted: who, by which door, on what, and the `outcome`, which is done or the code of the error."""

    operation: str
    who: str
    door: str
    target: str = ""
    outcome: str = "done"
