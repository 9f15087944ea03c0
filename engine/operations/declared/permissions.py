"""Permissions: what waits for an answer, the answers, the grants that they gave."""

from __future__ import annotations

from typing import Annotated

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
    risks: list[str]
    grave_risks: int
    content: str
    size: int


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
    risks: list[str]
    grave_risks: int
    contents: list[str]
    pages: list[str]


class RiskRow(msgspec.Struct, kw_only=True):
    """One risk of a request, and what that means."""

    word: str
    about: str
    grave: bool


class TouchRow(msgspec.Struct, kw_only=True):
    """A file or folder that a request names; `files` and `size` are of all below a folder, `more`: at least.

    `kind` is file, folder, link, other or missing; `ignored` states that git leaves it out.
    """

    path: str
    kind: str
    files: int
    size: int
    more: bool
    ignored: bool


class InputLineRow(msgspec.Struct, kw_only=True):
    """One line; `kind` is text, name (of a field), more (of the line before), add, del, same, hunk or note."""

    kind: str
    text: str


class PermissionDetail(msgspec.Struct, kw_only=True):
    """All that is needed to decide: `lines` are a page of the `total_lines` of the whole input, from `offset` on.

    `cwd` is where the agent works, `size` the bytes of the input. A change to a file has the lines `added` and
    `removed`. `texts` may be edited; they come with the first page. `secrets` counts those that are shown as
    `‹secret 1›`, which an edited text may keep. `unread` states that the disk did not answer in time.
    """

    id: str
    session: str
    tool: str
    conversation: str
    profile: str
    tenant: str
    cwd: str
    action: str
    group: str
    content: str
    asked_at: float
    deadline: float
    risks: list[RiskRow]
    touches: list[TouchRow]
    lines: list[InputLineRow]
    offset: int
    total_lines: int
    size: int
    added: int | None
    removed: int | None
    new_file: bool
    texts: dict[str, str]
    secrets: int
    unread: bool


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

    Times are in seconds since 1970. `edited_from` is the action asked for, where a person allowed another in its place.
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
    edited_from: str


class PermissionsResult(msgspec.Struct, kw_only=True):
    """A page of what waits, the oldest first, of `total`."""

    permissions: list[PermissionRow]
    total: int


class GroupsResult(msgspec.Struct, kw_only=True):
    """A page of what waits by action, the gravest first, of `total`."""

    groups: list[PermissionGroupRow]
    total: int


class AnswerPermission(msgspec.Struct, kw_only=True, frozen=True):
    """An answer; `expires` is a time to live such as 1h, or a moment, and `scope` once, conversation or profile.

    `edited` puts texts in place of those of the input, by field: it is judged again, and allowed this once.
    """

    id: str
    allowed: bool
    scope: str = "once"
    expires: str | float | None = None
    message: str = ""
    edited: dict[str, str] | None = None


class ShowPermission(msgspec.Struct, kw_only=True, frozen=True):
    """One permission, and which lines of its input."""

    id: str
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 500


class JudgePermission(msgspec.Struct, kw_only=True, frozen=True):
    """One permission, and the texts that would stand in place of those of its input, by field."""

    id: str
    edited: dict[str, str]


class PermissionDetailResult(msgspec.Struct, kw_only=True):
    """What is asked for."""

    permission: PermissionDetail


class AnsweredPermission(msgspec.Struct, kw_only=True):
    """The permission, the answer, and the grants that it gave."""

    id: str
    allowed: bool
    grants: list[GrantRow]


class AnsweredResult(msgspec.Struct, kw_only=True):
    """What was answered."""

    permission: AnsweredPermission


class AnswerGroup(msgspec.Struct, kw_only=True, frozen=True):
    """An answer to all that wait for one action, as for a single permission.

    With `contents` only those whose whole input is one of these, as the group names them.
    """

    key: str
    allowed: bool
    scope: str = "once"
    expires: str | float | None = None
    message: str = ""
    contents: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] | None = None


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
SHOW_PERMISSION = Operation(
    "permissions.show",
    "GET /api/permissions/{id}",
    ShowPermission,
    PermissionDetailResult,
    "Show the whole input of a permission that waits, what it touches, and all its risks.",
    examples=("quarterdeck permissions show 4f1c",),
)
JUDGE_PERMISSION = Operation(
    "permissions.judge",
    "POST /api/permissions/{id}/judge",
    JudgePermission,
    PermissionDetailResult,
    "Show a permission as it would be with an edited input; nothing is answered.",
    Scope.OPERATOR,
    examples=("quarterdeck permissions judge 4f1c --command 'make test'",),
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
