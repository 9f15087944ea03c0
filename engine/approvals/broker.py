"""The permission broker: what agents request, the answers, and the grants that answer for operators.

Grants are kept here and never sent to the CLI, where they would outlive `/clear`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from engine.approvals.actions import Action, normalise
from engine.approvals.details import DetailReader
from engine.approvals.editing import edited_input
from engine.approvals.grants import Decision, Grant, Scope, nearest
from engine.approvals.links import LinkReader
from engine.approvals.pending import Pending, content_of
from engine.approvals.recently_answered import Outcome, RecentlyAnswered
from engine.approvals.risks import shipped_risks
from engine.approvals.store import ApprovalStore
from engine.base.clock import Clock
from engine.base.errors import BadInput, NotFound
from engine.base.text import one_line
from engine.events.bus import Bus
from engine.events.types import GrantRevoked, Notice, Severity
from engine.sessions.permission_port import Requester
from engine.sessions.protocol_events import PermissionWanted
from engine.store.sqlite import StoreUnusable

MAX_PENDING = 10_000
"""Permissions that may wait at once; one more is denied."""
_ROUNDS = 16
"""How often those that join a group while it is answered are answered too."""


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
        self._pending: dict[str, Pending] = {}
        self._notified = False
        self._ended = RecentlyAnswered()
        self.details = DetailReader(clock.monotonic)
        self.store = store

    def ask(self, requester: Requester, wanted: PermissionWanted) -> None:
        """Deny a tool that is out of order, answer from a grant at once, or put the question to the operators."""
        given = bytes(wanted.input)
        action = self._judge(wanted.tool, given, requester)
        is_new = wanted.permission not in self._pending
        name = wanted.permission if is_new else f"{requester.session}-{wanted.permission}"
        pending = Pending(name, requester, wanted, action, action.key(requester.tenant), self._clock.wall())
        pending.content = content_of(wanted.tool, given, self._book)
        if why := self._barred(requester.breaker or wanted.tool):
            self._settle_alone(pending, Decision(False, "engine", message=why), "engine")
        elif (grant := self._granted(pending)) is not None:
            self._settle_alone(pending, Decision(True, grant.by, grant.scope, grant.expires), "grant", grant.id)
        elif name in self._pending or len(self._pending) >= MAX_PENDING:
            self._settle_alone(pending, Decision(False, "engine", message="Too many permissions wait."), "engine")
        else:
            self._put(pending)

    def waiting(self, permission: str, tenant: str | None = None) -> Pending:
        """A pending permission, of this tenant alone where it is given.

        Raises NotFound, stating who answered it where that is known.
        """
        pending = self._pending.get(permission)
        if pending is None or tenant not in {None, pending.requester.tenant}:
            became = self._ended.sentence(permission, self._clock.wall(), tenant)
            what = f"No permission {one_line(permission, 80)} waits for an answer."
            lists = "GET /api/permissions lists those that wait."
            remedy = lists if became else f"It was answered, withdrawn or too late; {lists}"
            raise NotFound(f"{what} {became}".strip(), field="permission", remedy=remedy)
        return pending

    def edited(self, permission: str, edits: Mapping[str, str], tenant: str | None = None) -> Pending:
        """A pending permission as it would be with these texts in its input. Raises NotFound, BadInput."""
        pending = self.waiting(permission, tenant)
        changed = edited_input(bytes(pending.wanted.input), edits)
        action = self._judge(pending.wanted.tool, changed, pending.requester)
        return replace(pending, edited=action, edited_input=changed)

    def answer(
        self, permission: str, decision: Decision, edits: Mapping[str, str] | None = None, tenant: str | None = None
    ) -> list[Grant]:
        """Answer a pending permission; returns the grant that this gave. Raises NotFound, BadInput, StoreUnusable.

        With `edits` it is allowed with these texts in its input, judged again, this once.
        """
        pending = self.waiting(permission, tenant)
        if edits:
            if not decision.allowed or decision.scope is not Scope.ONCE:
                remedy = "Allow it with scope once, or answer it as the agent asked for it."
                raise BadInput("What is edited can only be allowed, and holds once.", field="edited", remedy=remedy)
            judged = self.edited(permission, edits)
            pending.edited, pending.edited_input = judged.edited, judged.edited_input
        try:
            return self._settle_all([pending], decision)
        except StoreUnusable:
            pending.edited = pending.edited_input = None
            raise

    def answer_group(
        self, group: str, decision: Decision, contents: Collection[str] | None = None, tenant: str | None = None
    ) -> tuple[int, list[Grant]]:
        """Answer all that wait in a group, and those that join it meanwhile: how many, and the grants given.

        With `contents` only those whose whole input is one of these: what was not seen is not answered. Raises NotFound
        when none waits, BadInput for no content and when no grant can cover it, StoreUnusable with none answered.
        """
        if contents is not None and not contents:
            remedy = "Name at least one content of the group, or leave the field out to answer all of it."
            raise BadInput("No content is named, so nothing is answered.", field="contents", remedy=remedy)
        done: set[str] = set()
        given: dict[str, Grant] = {}
        for _round in range(_ROUNDS):
            if not (waiting := self._members(group, done, contents, tenant)):
                break
            given.update((grant.id, grant) for grant in self._settle_all(waiting, decision))
            done.update(pending.id for pending in waiting)
        if not done:
            remedy = "Its requests were answered, withdrawn or too late; GET /api/permissions/groups lists the groups."
            became = self._ended.sentence(group, self._clock.wall(), tenant)
            what = f"No permission of group {one_line(group, 80)} waits."
            raise NotFound(f"{what} {became}".strip(), field="group", remedy=remedy)
        return len(done), list(given.values())

    def revoke(self, grant: str, by: str, tenant: str | None = None) -> Grant:
        """Take a grant back; what it answered stays answered. Raises NotFound, StoreUnusable."""
        revoked = self.store.revoke(grant, tenant)
        self._bus.publish(GrantRevoked(grant=revoked.id, action=revoked.action, by=by))
        return revoked

    def withdraw(self, session: str, permission: str, why: str = "") -> None:
        """The agent no longer asks."""
        for pending in [each for each in self._pending.values() if each.requester.session == session]:
            if pending.wanted.permission == permission:
                self._drop(pending, why or "the agent no longer asks")

    def withdraw_session(self, session: str) -> None:
        """The session is gone, and what it asked with it."""
        for pending in [each for each in self._pending.values() if each.requester.session == session]:
            self._drop(pending, f"session {session} ended")

    def _put(self, pending: Pending) -> None:
        own = pending.requester.timeout
        seconds = self._timeout() if own is None else own
        pending.timer = asyncio.get_running_loop().call_later(seconds, self._deny_late, pending, seconds)
        self._pending[pending.id] = pending
        pending.deadline = self._clock.wall() + seconds
        near, (allowed, denied) = "", (0, 0)
        with self._store_errors():
            action = pending.action
            near = nearest(self.store.grants(), pending.place(Scope.CONVERSATION), action.tool, action.words)
            allowed, denied = self.store.seen(pending.group)
        self._bus.publish(pending.asked(near, allowed, denied))

    def _members(
        self, group: str, done: set[str], contents: Collection[str] | None, tenant: str | None
    ) -> list[Pending]:
        members = [each for each in self._pending.values() if each.group == group and each.id not in done]
        own = [each for each in members if tenant in {None, each.requester.tenant}]
        return own if contents is None else [each for each in own if each.content in contents]

    def _judge(self, tool: str, given: bytes, requester: Requester) -> Action:
        links = self._links.for_action()
        return normalise(tool, given, requester.workspace, self._book, links, links.names)

    def _granted(self, pending: Pending) -> Grant | None:
        if not pending.action.grantable:
            return None
        try:
            return self.store.granted(pending.place(Scope.CONVERSATION), pending.group)
        except StoreUnusable as error:
            self._notify_of_store(error)
            return None

    def _deny_late(self, pending: Pending, seconds: float) -> None:
        del self._pending[pending.id]
        message = f"Nobody answered within {seconds:g} s, so it is denied."
        self._settle_alone(pending, Decision(False, "deadline", message=message), "deadline")

    def _settle_all(self, waiting: Sequence[Pending], decision: Decision) -> list[Grant]:
        """First the record, then the agents: a decision that cannot be kept is not given."""
        lasts = decision.allowed and decision.scope is not Scope.ONCE
        if lasts and not all(pending.action.grantable for pending in waiting):
            what = "What this runs, or where its paths lead, cannot be read for certain, so no grant can cover it."
            raise BadInput(what, field="scope", remedy="Answer it with scope once, or deny it.")
        grant_requests = [pending.grant_request(decision) for pending in waiting] if lasts else []
        grants = self.store.keep(
            [each.record(decision, "person", decision.by, self._clock.wall()) for each in waiting], grant_requests
        )
        for pending in waiting:
            if self._pending.pop(pending.id, None) is not None:
                self._finish(pending, decision, decision.by)
        return grants

    def _settle_alone(self, pending: Pending, decision: Decision, how: str, by: str = "") -> None:
        """Answer without a person."""
        with self._store_errors():
            self.store.keep([pending.record(decision, how, by or decision.by, self._clock.wall())])
        self._finish(pending, decision, f"grant {by}" if how == "grant" else decision.by, by if how == "grant" else "")

    def _finish(self, pending: Pending, decision: Decision, by: str, grant: str = "") -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        self._publish(pending, decision, by, grant)
        changed = () if pending.edited_input is None else (pending.edited_input,)
        pending.requester.answer(pending.wanted.permission, decision.allowed, decision.message, *changed)

    def _drop(self, pending: Pending, why: str) -> None:
        del self._pending[pending.id]
        if pending.timer is not None:
            pending.timer.cancel()
        self._publish(pending, Decision(False, "withdrawn"), "withdrawn", reason=why)

    def _publish(self, pending: Pending, decision: Decision, by: str, grant: str = "", reason: str = "") -> None:
        outcome = Outcome(
            self._clock.wall(), decision.allowed, by, reason, pending.edited is not None, pending.requester.tenant
        )
        self.details.forget(pending.id)
        self._ended.add(pending.id, pending.group, outcome)
        self._bus.publish(pending.answered(decision, by, grant, reason))

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
