"""What the inbox of approvals says: one row an action, the card of the one under the cursor, and the keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.approvals.groups import PermissionGroup
from tui.actions.keymap import CAME_ALONG, Keymap
from tui.actions.registry import Action
from tui.model.columns import Column
from tui.model.input_view import InputView
from tui.model.list_state import ListState
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.render import formats
from tui.render.glyphs import risk_mark
from tui.render.spans import Line, crop, fit, padded, rule, width_of
from tui.screens import approval_lines, list_lines

NARROW = 90
"""Cells below which the rows do not state how often an action was seen; its card does."""
LEAST_CARD = 10
"""Lines of a card with all its facts, with the blank one before it."""
LOWEST_CARD = 6
"""Lines of a card in the lowest window."""
_AGE, _SESSION, _TOOL, _RISK, _SAME, _SEEN = 6, 7, 9, 11, 5, 10
_LEAD = 3


def title(groups: Sequence[PermissionGroup]) -> str:
    """The head of the box."""
    waiting = sum(group.count for group in groups)
    return f"APPROVALS  {waiting} waiting in {formats.plural(len(groups), 'group')}"


GROUPS: Listing[PermissionGroup] = Listing(
    "approvals",
    "group",
    (
        Column(
            "age", "AGE", 6, 0, lambda r, now: formats.span(now - r.asked_at), lambda r: -r.asked_at,
            lambda r, now: round(now - r.asked_at, 3), most_first=True, unit="seconds",
        ),
        Column("session", "SESSION", 7, 1, lambda r, _: r.sessions[0], lambda r: r.sessions[0],
               lambda r, _: " ".join(r.sessions)),
        Column("tool", "TOOL", 9, 2, lambda r, _: r.tool, lambda r: r.tool, lambda r, _: r.tool),
        Column("request", "REQUEST", 20, 3, lambda r, _: r.summary or r.action, lambda r: r.action,
               lambda r, _: r.action, flex=True),
        Column("risk", "RISK", 11, 4, lambda r, _: r.risk, lambda r: (float(r.rank), r.asked_at), lambda r, _: r.risk),
        Column("same", "SAME", 5, 5, lambda r, _: f"×{r.count}", lambda r: r.count, lambda r, _: r.count,
               most_first=True, unit="count"),
        Column("profile", "PROFILE", 9, 6, lambda r, _: " ".join(r.profiles), lambda r: " ".join(r.profiles),
               lambda r, _: " ".join(r.profiles)),
        Column("allowed", "ALLOWED", 7, 7, lambda r, _: str(r.allowed_before), lambda r: r.allowed_before,
               lambda r, _: r.allowed_before, most_first=True, unit="count"),
        Column("denied", "DENIED", 7, 8, lambda r, _: str(r.denied_before), lambda r: r.denied_before,
               lambda r, _: r.denied_before, most_first=True, unit="count"),
    ),
    lambda group: group.key,
    lambda _group: command("permissions", "groups"),
    Sort("risk"),
)  # fmt: skip
"""What waits; the gravest comes first, of equal ones the oldest."""


def head(shown: ListState[PermissionGroup], width: int) -> Line:
    """The names of the columns."""
    titles = {column.key: column.title for column in GROUPS.columns}
    titles[shown.sort.key] += shown.sort.mark
    names = [titles[key] for key in ("age", "session", "tool", "request", "risk", "same")]
    return [(" " * _LEAD + _columns(names, "SEEN" if width >= NARROW else "", width), "muted")]


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


def rows(shown: ListState[PermissionGroup], now: float, width: int, most: int) -> tuple[list[Line], int]:
    """The rows around the cursor, exactly `most` lines, and the index of the first of them."""
    groups = shown.rows
    first = list_lines.window(len(groups), shown.index, most)
    lines = [
        row(group, now, width, here=group.key == shown.cursor, marked=group.key in shown.marks)
        for group in groups[first : first + most]
    ]
    return lines + [[] for _ in range(most - len(lines))], first


@dataclass(frozen=True, slots=True)
class Leaf:
    """Which of the different inputs of a group is shown, of how many, and how many of them were read whole."""

    at: int = 0
    of: int = 1
    read: int = 0

    @property
    def title(self) -> str:
        """For the card's rule."""
        return f"input {self.at + 1} of {self.of}, {self.read} read" if self.of > 1 else "input"


def card(
    group: PermissionGroup | None,
    view: InputView | None,
    now: float,
    bar: str,
    width: int,
    height: int,
    leaf: Leaf,
    gone: Line | None,
    nothing: str,
    keys: Keymap = CAME_ALONG,
) -> list[Line]:
    """Exactly what an answer is about, always `height` lines; `nothing` states why there is none."""
    lines: list[Line] = [gone or []]
    if group is None or view is None:
        lines += [rule("NOTHING WAITS", width), [(f" {nothing}", "muted")]]
        return lines + [[] for _ in range(height - len(lines))]
    about = _about(group, now, leaf, width, keys)[: max(0, height - LEAST_CARD + 3)]
    risks = group.risks or (group.risk,)
    graves = group.grave_risks if group.risks else int(group.grave)
    facts = approval_lines.fact_lines(view, risks, graves, width, min(3, max(2, height - len(about) - 6)))
    most = max(1, height - 2 - len(facts) - len(about))
    title = f"{group.tool}  {leaf.title}"
    body = approval_lines.input_lines(view, group.summary, width, most)
    lines += [approval_lines.input_rule(title, view, width, bar, keys.shown("inbox.page_down")), *body, *facts, *about]
    return [crop(line, width) for line in lines[:height]] + [[] for _ in range(height - len(lines))]


def _about(group: PermissionGroup, now: float, leaf: Leaf, width: int, keys: Keymap) -> list[Line]:
    left = max(0.0, group.deadline - now)
    more = group.count - len(group.sessions)
    who = " ".join(group.sessions) + (f" … ×{group.count}" if more else "")
    where = f"profile {', '.join(group.profiles)} of {group.tenant}" if group.tenant else ""
    lines: list[Line] = [[("  from     ", "muted"), (who, ""), (f"   {where}", "muted")]]
    if leaf.of > 1:
        alike = f" next of {group.count} alike in {leaf.of} different inputs, {leaf.read} of {leaf.of} read"
        lines[0] = [("  ", ""), (keys.shown("inbox.leaf"), "key"), (alike, "ask"), ("   from ", "muted"), (who, "")]
    lines.append([("  grants   ", "muted"), (fit(group.action, max(8, width - 11)).rstrip(), "")])
    seen = f"seen {group.allowed_before}✔ {group.denied_before}✖"
    nearest = group.nearest or "no grant is like it"
    history = f"  denied in {formats.span(left)} unless somebody answers   {seen}   nearest {nearest}"
    lines.append([(fit(history, width).rstrip(), "muted")])
    return lines


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
    # The blanks after the last key of a line need no room.
    return [[*line[:-1], (line[-1][0].rstrip(), line[-1][1])] for line in lines]


def _columns(cells: Sequence[str], seen: str, width: int) -> str:
    age, session, tool, request, risk, same = cells
    before = f"{fit(age, _AGE, 'right')}  {fit(session, _SESSION)} {fit(tool, _TOOL)} {fit(request, _request(width))} "
    return before + fit(risk, _RISK) + fit(same, _SAME, "right") + (fit(seen, _SEEN, "right") if seen else "")


def _request(width: int) -> int:
    seen = _SEEN if width >= NARROW else 0
    return max(8, width - _LEAD - _AGE - 2 - _SESSION - 1 - _TOOL - 1 - 1 - _RISK - _SAME - seen)
