"""Drawn text: lines of spans that name a role, never a colour and never markup."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from tui.render.plain_text import clean

Span = tuple[str, str]
"""Text and its role; an empty role is plain text."""
Line = list[Span]

ROLES = ("muted", "rule", "run", "wait", "ask", "retry", "fail", "strong", "key", "here", "cursor")
"""Roles that a theme colours; `here` is the tab and `cursor` the row one is on, `key` a key that can be clicked."""


def fit(text: str, width: int, align: str = "left") -> str:
    """Clean `text`, cut with an ellipsis or padded to exactly `width` cells; `align` is left or right."""
    if width <= 0:
        return ""
    text = clean(text)
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        cut = set_cell_size(text, width - 1)
        return cut + "…"
    pad = " " * (width - size)
    return pad + text if align == "right" else text + pad


def fit_end(text: str, width: int) -> str:
    """The end of `text` in at most `width` cells, with an ellipsis before it where something was lost."""
    text = clean(text)
    if cell_len(text) <= width:
        return text
    kept, room = "", width - 1
    for character in reversed(text):
        room -= cell_len(character)
        if room < 0:
            break
        kept = character + kept
    return f"…{kept}" if width > 0 else ""


def width_of(line: Iterable[Span]) -> int:
    """Cells that a line covers."""
    return sum(cell_len(text) for text, _role in line)


def between(left: Line, right: Line, width: int) -> Line:
    """`left` and `right` at the two ends of a line of `width`; the left end gives way when both do not fit."""
    room = width - width_of(right)
    if room <= 0:
        return crop(right, width)
    return [*padded(left, room), *right]


def padded(line: Line, width: int) -> Line:
    """The line, cut or filled with blanks to exactly `width` cells."""
    size = width_of(line)
    if size > width:
        return crop(line, width)
    return [*line, (" " * (width - size), "")] if size < width else line


def crop(line: Line, width: int) -> Line:
    """The line cut at `width` cells, with an ellipsis where something was lost."""
    if width_of(line) <= width:
        return line
    kept: Line = []
    room = width
    for text, role in line:
        size = cell_len(text)
        if size >= room:
            kept.append((fit(text if size > room else text + "…", room), role))
            break
        kept.append((text, role))
        room -= size
    return kept


def rule(title: str, width: int, note: str = "") -> Line:
    """The one thin rule that starts a block, with its title at the left and a note at the right."""
    tail = f" {note}" if note else ""
    dashes = max(1, width - cell_len(title) - cell_len(tail) - 1)
    return crop([(title, "strong"), (" " + "─" * dashes, "rule"), (tail, "muted")], width)


def columns(left: list[Line], right: list[Line], split: int, width: int) -> list[Line]:
    """Two blocks side by side; the right one starts at cell `split`."""
    rows = max(len(left), len(right))
    empty: Line = []
    return [
        [
            *padded(left[i] if i < len(left) else empty, split),
            *crop(right[i] if i < len(right) else empty, width - split),
        ]
        for i in range(rows)
    ]


def changed_cells(before: Line, after: Line, width: int) -> tuple[int, int] | None:
    """The cells from the first to behind the last in which two lines of `width` differ; None when they do not."""
    if before == after:
        return None
    start = 0
    for (old, old_role), (new, new_role) in zip(before, after, strict=False):
        if (old, old_role) == (new, new_role):
            start += cell_len(new)
            continue
        if old_role == new_role:
            start += common_start(old, new)
        break
    end = max(width_of(before), width_of(after))
    if end > width:  # one of them is cut, and its last cell shows it
        start = min(start, width - 2)
    return max(0, start), min(width, max(start + 1, end))


def common_start(one: str, other: str) -> int:
    """Cells that two texts begin with alike; 0 where a character may have another width than one cell."""
    if not (one.isascii() and other.isascii()):
        return 0
    if other.startswith(one):
        return len(one)
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(other))


def span_at(line: Line, x: int) -> int | None:
    """Which span of the line covers cell `x`, None behind its end."""
    right = 0
    for index, (text, _role) in enumerate(line):
        right += cell_len(text)
        if 0 <= x < right:
            return index
    return None


def key_at(line: Line, x: int) -> str:
    """The key that a click on cell `x` means: that of the key there, or of the key that this text explains."""
    at = span_at(line, x)
    if at is None:
        return ""
    if line[at][1] != "key" and at > 0:
        at -= 1
    text, role = line[at]
    return text.strip() if role == "key" else ""


def keys_of(line: Line) -> list[tuple[int, str]]:
    """The keys that a line shows, each with its cell."""
    found, x = [], 0
    for text, role in line:
        if role == "key":
            found.append((x, text))
        x += cell_len(text)
    return found
