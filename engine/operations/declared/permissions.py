"""Permissions: what waits for an answer, the answers, the grants that they gave."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation


class PermissionRow(msgspec.Struct, kw_only=True):
    """One permission that waits for an answer; its fields are those of PermissionAsked."""

    id: str
    session: str
    tool: str
    summary: str
    asked_at: float
    deadline: float
    age: float
    group: str
    action: str
    risk: str
    rank: int
    grave: bool
    tenant: str
    profile: str
    conversation: str
    allowed_before: int
    denied_before: int
    nearest: str


class PermissionGroupRow(msgspec.Struct, kw_only=True):
    """The pending permissions of one action; `asked_at` and `deadline` are those of the one that waits longest."""

    key: str
    tool: str
    action: str
    summary: str
    risk: str
    rank: int
    grave: bool
    tenant: str
    profiles: list[str]
    sessions: list[str]
    permissions: list[str]
    count: int
    asked_at: float
    deadline: float
    age: float
    allowed_before: int
    denied_before: int
    nearest: str


class GrantRow(msgspec.Struct, kw_only=True):
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
    scope: str


class PermissionAnswer(msgspec.Struct, kw_only=True):
    """One line of the record: `how` is person, grant, deadline or engine, `by` who or which.

    Times are in seconds since 1970.
    """

    permission: str
    session: str
    conversation: str
    tenant: str
    profile: str
    tool: str
    group: str
    action: str
    risk: str
    allowed: bool
    how: str
    by: str
    asked_at: float
    at: float
    scope: str
    expires: float
    message: str


class PermissionsResult(msgspec.Struct, kw_only=True):
    """A page of what waits, the oldest first, of `total`."""

    permissions: list[PermissionRow]
    total: int


class GroupsResult(msgspec.Struct, kw_only=True):
    """A page of what waits by action, the gravest first, of `total`."""

    groups: list[PermissionGroupRow]
    total: int


class AnswerPermission(msgspec.Struct, kw_only=True, frozen=True):
    """An answer; `expires` is a time to live such as 1h, or a moment, and `scope` once, conversation or profile."""

    id: str
    allowed: bool
    scope: str = "once"
    expires: str | float | None = None
    message: str = ""


class AnsweredPermission(msgspec.Struct, kw_only=True):
    """The permission, the answer, and the grants that it gave."""

    id: str
    allowed: bool
    grants: list[GrantRow]


class AnsweredResult(msgspec.Struct, kw_only=True):
    """What was answered."""

    permission: AnsweredPermission


class AnswerGroup(msgspec.Struct, kw_only=True, frozen=True):
    """An answer to all that wait for one action, as for a single permission."""

    key: str
    allowed: bool
    scope: str = "once"
    expires: str | float | None = None
    message: str = ""


class AnsweredGroup(msgspec.Struct, kw_only=True):
    """The group, the answer, how many waited, and the grants that it gave."""

    key: str
    allowed: bool
    answered: int
    grants: list[GrantRow]


class AnsweredGroupResult(msgspec.Struct, kw_only=True):
    """What was answered."""

    group: AnsweredGroup


class GrantsResult(msgspec.Struct, kw_only=True):
    """A page of the grants in force, oldest first, of `total`."""

    grants: list[GrantRow]
    total: int


class GrantId(msgspec.Struct, kw_only=True, frozen=True):
    """One grant."""

    id: str


class Revoked(msgspec.Struct, kw_only=True):
    """The grant that was revoked."""

    revoked: str


class PermissionHistory(PageArgs, kw_only=True, frozen=True):
    """The answers to one action, or to all."""

    group: str = ""


class HistoryResult(msgspec.Struct, kw_only=True):
    """A page of the answers, newest first, of `total`."""

    answers: list[PermissionAnswer]
    total: int


LIST_PERMISSIONS = Operation(
    "permissions.list",
    "GET /api/permissions",
    PageArgs,
    PermissionsResult,
    "List the permissions that wait for an answer, oldest first.",
    examples=("quarterdeck permissions list",),
)
LIST_GROUPS = Operation(
    "permissions.groups",
    "GET /api/permissions/groups",
    PageArgs,
    GroupsResult,
    "List what waits by action, the gravest first.",
    examples=("quarterdeck permissions groups",),
)
ANSWER_GROUP = Operation(
    "permissions.answer_group",
    "POST /api/permissions/groups/{key}",
    AnswerGroup,
    AnsweredGroupResult,
    "Answer all that wait for one action.",
    Scope.OPERATOR,
    command="permissions allow-group",
    examples=("quarterdeck permissions allow-group 9c41f2",),
)
LIST_GRANTS = Operation(
    "permissions.grants",
    "GET /api/permissions/grants",
    PageArgs,
    GrantsResult,
    "List the grants in force, oldest first.",
    examples=("quarterdeck permissions grants",),
)
REVOKE_GRANT = Operation(
    "permissions.revoke",
    "DELETE /api/permissions/grants/{id}",
    GrantId,
    Revoked,
    "Revoke a grant: what it allowed needs an answer again.",
    Scope.OPERATOR,
    examples=("quarterdeck permissions revoke g12",),
)
PERMISSION_HISTORY = Operation(
    "permissions.history",
    "GET /api/permissions/history",
    PermissionHistory,
    HistoryResult,
    "List who answered what, newest first.",
    examples=("quarterdeck permissions history --limit 20",),
)
ANSWER_PERMISSION = Operation(
    "permissions.answer",
    "POST /api/permissions/{id}",
    AnswerPermission,
    AnsweredResult,
    "Answer one permission.",
    Scope.OPERATOR,
    command="permissions allow",
    examples=("quarterdeck permissions allow 4f1c",),
)
