"""What the inbox of approvals says: one row an action, the card of the one under the cursor, and the keys. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Sequence

from engine.approvals.groups import PermissionGroup
from tui import formats
from tui.actions import Action
from tui.glyphs import risk_mark
from tui.spans import Line, clean, crop, fit, padded, rule, width_of

NARROW = 90
"""Cells below which the rows do not say how often an action was seen; its card does."""
CARD_LINES = 8
"""Lines of the card, with the blank one before it."""
_AGE, _SESSION, _TOOL, _RISK, _SAME, _SEEN = 6, 7, 9, 11, 5, 10
_LEAD = 3
_ACTION_LINES = 2


def title(groups: Sequence[PermissionGroup]) -> str:
    """The head of the box."""
    waiting = sum(group.count for group in groups)
    return f"APPROVALS  {waiting} waiting in {formats.plural(len(groups), 'group')}"


def head(width: int) -> Line:
    """The names of the columns."""
    seen = "SEEN" if width >= NARROW else ""
    return [(" " * _LEAD + _columns("AGE", "SESSION", "TOOL", "REQUEST", "RISK", "SAME", seen, width), "muted")]


def row(group: PermissionGroup, now: float, width: int, *, here: bool, marked: bool) -> Line:
    """One group."""
    lead = ("▌" if here else " ") + ("◆" if marked else " ") + " "
    risk, role = risk_mark(group.risk, grave=group.grave)
    seen = f"{group.allowed_before}✔ {group.denied_before}✖" if group.allowed_before + group.denied_before else "–"
    cells = (
        formats.span(now - group.asked_at),
        group.sessions[0],
        group.tool,
        group.summary or group.action,
    )
    room = _request(width)
    before = f"{fit(cells[0], _AGE, 'right')}  {fit(cells[1], _SESSION)} {fit(cells[2], _TOOL)} {fit(cells[3], room)} "
    after = fit(f"×{group.count}", _SAME, "right") + (fit(seen, _SEEN, "right") if width >= NARROW else "")
    if here:
        return padded([(lead + before + fit(risk, _RISK) + after, "cursor")], width)
    return [(lead, "ask"), (before, ""), (fit(risk, _RISK), role), (after, "muted")]


def rows(
    groups: Sequence[PermissionGroup], cursor: str, marks: Container[str], now: float, width: int, most: int
) -> tuple[list[Line], int]:
    """The rows around the cursor, exactly `most` lines, and the index of the first of them."""
    at = next((index for index, group in enumerate(groups) if group.key == cursor), 0)
    first = max(0, min(at - most // 2, len(groups) - most))
    lines = [
        row(group, now, width, here=group.key == cursor, marked=group.key in marks)
        for group in groups[first : first + most]
    ]
    return lines + [[] for _ in range(most - len(lines))], first


def card(group: PermissionGroup | None, now: float, bar: str, width: int) -> list[Line]:
    """Exactly what an answer is about, always CARD_LINES lines."""
    if group is None:
        lines: list[Line] = [[], rule("NOTHING WAITS", width), [(" All are answered; esc closes.", "muted")]]
        return lines + [[] for _ in range(CARD_LINES - len(lines))]
    left = max(0.0, group.deadline - now)
    lines = [[], rule("WHAT IS ANSWERED", width, f"armed {bar}")]
    lines += [[(f" {part}", "strong")] for part in _wrapped(group.action, width - 2)]
    lines += [[] for _ in range(2 + _ACTION_LINES - len(lines))]
    more = group.count - len(group.sessions)
    who = " ".join(group.sessions) + (f" … ×{group.count}" if more else "")
    where = f"profile {', '.join(group.profiles)} of {group.tenant}" if group.tenant else ""
    seen = f"allowed {group.allowed_before}, denied {group.denied_before}"
    lines.append([(" from     ", "muted"), (who, ""), (f"   {where}", "muted")])
    lines.append([(" risk     ", "muted"), risk_mark(group.risk, grave=group.grave), ("   seen before ", "muted"),
                  (seen, "")])  # fmt: skip
    lines.append([(" nearest  ", "muted"), (group.nearest or "no grant is like it", "")])
    lines.append([(" deadline ", "muted"), (f"denied in {formats.span(left)} unless somebody answers", "")])
    return [crop(line, width) for line in lines]


def keys(actions: Sequence[Action], width: int, *, read_only: bool) -> list[Line]:
    """The keys, in as many lines as they need."""
    lines: list[Line] = [[(" ", "")]]
    for action in sorted((a for a in actions if a.footer), key=lambda a: a.footer):
        if read_only and action.acts:
            continue
        spans: Line = [(action.shown_key, "key"), (f" {action.short or action.text}  ", "muted")]
        if width_of([*lines[-1], *spans]) > width + 2:
            lines.append([(" ", "")])
        lines[-1] += spans
    return lines


def _columns(age: str, session: str, tool: str, request: str, risk: str, same: str, seen: str, width: int) -> str:
    before = f"{fit(age, _AGE, 'right')}  {fit(session, _SESSION)} {fit(tool, _TOOL)} {fit(request, _request(width))} "
    return before + fit(risk, _RISK) + fit(same, _SAME, "right") + (fit(seen, _SEEN, "right") if seen else "")


def _request(width: int) -> int:
    seen = _SEEN if width >= NARROW else 0
    return max(8, width - _LEAD - _AGE - 2 - _SESSION - 1 - _TOOL - 1 - 1 - _RISK - _SAME - seen)


def _wrapped(text: str, width: int) -> list[str]:
    cleaned = clean(text)
    return textwrap.wrap(cleaned, max(8, width), max_lines=_ACTION_LINES, placeholder=" …", break_on_hyphens=False)
