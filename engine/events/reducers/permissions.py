"""Reducers of permissions: requested, answered, revoked."""

from __future__ import annotations

from engine.events import types as ev
from engine.events.reducers.bounded import note
from engine.events.reducers.sessions import at_rest, set_state
from engine.events.state import ANSWERED_KEPT, LAPSED_KEPT, AnsweredView, LapsedView, PermissionView, State
from engine.events.types import SessionState, Severity


def permission_asked(state: State, event: ev.PermissionAsked, at: float) -> None:
    """An agent waits for an answer."""
    state.permissions[event.permission] = PermissionView(
        id=event.permission,
        session=event.session,
        tool=event.tool,
        summary=event.summary,
        asked_at=at,
        deadline=event.deadline,
        group=event.group,
        action=event.action,
        risk=event.risk,
        rank=event.rank,
        grave=event.grave,
        tenant=event.tenant,
        profile=event.profile,
        conversation=event.conversation,
        allowed_before=event.allowed_before,
        denied_before=event.denied_before,
        nearest=event.nearest,
        risks=list(event.risks),
        grave_risks=event.grave_risks,
        content=event.content,
        size=event.size,
    )
    if row := state.sessions.get(event.session):
        row.activity = f"{event.tool} {event.summary}"
        set_state(row, SessionState.APPROVAL, at)


def permission_answered(state: State, event: ev.PermissionAnswered, at: float) -> None:
    """It was answered, by a person or by a grant."""
    asked = state.permissions.pop(event.permission, None)
    row = state.sessions.get(event.session)
    waits = any(each.session == event.session for each in state.permissions.values())
    if row is not None and row.state is SessionState.APPROVAL and not waits:
        set_state(row, SessionState.RUNNING if row.turn_started_at else at_rest(row), at)
    if asked is not None:
        _keep_answered(state, asked, event, at)
        if event.by == "deadline":
            state.lapsed.append(LapsedView(at, event.session, asked.tool, asked.summary))
            del state.lapsed[:-LAPSED_KEPT]
        severity = Severity.WARNING if event.by == "deadline" else Severity.INFO
        note(state, "notice", event.session, _what_happened(event, f"{asked.tool} {asked.summary}"), severity)


def _what_happened(event: ev.PermissionAnswered, what: str) -> str:
    if event.by == "withdrawn":
        return f"withdrawn {what}: {event.reason or 'the agent no longer asks'}"
    if event.by == "deadline":
        return f"denied {what}: nobody answered before its deadline"
    word = "edited and allowed" if event.edited else "allowed" if event.allowed else "denied"
    reach = "" if event.scope == "once" else f", for the {event.scope}"
    return f"{word} {what} by {event.by}{reach}"


def _keep_answered(state: State, asked: PermissionView, event: ev.PermissionAnswered, at: float) -> None:
    state.answered.append(
        AnsweredView(
            id=asked.id,
            session=asked.session,
            tool=asked.tool,
            summary=asked.summary,
            group=asked.group,
            at=at,
            allowed=event.allowed,
            by=event.by,
            scope=event.scope,
            edited=event.edited,
            reason=event.reason,
        )
    )
    del state.answered[:-ANSWERED_KEPT]


def grant_revoked(state: State, event: ev.GrantRevoked, _at: float) -> None:
    """A grant no longer answers."""
    note(state, "tuning", event.grant, f"grant revoked by {event.by}: {event.action}")
