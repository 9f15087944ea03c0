"""A table as lines of spans: columns as wide as they need, narrower where they do not fit, cells wrapped."""

from __future__ import annotations

from collections.abc import Sequence

from tui.render.spans import Line, padded, width_of
from tui.render.wrapping import wrap_line

_GAP = 2
"""Cells between two columns."""
_NARROWEST = 4
MOST_COLUMNS = 40
"""Columns that are drawn; further ones are left out."""


def table_lines(rows: Sequence[Sequence[Line]], width: int) -> list[Line]:
    """The rows, the first one being the head, in at most `width` cells where the columns can be made so narrow."""
    rows = [list(row[:MOST_COLUMNS]) for row in rows if row]
    if not rows:
        return []
    widths = _widths(rows, width)
    lines: list[Line] = []
    for number, row in enumerate(rows):
        lines += _row(row, widths, "strong" if not number else "")
        if not number:
            lines.append([("─" * (sum(widths) + _GAP * (len(widths) - 1)), "rule")])
    return lines


def _widths(rows: Sequence[Sequence[Line]], width: int) -> list[int]:
    columns = max(map(len, rows))
    wanted = [max((width_of(row[at]) for row in rows if at < len(row)), default=0) for at in range(columns)]
    room = width - _GAP * (columns - 1)
    while sum(wanted) > room and max(wanted) > _NARROWEST:
        widest = max(range(columns), key=lambda at: wanted[at])
        second = max((size for at, size in enumerate(wanted) if at != widest), default=0)
        less = min(sum(wanted) - room, max(1, wanted[widest] - max(second, _NARROWEST)))
        wanted[widest] -= less
    return [max(1, size) for size in wanted]


def _row(row: Sequence[Line], widths: Sequence[int], role: str) -> list[Line]:
    cells = [wrap_line([(text, role or own) for text, own in cell], widths[at]) for at, cell in enumerate(row)]
    lines: list[Line] = []
    for height in range(max(map(len, cells))):
        line: Line = []
        for at, cell in enumerate(cells):
            part = cell[height] if height < len(cell) else []
            last = at == len(cells) - 1
            line += part if last else [*padded(part, widths[at]), (" " * _GAP, "")]
        lines.append(line)
    return lines
