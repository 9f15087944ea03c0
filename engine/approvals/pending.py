"""A permission that waits for its answer, and the event and the record that are made of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from engine.approvals.actions import Action
from engine.approvals.editing import fields_of
from engine.approvals.grants import Decision, Place, Scope
from engine.approvals.risks import RiskBook
from engine.approvals.store import Answered, GrantRequest
from engine.events.types import PermissionAnswered, PermissionAsked
from engine.sessions.permission_port import Requester
from engine.sessions.protocol_events import PermissionWanted


@dataclass(slots=True)
class Pending:
    """What an agent requests; `edited` is the action that a person put in its place, with its input."""

    id: str
    requester: Requester
    wanted: PermissionWanted
    action: Action
    group: str
    asked_at: float
    content: str = ""
    timer: asyncio.TimerHandle | None = None
    edited: Action | None = None
    edited_input: bytes | None = None
    deadline: float = field(default=0.0)

    def place(self, scope: Scope) -> Place:
        """Where a grant of this scope would hold."""
        requester = self.requester
        conversation = requester.conversation if scope is Scope.CONVERSATION else ""
        return Place(requester.tenant, requester.profile, requester.grants or requester.workspace, conversation)

    def grant_request(self, decision: Decision) -> GrantRequest:
        """The grant that a decision gives."""
        action = self.action
        place = self.place(decision.scope)
        return GrantRequest(
            place, action.tool, self.group, action.words, action.risk.word, decision.by, decision.expires
        )

    def asked(self, near: str, allowed: int, denied: int) -> PermissionAsked:
        """The event of its beginning."""
        requester, action, risks = self.requester, self.action, self.action.all_risks
        return PermissionAsked(
            permission=self.id,
            session=requester.session,
            tool=self.wanted.tool,
            summary=self.wanted.summary,
            deadline=self.deadline,
            group=self.group,
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
            risks=tuple(risk.word for risk in risks),
            grave_risks=sum(risk.grave for risk in risks),
            content=self.content,
            size=len(bytes(self.wanted.input)),
        )

    def answered(self, decision: Decision, by: str, grant: str, reason: str) -> PermissionAnswered:
        """The event of its end."""
        return PermissionAnswered(
            permission=self.id,
            session=self.requester.session,
            allowed=decision.allowed,
            by=by,
            scope=decision.scope.value,
            group=self.group,
            grant=grant,
            edited=self.edited.words if self.edited is not None else "",
            reason=reason,
        )

    def record(self, decision: Decision, how: str, by: str, at: float) -> Answered:
        """The line of the record: the action that was decided about, and the one asked for where that was edited."""
        requester, action = self.requester, self.edited or self.action
        return Answered(
            permission=self.id,
            session=requester.session,
            conversation=requester.conversation,
            tenant=requester.tenant,
            profile=requester.profile,
            tool=action.tool,
            group=action.key(requester.tenant),
            action=action.words,
            risk=action.risk.word,
            allowed=decision.allowed,
            how=how,
            by=by,
            asked_at=self.asked_at,
            at=at,
            scope=decision.scope.value,
            expires=decision.expires,
            message=decision.message,
            edited_from=self.action.words if self.edited is not None else "",
        )


def content_of(tool: str, given: bytes, book: RiskBook) -> str:
    """The name of a whole input: equal for inputs that differ in nothing but what never matters."""
    rule, fields = book.tools.get(tool), fields_of(given)
    if fields is not None:
        ignored = rule.ignored if rule is not None else ()
        given = msgspec.json.encode({k: v for k, v in fields.items() if k not in ignored}, order="deterministic")
    return blake2b(given, digest_size=8).hexdigest()
