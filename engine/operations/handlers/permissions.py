"""Permissions: what waits, the answers, and the grants that they gave."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from engine.approvals.details import Detail
from engine.approvals.grants import Decision, Grant, decided
from engine.approvals.groups import groups_of
from engine.events.state import PermissionView
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.permissions import (
    ANSWER_GROUP,
    ANSWER_PERMISSION,
    JUDGE_PERMISSION,
    LIST_GRANTS,
    LIST_GROUPS,
    LIST_PERMISSIONS,
    PERMISSION_HISTORY,
    REVOKE_GRANT,
    SHOW_PERMISSION,
    AnsweredGroup,
    AnsweredGroupResult,
    AnsweredPermission,
    AnsweredResult,
    AnswerGroup,
    AnswerPermission,
    GrantId,
    GrantRow,
    GrantsResult,
    GroupsResult,
    HistoryResult,
    InputLineRow,
    JudgePermission,
    PermissionAnswer,
    PermissionDetail,
    PermissionDetailResult,
    PermissionGroupRow,
    PermissionHistory,
    PermissionRow,
    PermissionsResult,
    Revoked,
    RiskRow,
    ShowPermission,
    TouchRow,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services

_JUDGED_LINES = 2000
T = TypeVar("T", PermissionRow, PermissionGroupRow)


@handles(LIST_PERMISSIONS)
async def list_permissions(services: Services, call: CallContext, args: PageArgs) -> PermissionsResult:
    """Those that wait, the oldest first, each with its age in seconds."""
    rows = _waiting(services, call)
    return PermissionsResult(permissions=_aged(services, PermissionRow, page_of(args, rows)), total=len(rows))


@handles(LIST_GROUPS)
async def groups(services: Services, call: CallContext, args: PageArgs) -> GroupsResult:
    """One row an action, the gravest first, then the oldest."""
    rows = groups_of(_waiting(services, call))
    return GroupsResult(groups=_aged(services, PermissionGroupRow, page_of(args, rows)), total=len(rows))


@handles(SHOW_PERMISSION)
async def show(services: Services, call: CallContext, args: ShowPermission) -> PermissionDetailResult:
    """A page of what is asked for. Raises NotFound, stating who answered it."""
    detail = await services.broker.details.read(services.broker.waiting(args.id, call.caller.only_tenant))
    return PermissionDetailResult(permission=_detail_row(detail, args.offset, args.limit))


@handles(JUDGE_PERMISSION)
async def judge(services: Services, call: CallContext, args: JudgePermission) -> PermissionDetailResult:
    """What an edited input would do. Raises NotFound, BadInput."""
    edited = services.broker.edited(args.id, args.edited, call.caller.only_tenant)
    detail = await services.broker.details.read(edited)
    return PermissionDetailResult(permission=_detail_row(detail, 0, _JUDGED_LINES))


@handles(ANSWER_PERMISSION)
async def answer(services: Services, call: CallContext, args: AnswerPermission) -> AnsweredResult:
    """Answer a pending permission. Raises NotFound, BadInput."""
    tenant = call.caller.only_tenant
    grants = services.broker.answer(args.id, _decision(services, call, args), args.edited, tenant)
    return AnsweredResult(
        permission=AnsweredPermission(id=args.id, allowed=args.allowed, grants=rows_as(GrantRow, grants))
    )


@handles(ANSWER_GROUP)
async def answer_group(services: Services, call: CallContext, args: AnswerGroup) -> AnsweredGroupResult:
    """Answer all that wait in a group, as `answer` does. Raises NotFound, BadInput."""
    decision, tenant = _decision(services, call, args), call.caller.only_tenant
    count, grants = services.broker.answer_group(args.key, decision, args.contents, tenant)
    return AnsweredGroupResult(
        group=AnsweredGroup(key=args.key, allowed=args.allowed, answered=count, grants=rows_as(GrantRow, grants))
    )


@handles(LIST_GRANTS)
async def grants(services: Services, call: CallContext, args: PageArgs) -> GrantsResult:
    """Those in force, oldest first. Raises StoreUnusable."""
    rows: list[Grant] = services.broker.store.grants(call.caller.only_tenant)
    return GrantsResult(grants=rows_as(GrantRow, page_of(args, rows)), total=len(rows))


@handles(REVOKE_GRANT)
async def revoke(services: Services, call: CallContext, args: GrantId) -> Revoked:
    """Revoke a grant. Raises NotFound, StoreUnusable."""
    return Revoked(revoked=services.broker.revoke(args.id, call.who, call.caller.only_tenant).id)


@handles(PERMISSION_HISTORY)
async def history(services: Services, call: CallContext, args: PermissionHistory) -> HistoryResult:
    """Who answered what, newest first. Raises StoreUnusable."""
    rows, total = services.broker.store.history(args.limit, args.offset, args.group, call.caller.only_tenant)
    return HistoryResult(answers=rows_as(PermissionAnswer, rows), total=total)


def _waiting(services: Services, call: CallContext) -> list[PermissionView]:
    """What waits for this caller, the oldest first."""
    return [row for row in services.state.permissions.values() if call.caller.reaches(row.tenant)]


def _decision(services: Services, call: CallContext, args: AnswerPermission | AnswerGroup) -> Decision:
    return decided(
        allowed=args.allowed,
        by=call.who,
        scope=args.scope,
        expires=args.expires,
        message=args.message,
        now=services.clock.wall(),
        default=services.settings.claude.grant_expiry,
    )


def _detail_row(detail: Detail, offset: int, limit: int) -> PermissionDetail:
    pending, text = detail.pending, detail.text
    requester, action = pending.requester, pending.edited or pending.action
    return PermissionDetail(
        id=pending.id,
        session=requester.session,
        tool=pending.wanted.tool,
        conversation=requester.conversation,
        profile=requester.profile,
        tenant=requester.tenant,
        cwd=requester.workspace,
        action=action.words,
        group=pending.group,
        content=pending.content,
        asked_at=pending.asked_at,
        deadline=pending.deadline,
        risks=rows_as(RiskRow, action.all_risks),
        touches=rows_as(TouchRow, detail.touches),
        lines=rows_as(InputLineRow, text.lines[offset : offset + limit]),
        offset=offset,
        total_lines=len(text.lines),
        size=text.size,
        added=text.added,
        removed=text.removed,
        new_file=text.is_new_file,
        texts=dict(detail.texts) if not offset else {},
        secrets=text.secrets,
        unread=detail.unread,
    )


def _aged(services: Services, kind: type[T], rows: Any) -> list[T]:
    now = services.clock.wall()
    return [
        row_as(kind, {**msgspec.structs.asdict(row), "age": round(max(0.0, now - row.asked_at), 3)}) for row in rows
    ]
