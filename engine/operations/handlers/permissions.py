"""Permissions: what waits, the answers, and the grants that they gave."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from engine.approvals.grants import Decision, Grant, decided
from engine.approvals.groups import groups_of
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.permissions import (
    ANSWER_GROUP,
    ANSWER_PERMISSION,
    LIST_GRANTS,
    LIST_GROUPS,
    LIST_PERMISSIONS,
    PERMISSION_HISTORY,
    REVOKE_GRANT,
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
    PermissionAnswer,
    PermissionGroupRow,
    PermissionHistory,
    PermissionRow,
    PermissionsResult,
    Revoked,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services

T = TypeVar("T", PermissionRow, PermissionGroupRow)


@handles(LIST_PERMISSIONS)
async def list_permissions(services: Services, _call: CallContext, args: PageArgs) -> PermissionsResult:
    """Those that wait, the oldest first, each with its age in seconds."""
    rows = list(services.state.permissions.values())
    return PermissionsResult(permissions=_aged(services, PermissionRow, page_of(args, rows)), total=len(rows))


@handles(LIST_GROUPS)
async def groups(services: Services, _call: CallContext, args: PageArgs) -> GroupsResult:
    """One row an action, the gravest first, then the oldest."""
    rows = groups_of(services.state.permissions.values())
    return GroupsResult(groups=_aged(services, PermissionGroupRow, page_of(args, rows)), total=len(rows))


@handles(ANSWER_PERMISSION)
async def answer(services: Services, call: CallContext, args: AnswerPermission) -> AnsweredResult:
    """Answer a pending permission. Raises NotFound, BadInput."""
    grants = services.broker.answer(args.id, _decision(services, call, args))
    return AnsweredResult(
        permission=AnsweredPermission(id=args.id, allowed=args.allowed, grants=rows_as(GrantRow, grants))
    )


@handles(ANSWER_GROUP)
async def answer_group(services: Services, call: CallContext, args: AnswerGroup) -> AnsweredGroupResult:
    """Answer all that wait in a group, as `answer` does. Raises NotFound, BadInput."""
    count, grants = services.broker.answer_group(args.key, _decision(services, call, args))
    return AnsweredGroupResult(
        group=AnsweredGroup(key=args.key, allowed=args.allowed, answered=count, grants=rows_as(GrantRow, grants))
    )


@handles(LIST_GRANTS)
async def grants(services: Services, _call: CallContext, args: PageArgs) -> GrantsResult:
    """Those in force, oldest first. Raises StoreUnusable."""
    rows: list[Grant] = services.broker.store.grants()
    return GrantsResult(grants=rows_as(GrantRow, page_of(args, rows)), total=len(rows))


@handles(REVOKE_GRANT)
async def revoke(services: Services, call: CallContext, args: GrantId) -> Revoked:
    """Revoke a grant. Raises NotFound, StoreUnusable."""
    return Revoked(revoked=services.broker.revoke(args.id, call.who).id)


@handles(PERMISSION_HISTORY)
async def history(services: Services, _call: CallContext, args: PermissionHistory) -> HistoryResult:
    """Who answered what, newest first. Raises StoreUnusable."""
    rows, total = services.broker.store.history(args.limit, args.offset, args.group)
    return HistoryResult(answers=rows_as(PermissionAnswer, rows), total=total)


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


def _aged(services: Services, kind: type[T], rows: Any) -> list[T]:
    now = services.clock.wall()
    return [
        row_as(kind, {**msgspec.structs.asdict(row), "age": round(max(0.0, now - row.asked_at), 3)}) for row in rows
    ]
