"""The input of one permission as it is read: what came of it, wrapped to the width, and where the reader is. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import chop_cells

if TYPE_CHECKING:
    from engine.operations.declared.permissions import InputLineRow, PermissionDetail

SIGNS = {"add": "+ ", "del": "- ", "note": "· ", "hunk": "", "name": "", "more": "  ", "same": "  ", "text": "  "}
"""What a line begins with; the lines of the input itself are always set in, so that none can look like one of ours."""
_MARGIN = 50
"""Rows below those in sight that are read ahead."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the screen; `kind` is that of its line."""

    kind: str
    text: str


class InputView:
    """Owner of what was read of one input, and of the first row in sight."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        self.detail: PermissionDetail | None = None
        self.problem = ""
        self.top = 0
        self.seen = 0
        """Rows that were in sight so far, counted from the first."""
        self._lines: list[InputLineRow] = []
        self._rows: list[Row] = []
        self._ends: list[tuple[int, int]] = []
        """Where each row ends: its line, and the characters of it."""
        self._wrapped = 0
        self._width = 0
        self._most = 1
        self._to_end = False

    @property
    def width(self) -> int:
        """Cells that it is wrapped to."""
        return self._width

    @property
    def read(self) -> int:
        """Lines that came so far."""
        return len(self._lines)

    @property
    def unread(self) -> int:
        """Lines that the engine still has."""
        return self.detail.total_lines - self.read if self.detail is not None else 0

    @property
    def wants_more(self) -> bool:
        """Whether the next page is to be read."""
        if self.detail is None:
            return not self.problem
        return self.unread > 0 and (self._to_end or self.top + self._most + _MARGIN > len(self._rows))

    @property
    def overflows(self) -> bool:
        """Whether not all of it is in sight."""
        return self.unread > 0 or len(self._rows) > self._most

    def take(self, detail: PermissionDetail) -> None:
        """The next page."""
        if self.detail is None:
            self.detail = detail
        if detail.offset == self.read:
            self._lines += detail.lines
        self.problem = ""

    def window(self, width: int, most: int) -> list[Row]:
        """The rows in sight, at most `most` of `width` cells."""
        self._most = max(1, most)
        self._wrap(max(8, width))
        last = max(0, len(self._rows) - self._most)
        self.top = last if self._to_end else max(0, min(self.top, last))
        rows = self._rows[self.top : self.top + self._most]
        if self.top <= self.seen:
            self.seen = max(self.seen, self.top + len(rows))
        return rows

    def rows(self, width: int) -> int:
        """How many rows there are at this width, as far as was read."""
        self._wrap(max(8, width))
        return len(self._rows)

    @property
    def above(self) -> int:
        """Rows before those in sight."""
        return self.top

    @property
    def below(self) -> int:
        """Rows, and lines not yet read, after those in sight."""
        return max(0, len(self._rows) - self.top - self._most) + self.unread

    @property
    def is_read(self) -> bool:
        """Whether all of it was in sight."""
        is_drawn = self._width > 0 and self._wrapped == len(self._lines)
        return self.detail is not None and not self.unread and is_drawn and self.seen >= len(self._rows)

    def move(self, rows: int) -> None:
        """Down or up; what could not be read is tried again."""
        self._to_end, self.problem = False, ""
        self.top = max(0, self.top + rows) if self.detail is not None else 0

    def page(self, pages: int) -> None:
        """Pages down or up, with one row kept in sight."""
        self.move(pages * max(1, self._most - 1))

    def to_top(self) -> None:
        """The first row."""
        self.move(-self.top)

    def to_end(self) -> None:
        """The last row, once all is read."""
        self._to_end = True

    def _wrap(self, width: int) -> None:
        if width != self._width:
            self._rewrap(width)
        for number, line in enumerate(self._lines[self._wrapped :], self._wrapped):
            sign = SIGNS.get(line.kind, "  ")
            end = 0
            for at, part in enumerate(_chopped(line.text, width - len(sign)) or [""]):
                end += len(part)
                self._rows.append(Row(line.kind, (sign if not at else " " * len(sign)) + part))
                self._ends.append((number, end))
        self._wrapped = len(self._lines)

    def _rewrap(self, width: int) -> None:
        """Another width: what was in sight stays the first row, and what was read stays read."""
        seen, top = self._ends[: self.seen][-1:], self._ends[: self.top][-1:]
        self._width, self._wrapped = width, 0
        self._rows, self._ends = [], []
        self._wrap(width)
        self.seen = bisect_right(self._ends, seen[0]) if seen else 0
        self.top = bisect_right(self._ends, top[0]) if top else 0


def _chopped(text: str, width: int) -> list[str]:
    """The text in rows of at most `width` cells, all of its characters, broken behind blanks where there are some."""
    rows: list[str] = []
    while text:
        row = text[:width] if text.isascii() else next(iter(chop_cells(text[:width], width)), text[:1])
        cut = row.rfind(" ") + 1 if len(row) < len(text) and not text[len(row)].isspace() else 0
        row = row[:cut] if cut > len(row) // 2 else row
        rows.append(row)
        text = text[len(row) :]
    return rows
