"""What waits, by action: one row for all requests that may be answered alike. Pure; the API and the console use it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.events.state import PermissionView

SESSIONS_NAMED = 20
"""Sessions that a group names; more are counted."""
CONTENTS_NAMED = 100
"""Different inputs of a group that can be leafed through and answered at once."""


class PermissionGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The pending permissions of one action; `asked_at` and `deadline` are those of the one that waits longest.

    `contents` names the different whole inputs among them, `pages` a permission of each, both at most CONTENTS_NAMED.
    """

    key: str
    tool: str
    action: str
    summary: str
    risk: str
    rank: int
    grave: bool
    tenant: str
    profiles: tuple[str, ...]
    sessions: tuple[str, ...]
    permissions: tuple[str, ...]
    count: int
    asked_at: float
    deadline: float
    allowed_before: int
    denied_before: int
    nearest: str
    risks: tuple[str, ...] = ()
    grave_risks: int = 0
    contents: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


def groups_of(waiting: Iterable[PermissionView]) -> list[PermissionGroup]:
    """The groups, the gravest first and of equal ones the oldest."""
    members: dict[str, list[PermissionView]] = {}
    for view in waiting:
        members.setdefault(view.group or view.id, []).append(view)
    made = [_group(key, sorted(views, key=lambda view: view.asked_at)) for key, views in members.items()]
    return sorted(made, key=lambda group: (group.rank, group.asked_at, group.key))


def _group(key: str, views: list[PermissionView]) -> PermissionGroup:
    oldest, newest = views[0], views[-1]
    pages: dict[str, str] = {}
    for view in views:
        pages.setdefault(view.content or view.id, view.id)
    contents = tuple(pages)[:CONTENTS_NAMED]
    risks = max((view.risks for view in views), key=len)
    sessions = tuple(dict.fromkeys(view.session for view in views))
    return PermissionGroup(
        key=key,
        tool=oldest.tool,
        action=oldest.action or f"{oldest.tool}: {oldest.summary}",
        summary=oldest.summary,
        risk=oldest.risk,
        rank=oldest.rank,
        grave=oldest.grave,
        tenant=oldest.tenant,
        profiles=tuple(dict.fromkeys(view.profile for view in views)),
        sessions=sessions[:SESSIONS_NAMED],
        permissions=tuple(view.id for view in views[:SESSIONS_NAMED]),
        count=len(views),
        asked_at=oldest.asked_at,
        deadline=min(view.deadline for view in views),
        allowed_before=newest.allowed_before,
        denied_before=newest.denied_before,
        nearest=oldest.nearest,
        risks=tuple(risks or [oldest.risk]),
        grave_risks=max(view.grave_risks for view in views) if risks else int(oldest.grave),
        contents=contents,
        pages=tuple(pages[content] for content in contents),
    )
