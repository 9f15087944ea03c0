"""One permission on a terminal: what it touches, its risks, and its whole input."""

from __future__ import annotations

from typing import Any

import msgspec

from tui.cli.options import Common
from tui.cli.output import echo
from tui.cli.running_engine import call
from tui.feeds.wire import segment
from tui.model.input_view import SIGNS

_PAGE = 2000


def whole(common: Common, permission: str) -> dict[str, Any]:
    """A permission with all lines of its input."""
    path = f"/api/permissions/{segment(permission)}"
    detail: dict[str, Any] = call(common, "GET", f"{path}?limit={_PAGE}")["permission"]
    while len(detail["lines"]) < detail["total_lines"]:
        page = call(common, "GET", f"{path}?limit={_PAGE}&offset={len(detail['lines'])}")["permission"]["lines"]
        if not page:
            break
        detail["lines"] += page
    return detail


def show_detail(found: dict[str, Any]) -> None:
    """Print it; every line of the input stands behind a sign, so that none can look like one of ours."""
    from engine.operations.declared.permissions import PermissionDetail
    from tui.render.plain_text import clean
    from tui.screens.approval_lines import changes_of, risks_of, touch_of

    detail = msgspec.convert(found, PermissionDetail)
    echo(f"{detail.id}  {clean(detail.tool)} of {detail.session}, profile {detail.profile}")
    echo(f"cwd      {clean(detail.cwd)}")
    echo(f"risk     {risks_of(detail)}")
    for touch in detail.touches:
        echo(f"touches  {clean(touch_of(touch))}")
    echo(f"input    {', '.join(changes_of(detail))}")
    for line in detail.lines:
        echo(f"  {SIGNS.get(line.kind, '  ')}{clean(line.text)}")
    if (more := detail.total_lines - len(detail.lines)) > 0:
        echo(f"  {more:,} more lines")
