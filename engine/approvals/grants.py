"""What an operator's answer is: how far it reaches, until when, and which later requests it answers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from engine.base.errors import BadInput
from engine.settings.quantities import format_duration, parse_duration

LONGEST_S = 30 * 86_400.0
"""Seconds that a grant may live."""
MAX_MESSAGE = 2000
"""Characters of what a denial tells the agent."""
_WHEN = "Give a time to live such as 1h, up to 30d, or a moment to come such as 2030-01-31T18:00."


class Scope(StrEnum):
    """How far an answer reaches."""

    ONCE = "once"
    CONVERSATION = "conversation"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a grant holds: one profile of one tenant in one workspace, and one conversation unless that is empty."""

    tenant: str
    profile: str
    workspace: str
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided; `expires` is in seconds since 1970, 0 for an answer that holds once."""

    allowed: bool
    by: str
    scope: Scope = Scope.ONCE
    expires: float = 0.0
    message: str = ""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to do exactly `action` at one place until `expires`, in seconds since 1970."""

    id: str
    tenant: str
    profile: str
    workspace: str
    conversation: str
    tool: str
    group: str
    action: str
    risk: str
    by: str
    at: float
    expires: float

    @property
    def scope(self) -> Scope:
        """How far it reaches."""
        return Scope.CONVERSATION if self.conversation else Scope.PROFILE

    @property
    def place(self) -> Place:
        """Where it holds."""
        return Place(self.tenant, self.profile, self.workspace, self.conversation)


def decided(
    *, allowed: bool, by: str, scope: str, expires: str | float | None, message: str, now: float, default: float
) -> Decision:
    """The answer that somebody gave. Raises BadInput naming scope, expires or message."""
    if scope not in Scope.__members__.values():
        raise BadInput(f"There is no scope {scope!r}.", field="scope", remedy="Use once, conversation or profile.")
    if not allowed and scope != Scope.ONCE:
        remedy = "Deny once; `quarterdeck permissions revoke ID` takes back what was granted."
        raise BadInput(f"A denial holds once, not for the {scope}.", field="scope", remedy=remedy)
    if scope == Scope.ONCE and expires is not None:
        remedy = "Leave it out, or give scope conversation or profile."
        raise BadInput("An answer that holds once has no expiry.", field="expires", remedy=remedy)
    if len(message) > MAX_MESSAGE:
        raise BadInput(f"The message is over {MAX_MESSAGE} characters.", field="message", remedy="Say it shorter.")
    until = expiry(expires, now, default) if scope != Scope.ONCE else 0.0
    return Decision(allowed, by, Scope(scope), until, message)


def expiry(given: str | float | None, now: float, default: float) -> float:
    """The moment, in seconds since 1970, that a time to live or a moment names; None is `default` seconds from now.

    Raises BadInput for what is neither, for a moment that has passed, and for one more than 30 days ahead.
    """
    until = now + default if given is None else _moment(given, now)
    if until <= now:
        raise BadInput(f"{given!r} has passed already.", field="expires", remedy=_WHEN)
    if until > now + LONGEST_S:
        most = format_duration(LONGEST_S)
        raise BadInput(f"{given!r} is more than {most} ahead.", field="expires", remedy=_WHEN)
    return until


def nearest(grants: Iterable[Grant], place: Place, tool: str, action: str) -> str:
    """The action of the living grant of this tool that begins most like `action`; empty when none does."""
    wanted = action.split()
    near = [grant.action for grant in grants if grant.tool == tool and _holds_at(grant, place)]
    best = max(near, key=lambda each: _shared(each.split(), wanted), default="")
    # The tool's own name begins every action.
    return best if _shared(best.split(), wanted) > 1 else ""


def _holds_at(grant: Grant, place: Place) -> bool:
    same = (grant.tenant, grant.profile, grant.workspace) == (place.tenant, place.profile, place.workspace)
    return same and grant.conversation in {"", place.conversation}


def _shared(one: list[str], other: list[str]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _moment(given: str | float, now: float) -> float:
    try:
        return now + parse_duration(given)
    except ValueError as error:
        try:
            until = datetime.fromisoformat(given if isinstance(given, str) else "").timestamp()
        except (ValueError, OverflowError, OSError):
            raise BadInput(str(error), field="expires", remedy=_WHEN) from error
        if not math.isfinite(until):
            raise BadInput(str(error), field="expires", remedy=_WHEN) from error
        return until
