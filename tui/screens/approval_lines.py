"""The text of an approval wherever it is shown: its risks, what it touches, its input, who has answered it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.events.state import AnsweredView
from tui.model.input_view import InputView
from tui.render import formats
from tui.render.glyphs import risk_mark
from tui.render.plain_text import clean
from tui.render.spans import Line, crop, fit, fit_end, rule, width_of

if TYPE_CHECKING:
    from engine.operations.declared.permissions import PermissionDetail, TouchRow

PHRASES = {"outside": "outside the workspace", "opaque": "opaque: cannot be read for certain"}
"""Risk words that are shown with more words than their own."""
SCOPES = {"once": "once", "conversation": "conversation", "profile": "profile"}
"""How far an answer reaches: the same words in card, footer, help and record."""
ROLES = {"add": "run", "del": "fail", "note": "retry", "hunk": "muted", "name": "muted", "same": "muted"}


def risk_spans(words: Sequence[str], grave: int) -> Line:
    """All risks, the worst first; the first `grave` of them are grave."""
    spans: Line = []
    for number, word in enumerate(words):
        mark, role = risk_mark(word, grave=number < grave)
        shown = mark.replace(word, PHRASES.get(word, word), 1) if word in PHRASES else mark
        spans += [("   ", ""), (shown, role)] if spans else [(shown, role)]
    return spans or [("none known", "muted")]


def risks_of(detail: PermissionDetail) -> str:
    """The same as text."""
    words = [risk.word for risk in detail.risks]
    return "".join(text for text, _role in risk_spans(words, sum(risk.grave for risk in detail.risks)))


def touch_of(touch: TouchRow) -> str:
    """A file or folder, and what is known of it."""
    if touch.kind == "missing":
        return f"{touch.path} (does not exist)"
    facts = [] if touch.kind in {"file", "folder"} else [touch.kind]
    if touch.kind == "folder":
        facts.append(f"{'at least ' if touch.more else ''}{formats.plural(touch.files, 'file')}")
    if touch.kind in {"file", "folder"}:
        facts.append(formats.size(touch.size))
    if touch.ignored:
        facts.append("git-ignored")
    return f"{touch.path} ({', '.join(facts)})"


def byte_count(size: int) -> str:
    """`1 byte`, `1,200 bytes`."""
    return f"{size:,} {'byte' if size == 1 else 'bytes'}"


def changes_of(detail: PermissionDetail) -> list[str]:
    """How large an input is, and what a change to a file adds and removes."""
    parts = [] if detail.added is None else [f"+{detail.added} −{detail.removed}"]
    if detail.new_file:
        parts.append("new file")
    parts += [formats.plural(detail.total_lines, "line"), byte_count(detail.size)]
    if detail.secrets:
        parts.append(f"{formats.plural(detail.secrets, 'secret')} hidden")
    return parts


def outcome(answered: AnsweredView, now: float) -> Line:
    """Who answered an approval that is gone, or why it is."""
    what = f"  {answered.session}  {answered.tool} {answered.summary}"
    return [(f" {outcome_sentence(answered, now)}", "strong"), (what, "muted")]


def outcome_sentence(answered: AnsweredView, now: float) -> str:
    """The same without what was asked for."""
    ago = f"{formats.span(max(0.0, now - answered.at))} ago"
    if answered.by == "withdrawn":
        return f"gone {ago}: {answered.reason or 'the agent no longer asks'}"
    if answered.by == "deadline":
        return f"✖ nobody answered: denied at its deadline {ago}"
    if answered.edited:
        return f"● {answered.by} edited and allowed it {ago}"
    if not answered.allowed:
        return f"✖ {answered.by} denied it {ago}"
    reach = "" if answered.scope == "once" else f" for the {SCOPES.get(answered.scope, answered.scope)}"
    return f"● {answered.by} allowed it{reach} {ago}"


def input_lines(view: InputView, summary: str, width: int, most: int) -> list[Line]:
    """The input in exactly `most` lines; while it is not read yet, its summary."""
    if view.detail is None:
        note = view.problem or "reading the whole input …"
        lines: list[Line] = [[("  " + fit(clean(summary), width - 2).rstrip(), "strong")]]
        lines.append([(f"  {note}", "fail" if view.problem else "muted")])
        lines = lines[:most]
    else:
        rows = view.window(width, most)
        lines = [[(row.text, ROLES.get(row.kind, "strong"))] for row in rows]
    return [crop(line, width) for line in lines] + [[] for _ in range(most - len(lines))]


def input_rule(title: str, view: InputView, width: int, armed: str, keys: str) -> Line:
    """The rule above the input: what it is, how much more there is, and how far the keys are armed."""
    more = ""
    changes = changes_of(view.detail) if view.detail is not None else []
    if view.detail is not None:
        marks = [f"{view.above:,} above"] if view.above else []
        marks += [f"{formats.plural(view.below, 'more line')}"] if view.below else []
        more = f"{' · '.join(marks)} · {keys}   " if marks else ""
    note = f"{more}armed {armed}"
    room = width - width_of([(note, "")]) - 4
    for kept in range(len(changes), 0, -1):
        whole = f"{title}  {', '.join(changes[:kept])}"
        if width_of([(clean(whole), "")]) <= room:
            title = whole
            break
    return rule(fit(title, max(12, min(room, width_of([(clean(title), "")])))).rstrip(), width, note)


def fact_lines(view: InputView, risks: Sequence[str], grave: int, width: int, most: int) -> list[Line]:
    """All its risks in as many lines as they need, then where it runs and what it touches; about `most` lines."""
    lines = wrapped_spans([("  risk     ", "muted"), *risk_spans(risks, grave)], width, "           ")
    most = max(most, len(lines) + 1)
    if view.detail is None:
        return [*lines, [("  cwd      …", "muted")]]
    detail = view.detail
    where: Line = [("  cwd      ", "muted"), (clean(detail.cwd) or "–", "")]
    touches = [clean(touch_of(touch)) for touch in detail.touches]
    if detail.unread:
        touches.append("the disk did not answer in time")
    if not touches:
        return [*lines, crop(where, width)][:most]
    side = [("   touches ", "muted"), (" · ".join(touches), "")]
    if width_of([*where, *side]) <= width:
        return [*lines, [*where, *side]]
    room = max(1, most - len(lines) - 1)
    below = list_lines([("  touches  ", "muted")], touches, width, room)
    return [*lines, crop(where, width), *below]


def list_lines(head: Line, items: Sequence[str], width: int, most: int) -> list[Line]:
    """Items in at most so many lines, long ones cut at their left; the last line counts how many more there are."""
    indent = " " * width_of(head)
    lines: list[Line] = [list(head)]
    for number, item in enumerate(items):
        more = f" … {len(items) - number} more"
        last = len(more) if number < len(items) - 1 else 0
        begins = width_of(lines[-1]) > len(indent)
        if begins and width_of(lines[-1]) + width_of([(item, "")]) + 3 + last > width:
            if len(lines) == most:
                lines[-1].append((more, "muted"))
                break
            lines.append([(indent, "")])
            begins = False
        lines[-1].append((f" · {item}" if begins else fit_end(item, width - len(indent) - last), ""))
    return [crop(each, width) for each in lines]


def wrapped_spans(line: Line, width: int, indent: str) -> list[Line]:
    """Spans in as many lines as they need, broken between spans."""
    lines: list[Line] = [[]]
    for text, role in line:
        begins = bool(lines[-1]) and width_of([*lines[-1], (text, role)]) > width
        if begins:
            lines.append([(indent, "")])
        lines[-1].append((text.lstrip() if begins else text, role))
    return lines


def last_outcome(answered: Iterable[AnsweredView], permission: str) -> AnsweredView | None:
    """How a permission ended, as far as that is known."""
    return next((each for each in reversed(list(answered)) if each.id == permission), None)
