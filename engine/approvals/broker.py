"""The permission broker: what agents request, the answers, and the grants that answer for operators.

Grants are kept here and never sent to the CLI, where they would outlive `/clear`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from engine.approvals.actions import Action, normalise
from engine.approvals.grants import Decision, Grant, Place, Scope, nearest
from engine.approvals.links import LinkReader
from engine.approvals.risks import shipped_risks
from engine.approvals.store import Answered, ApprovalStore, GrantRequest
from engine.base.clock import Clock
from engine.base.errors import BadInput, NotFound
from engine.events.bus import Bus
from engine.events.types import GrantRevoked, Notice, PermissionAnswered, PermissionAsked, Severity
from engine.sessions.permission_port import Requester
from engine.sessions.protocol_events import PermissionWanted
from engine.store.sqlite import StoreUnusable

MAX_PENDING = 10_000
"""Permissions that may wait at once; one more is denied."""
_ROUNDS = 16
"""How often those that join a group while it is answered are answered too."""


@dataclass(slots=True)
class _Pending:
    id: str
    requester: Requester
    wanted: PermissionWanted
    action: Action
    group: str
    asked_at: float
    timer: asyncio.TimerHandle | None = None

    def place(self, scope: Scope) -> Place:
        requester = self.requester
        conversation = requester.conversation if scope is Scope.CONVERSATION else ""
        return Place(requester.tenant, requester.profile, requester.grants or requester.workspace, conversation)


def _none_barred(_tool: str) -> str:
    """No tool is out of order."""
    return ""


class PermissionBroker:
    """Owner of pending permissions. An unanswered one is denied after `timeout()` seconds.

    The answers and grants are `store`'s. While that cannot be used, nothing is granted and every request is asked.
    `barred` states why a tool may not be used now, whoever allowed it, or nothing. `links` follows the links of paths.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        store: ApprovalStore,
        timeout: Callable[[], float],
        *,
        barred: Callable[[str], str] = _none_barred,
        links: LinkReader | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._timeout = timeout
        self._barred = barred
        self._links = links or LinkReader()
        self._book = shipped_risks()
        self._pending: dict[str, _Pending] = {}
        self._notified = False
        self.store = store

    def ask(self, requester: Requester, wanted: PermissionWanted) -> None:
        """Deny a tool that is out of order, answer from a grant at once, or put the question to the operators."""
        links = self._links.for_action()
        action = normalise(wanted.tool, bytes(wanted.input), requester.workspace, self._book, links, links.names)
        is_new = wanted.permission not in self._pending
        name = wanted.permission if is_new else f"{requester.session}-{wanted.permission}"
        pending = _Pending(name, requester, wanted, action, action.key(requester.tenant), self._clock.wall())
        if why := self._barred(requester.breaker or wanted.tool):
            self._settle_alone(pending, Decision(False, "engine", message=why), "engine")
        elif (grant := self._granted(pending)) is not None:
            self._settle_alone(pending, Decision(True, grant.by, grant.scope, grant.expires), "grant", grant.id)
        elif name in self._pending or len(self._pending) >= MAX_PENDING:
            self._settle_alone(pending, Decision(False, "engine", message="Too many permissions wait."), "engine")
        else:
            self._put(pending)

    def answer(self, permission: str, decision: Decision) -> list[Grant]:
        """Answer a pending permission; returns the grant that this gave. Raises NotFound, BadInput, StoreUnusable."""
        pending = self._pending.get(permission)
        if pending is None:
            remedy = "It was answered, withdrawn or too late; GET /api/permissions lists those that wait."
            raise NotFound(f"No permission {permission} waits for an answer.", field="permission", remedy=remedy)
        return self._settle_all([pending], decision)

    def answer_group(self, group: str, decision: Decision) -> tuple[int, list[Grant]]:
        """Answer all that wait in a group, and those that join it meanwhile: how many, and the grants given.

        Raises NotFound when none waits, BadInput when no grant can cover it, StoreUnusable with nothing answered.
        """
        done: set[str] = set()
        given: dict[str, Grant] = {}
        for _round in range(_ROUNDS):
            if not (waiting := self._members(group, done)):
                break
            given.update((grant.id, grant) for grant in self._settle_all(waiting, decision))
            done.update(pending.id for pending in waiting)
        if not done:
            remedy = "Its requests were answered, withdrawn or too late; GET /api/permissions/groups lists the groups."
            raise NotFound(f"No permission of group {group} waits.", field="group", remedy=remedy)
        return len(done), list(given.values())

    def revoke(self, grant: str, by: str) -> Grant:
        """Take a grant back; what it answered stays answered. Raises NotFound, StoreUnusable."""
        revoked = self.store.revoke(grant)
        self._bus.publish(GrantRevoked(grant=revoked.id, action=revoked.action, by=by))
        return revoked

    def withdraw(self, session: str, permission: str) -> None:
        """The agent no longer asks."""
        for pending in [each for each in self._pending.values() if each.requester.session == session]:
            if pending.wanted.permission == permission:
                self._drop(pending)

    def withdraw_session(self, session: str) -> None:
        """The session is gone, and what it asked with it."""
        for pending in [each for each in self._pending.values() if each.requester.session == session]:
            self._drop(pending)

    def _put(self, pending: _Pending) -> None:
        own = pending.requester.timeout
        seconds = self._timeout() if own is None else own
        pending.timer = asyncio.get_running_loop().call_later(seconds, self._deny_late, pending, seconds)
        self._pending[pending.id] = pending
        requester, action = pending.requester, pending.action
        near, (allowed, denied) = "", (0, 0)
        with self._store_errors():
            near = nearest(self.store.grants(), pending.place(Scope.CONVERSATION), action.tool, action.words)
            allowed, denied = self.store.seen(pending.group)
        self._bus.publish(
            PermissionAsked(
                permission=pending.id,
                session=requester.session,
                tool=pending.wanted.tool,
                summary=pending.wanted.summary,
                deadline=self._clock.wall() + seconds,
                group=pending.group,
                action=action.words,
                risk=action.risk.word,
                rank=action.risk.rank,
                grave=action.risk.grave,
                tenant=requester.tenant,
                profile=requester.profile,
                conversation=requester.conversation,
                allowed_before=allowed,
                denied_before=denied,
                nearest=near,
            )
        )

    def _members(self, group: str, done: set[str]) -> list[_Pending]:
        return [each for each in self._pending.values() if each.group == group and each.id not in done]

    def _granted(self, pending: _Pending) -> Grant | None:
        if not pending.action.grantable:
            return None
        try:
            return self.store.granted(pending.place(Scope.CONVERSATION), pending.group)
        except StoreUnusable as error:
            self._notify_of_store(error)
            return None

    def _deny_late(self, pending: _Pending, seconds: float) -> None:
        del self._pending[pending.id]
        message = f"Nobody answered within {seconds:g} s, so it is denied."
        self._settle_alone(pending, Decision(False, "deadline", message=message), "deadline")

    def _settle_all(self, waiting: Sequence[_Pending], decision: Decision) -> list[Grant]:
        """First the record, then the agents: a decision that cannot be kept is not given."""
        lasts = decision.allowed and decision.scope is not Scope.ONCE
        if lasts and not all(pending.action.grantable for pending in waiting):
            what = "What this runs, or where its paths lead, cannot be read for certain, so no grant can cover it."
            raise BadInput(what, field="scope", remedy="Answer it with scope once, or deny it.")
        grant_requests = [self._grant_request(pending, decision) for pending in waiting] if lasts else []
        grants = self.store.keep(
            [self._record(each, decision, "person", decision.by) for each in waiting], grant_requests
        )
        for pending in waiting:
            if self._pending.pop(pending.id, None) is not None:
                self._finish(pending, decision, decision.by)
        return grants

    def _settle_alone(self, pending: _Pending, decision: Decision, how: str, by: str = "") -> None:
        """Answer without a person."""
        with self._store_errors():
            self.store.keep([self._record(pending, decision, how, by or decision.by)])
        self._finish(pending, decision, f"grant {by}" if how == "grant" else decision.by, by if how == "grant" else "")

    def _finish(self, pending: _Pending, decision: Decision, by: str, grant: str = "") -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        self._publish(pending, decision, by, grant)
        pending.requester.answer(pending.wanted.permission, decision.allowed, decision.message)

    def _drop(self, pending: _Pending) -> None:
        del self._pending[pending.id]
        if pending.timer is not None:
            pending.timer.cancel()
        self._publish(pending, Decision(False, "withdrawn"), "withdrawn")

    def _publish(self, pending: _Pending, decision: Decision, by: str, grant: str = "") -> None:
        self._bus.publish(
            PermissionAnswered(
                permission=pending.id,
                session=pending.requester.session,
                allowed=decision.allowed,
                by=by,
                scope=decision.scope.value,
                group=pending.group,
                grant=grant,
            )
        )

    def _record(self, pending: _Pending, decision: Decision, how: str, by: str) -> Answered:
        requester, action = pending.requester, pending.action
        return Answered(
            permission=pending.id,
            session=requester.session,
            conversation=requester.conversation,
            tenant=requester.tenant,
            profile=requester.profile,
            tool=action.tool,
            group=pending.group,
            action=action.words,
            risk=action.risk.word,
            allowed=decision.allowed,
            how=how,
            by=by,
            asked_at=pending.asked_at,
            at=self._clock.wall(),
            scope=decision.scope.value,
            expires=decision.expires,
            message=decision.message,
        )

    def _grant_request(self, pending: _Pending, decision: Decision) -> GrantRequest:
        action = pending.action
        place = pending.place(decision.scope)
        return GrantRequest(
            place, action.tool, pending.group, action.words, action.risk.word, decision.by, decision.expires
        )

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Trouble with the store never keeps an agent waiting; a notice says so once."""
        try:
            yield
        except StoreUnusable as error:
            self._notify_of_store(error)
        else:
            self._notified = False

    def _notify_of_store(self, error: StoreUnusable) -> None:
        if not self._notified:
            self._notified = True
            self._bus.publish(Notice(severity=Severity.WARNING, text=error.message, remedy=error.remedy))
