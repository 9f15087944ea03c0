"""What every list says of itself, and a list drawn by its columns. Pure."""

from __future__ import annotations

from collections.abc import Container
from typing import TypeVar

from tui.model.columns import GAP, LEAD, lay_out
from tui.model.list_state import ListState
from tui.render.spans import Line, crop, fit, padded

R = TypeVar("R")


def status_line(shown: ListState[R], title: str) -> Line:
    """By which column it is sorted, whether its order is held, how much of it is shown, how many rows are marked."""
    held = " held" if shown.held or shown.marks else ""
    line: Line = [(f"sort {title}{shown.sort.mark}", "muted"), (held, "ask")]
    line.append((f"   {len(shown.order)} of {shown.total}", "muted"))
    if shown.marks:
        line.append((f"   ◆ {len(shown.marks)} marked", "ask"))
    return line


def lead(row: str, cursor: str, marks: Container[str]) -> Line:
    """The two cells before a row: the cursor and the mark."""
    on = row == cursor
    marked = "◆" if row in marks else " "
    return [(("▌" if on else " ") + marked, "cursor" if on else "ask")]


def window(count: int, at: int, room: int) -> int:
    """The first of `room` rows of `count` so that the row at `at` is in sight, in the middle where it can be."""
    return max(0, min(at - room // 2, count - room))


def table(shown: ListState[R], now: float, width: int, height: int) -> list[Line]:
    """The titles and the rows around the cursor, each column as wide as it is declared."""
    layout = lay_out(shown.listing.columns, width)
    titles: Line = [(" " * LEAD, "")]
    for column, cells in layout.columns:
        on = column.key == shown.sort.key
        title = column.title + (shown.sort.mark if on else "")
        titles.append((fit(title, cells, column.align) + " " * GAP, "strong" if on else "muted"))
    rows, room = shown.rows, max(1, height - 1)
    top = window(len(rows), shown.index, room)
    lines = [crop(titles, width)]
    for row in rows[top : top + room]:
        name = shown.listing.id(row)
        line = lead(name, shown.cursor, shown.marks)
        on = name == shown.cursor
        for column, cells in layout.columns:
            text = fit(column.text(row, now), cells, column.align) + " " * GAP
            line.append((text, "cursor" if on else column.role(row)))
        lines.append(padded(line, width) if not on else _to_the_end(line, width))
    return lines


def nothing(shown: ListState[R], empty: str, back: str) -> str:
    """Why there are no rows: nothing passes the filter, or there is none."""
    return f"nothing passes this filter; {back} shows all" if shown.total else empty


def _to_the_end(line: Line, width: int) -> Line:
    filled = padded(line, width)
    return [*filled[:-1], (filled[-1][0], "cursor")] if filled else filled
