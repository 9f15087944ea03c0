"""The permission desk: grants are kept here and never sent to the CLI, where they would outlive `/clear`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engine.clock import Clock
from engine.errors import BadInput, NotFound
from engine.events.bus import Bus
from engine.events.types import PermissionAnswered, PermissionAsked
from engine.sessions.facts import PermissionWanted

MAX_GRANTS = 10_000
"""Grants kept; the oldest goes first."""


class Scope(StrEnum):
    """How far an answer reaches."""

    ONCE = "once"
    CONVERSATION = "conversation"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the session with its conversation, profile and tenant, and the way to answer it."""

    session: str
    conversation: str
    profile: str
    tenant: str
    answer: Callable[[str, bool, str], None]


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do exactly this: `holder` names a conversation or a profile of one tenant."""

    tenant: str
    scope: Scope
    holder: str
    tool: str
    action: str


@dataclass(slots=True)
class _Pending:
    asker: Asker
    wanted: PermissionWanted
    action: str
    timer: asyncio.TimerHandle


def _none_barred(_tool: str) -> str:
    """No tool is out of order."""
    return ""


class PermissionDesk:
    """Owner of pending permissions and of grants. An unanswered permission is denied after `timeout()` seconds.

    `barred` says why a tool may not be used now, whoever allowed it, or nothing.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        timeout: Callable[[], float],
        barred: Callable[[str], str] = _none_barred,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._timeout = timeout
        self._barred = barred
        self._pending: dict[str, _Pending] = {}
        self._grants: dict[Grant, None] = {}

    def ask(self, asker: Asker, wanted: PermissionWanted) -> None:
        """Deny a tool that is out of order, answer from a grant at once, or put the question to the operators."""
        if why := self._barred(wanted.tool):
            asker.answer(wanted.permission, False, why)
            return
        action = bytes(wanted.input).decode("utf-8", "replace")
        if any(grant in self._grants for grant in _grants_for(asker, wanted.tool, action)):
            asker.answer(wanted.permission, True, "")
            return
        seconds = self._timeout()
        timer = asyncio.get_running_loop().call_later(seconds, self._deny_late, wanted.permission, seconds)
        self._pending[wanted.permission] = _Pending(asker, wanted, action, timer)
        self._bus.publish(
            PermissionAsked(
                permission=wanted.permission,
                session=asker.session,
                tool=wanted.tool,
                summary=wanted.summary,
                deadline=self._clock.wall() + seconds,
            )
        )

    def answer(self, permission: str, *, allowed: bool, by: str, scope: str = "once", message: str = "") -> None:
        """Answer a pending permission. Raises NotFound when it no longer waits, BadInput for an unknown scope."""
        if scope not in Scope.__members__.values():
            raise BadInput(f"There is no scope {scope!r}.", field="scope", remedy="Use once, conversation or profile.")
        pending = self._pending.get(permission)
        if pending is None:
            remedy = "It was answered, withdrawn or too late; GET /api/permissions lists those that wait."
            raise NotFound(f"No permission {permission} waits for an answer.", field="permission", remedy=remedy)
        if allowed and scope != Scope.ONCE:
            self._grant(pending, Scope(scope))
        self._settle(permission, allowed=allowed, by=by, message=message)

    def withdraw(self, permission: str) -> None:
        """The agent no longer asks."""
        pending = self._pending.pop(permission, None)
        if pending is not None:
            pending.timer.cancel()
            self._publish_answer(pending, allowed=False, by="withdrawn")

    def withdraw_session(self, session: str) -> None:
        """The session is gone, and what it asked with it."""
        for permission in [key for key, pending in self._pending.items() if pending.asker.session == session]:
            self.withdraw(permission)

    def _deny_late(self, permission: str, seconds: float) -> None:
        message = f"Nobody answered within {seconds:g} s, so it is denied."
        self._settle(permission, allowed=False, by="deadline", message=message)

    def _settle(self, permission: str, *, allowed: bool, by: str, message: str) -> None:
        pending = self._pending.pop(permission)
        pending.timer.cancel()
        self._publish_answer(pending, allowed=allowed, by=by)
        pending.asker.answer(permission, allowed, message)

    def _publish_answer(self, pending: _Pending, *, allowed: bool, by: str) -> None:
        permission, session = pending.wanted.permission, pending.asker.session
        self._bus.publish(PermissionAnswered(permission=permission, session=session, allowed=allowed, by=by))

    def _grant(self, pending: _Pending, scope: Scope) -> None:
        asker = pending.asker
        holder = asker.conversation if scope is Scope.CONVERSATION else asker.profile
        self._grants[Grant(asker.tenant, scope, holder, pending.wanted.tool, pending.action)] = None
        if len(self._grants) > MAX_GRANTS:
            del self._grants[next(iter(self._grants))]


def _grants_for(asker: Asker, tool: str, action: str) -> tuple[Grant, Grant]:
    return (
        Grant(asker.tenant, Scope.CONVERSATION, asker.conversation, tool, action),
        Grant(asker.tenant, Scope.PROFILE, asker.profile, tool, action),
    )
