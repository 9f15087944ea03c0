"""What agents ask leave for, and who gave it."""

from __future__ import annotations

from engine.events.types.base import Event


class PermissionAsked(Event, frozen=True):
    """The agent waits for leave to use a tool; unanswered it is denied at `deadline`.

    `group` names its normalised `action`; `rank` counts risks from the worst; the counts are of earlier answers by
    people, `nearest` is the living grant that is most like it. `risks` are those of all its parts, the worst first, of
    which the first `grave_risks` are grave; `content` names its whole input, which has `size` bytes.
    """

    permission: str
    session: str
    tool: str
    summary: str
    deadline: float
    group: str = ""
    action: str = ""
    risk: str = "?"
    rank: int = 0
    grave: bool = False
    tenant: str = ""
    profile: str = ""
    conversation: str = ""
    allowed_before: int = 0
    denied_before: int = 0
    nearest: str = ""
    risks: tuple[str, ...] = ()
    grave_risks: int = 0
    content: str = ""
    size: int = 0


class PermissionAnswered(Event, frozen=True):
    """A permission was given or refused, and by whom; `grant` names the one that answered for them.

    `edited` is the action that was allowed in place of the one asked for; `reason` states why one was withdrawn.
    """

    permission: str
    session: str
    allowed: bool
    by: str
    scope: str = "once"
    group: str = ""
    grant: str = ""
    edited: str = ""
    reason: str = ""


class GrantRevoked(Event, frozen=True):
    """A grant was taken back."""

    grant: str
    action: str
    by: str
