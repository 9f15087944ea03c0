"""What agents ask leave for, and who gave it."""

from __future__ import annotations

from engine.events.kinds.root import Event


class PermissionAsked(Event, frozen=True):
    """The agent waits for leave to use a tool; unanswered it is denied at `deadline`."""

    permission: str
    session: str
    tool: str
    summary: str
    deadline: float


class PermissionAnswered(Event, frozen=True):
    """A permission was given or refused, and by whom."""

    permission: str
    session: str
    allowed: bool
    by: str
