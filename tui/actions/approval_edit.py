"""An operator edits what an agent asks for, reads how the engine judges it then, and allows it this once."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from engine.base.errors import BadInput, QuarterdeckError
from tui.render.plain_text import clean
from tui.render.spans import Line

if TYPE_CHECKING:
    from engine.operations.declared.permissions import PermissionDetail
    from tui.actions.host import ConsoleHost

_FIRST = ("command", "file_path", "content", "new_string")
"""Texts of an input that are edited first, where it has several."""
_CONTEXT = 2


async def edit(console: ConsoleHost, permission: str) -> None:
    """Edit, judge, confirm, allow; what the engine refuses is shown. Runs inside a worker of the console."""
    from engine.operations.declared.permissions import (
        ANSWER_PERMISSION,
        JUDGE_PERMISSION,
        SHOW_PERMISSION,
        AnswerPermission,
        JudgePermission,
        ShowPermission,
    )

    feed = console.feed
    if feed is None or not permission:
        console.notify("Nothing waits for an approval.", severity="warning")
        return
    try:
        asked = (await feed.send(SHOW_PERMISSION, ShowPermission(id=permission, limit=1))).permission
        name = await _field(console, asked)
        if name is None:
            return
        text = asked.texts[name]
        while True:
            changed = await console.dialogs.edit(f"EDIT {asked.tool.upper()} {name}", _facts(asked), text)
            if changed is None:
                return
            if changed == asked.texts[name]:
                console.notify("Nothing was changed, so nothing was answered.")
                return
            text, edits = changed, {name: changed}
            try:
                judged = (await feed.send(JUDGE_PERMISSION, JudgePermission(id=permission, edited=edits))).permission
            except BadInput as error:  # what was typed stays, to be put right
                console.notify(str(error), severity="error")
                continue
            lines = judged_lines(asked, judged, asked.texts[name], changed)
            if await console.dialogs.read_and_confirm("ALLOW WHAT WAS EDITED, ONCE", lines, "allow it", "edit again"):
                await feed.send(ANSWER_PERMISSION, AnswerPermission(id=permission, allowed=True, edited=edits))
                console.notify("Allowed as edited.")
                return
    except QuarterdeckError as error:
        console.notify(str(error), severity="error")


async def _field(console: ConsoleHost, asked: PermissionDetail) -> str | None:
    """The text that is edited; None when there is none, or the operator would rather not."""
    names = sorted(asked.texts, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    if not names:
        console.notify("This input has no text that can be edited.", severity="warning")
        return None
    if len(names) == 1 or names[0] == "command":
        return names[0]
    options = [(name, clean(asked.texts[name][:40])) for name in names]
    return await console.dialogs.choose("EDIT WHICH TEXT", options, names[0], keys="enter edit · esc keep")


def _facts(asked: PermissionDetail) -> list[Line]:
    lines: list[Line] = [[("in      ", "muted"), (clean(asked.cwd), "")]]
    if asked.secrets:
        lines.append([("secrets ", "muted"), ("‹secret 1› stands for one and may be kept", "")])
    return lines


def judged_lines(asked: PermissionDetail, judged: PermissionDetail, before: str, after: str) -> list[Line]:
    """The risks before and after, and what was changed."""
    lines: list[Line] = [
        [("risk was ", "muted"), (_risks(asked), "")],
        [("risk now ", "muted"), (_risks(judged), "strong")],
        [("action   ", "muted"), (clean(judged.action), "")],
        [],
    ]
    changes = difflib.unified_diff(before.split("\n"), after.split("\n"), n=_CONTEXT, lineterm="")
    for line in list(changes)[2:]:
        role = {"+": "run", "-": "fail", "@": "muted"}.get(line[:1], "")
        lines.append([(clean(line), role)])
    return lines


def _risks(detail: PermissionDetail) -> str:
    return " · ".join(("▲ " if risk.grave else "") + risk.word for risk in detail.risks)
