"""The live grid, drawn by hand: a line is drawn again only when its row changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.events.state import SessionView
from tui.model.columns import GAP, LEAD, SESSION_COLUMNS, Column, Layout, lay_out
from tui.model.filter import EVERYTHING, Filter
from tui.model.sort import Sort, ordered
from tui.render.spans import Line, fit
from tui.widgets.styled import StyledWidget

STRIPS_KEPT = 512
"""Drawn lines that are remembered."""

_BOLD = Style(bold=True)


class Rows(Protocol):
    """Where the grid's rows come from; it owns no data."""

    @property
    def now(self) -> float:
        """The moment shown, in seconds since 1970."""

    def rows(self) -> dict[str, SessionView]:
        """The rows by id."""

    def version(self, row: str) -> int:
        """A number that changes whenever the row does."""


class Grid(StyledWidget, ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of sessions. The cursor and the marks are ids; the order is made anew on each `paint` unless held."""

    class CursorMoved(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, row: str) -> None:
            self.row = row
            super().__init__()

    class HeaderClicked(Message):
        """A column's title was clicked."""

        def __init__(self, column: str) -> None:
            self.column = column
            super().__init__()

    def __init__(self, rows: Rows, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._source = rows
        self._rows: dict[str, SessionView] = {}
        self._cache: OrderedDict[object, Strip] = OrderedDict()
        self._drawn: dict[int, object] = {}
        self._shown: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._bold: dict[str, frozenset[int]] = {}
        self._layout: Layout[SessionView] = Layout((), 0)
        self.order: list[str] = []
        self.cursor = ""
        self.marks: set[str] = set()
        self.filter: Filter[SessionView] = EVERYTHING
        self.sort = Sort()
        self.held = False
        self.lines_refreshed = 0

    @property
    def hidden_columns(self) -> int:
        """Columns that did not fit."""
        return self._layout.hidden

    @property
    def total(self) -> int:
        """Rows before filtering."""
        return len(self._rows)

    @property
    def cursor_row(self) -> SessionView | None:
        """The session under the cursor."""
        return self._rows.get(self.cursor)

    def row(self, row: str) -> SessionView | None:
        """A row by its id, None when it is gone."""
        return self._rows.get(row)

    @property
    def columns(self) -> tuple[Column[SessionView], ...]:
        """The columns that fit."""
        return tuple(column for column, _width in self._layout.columns)

    def paint(self, *, reorder: bool = False, still: bool = False) -> None:
        """Take the rows as they are now; called by the one paint timer. `still` holds the order for this once."""
        self._rows = self._source.rows()
        self.marks &= self._rows.keys()
        if reorder or not (still or self.held or self.marks):
            fresh = ordered(self._rows, self.filter, self.sort, self._source.now)
        else:
            fresh = self._kept_order()
        self._set_order(fresh)
        self._note_changes()
        self._refresh_dirty()

    def move_to(self, index: int) -> None:
        """Put the cursor on the row at `index`, counted from the first shown."""
        if self.order:
            self._put_cursor(self.order[max(0, min(index, len(self.order) - 1))])

    def move_by(self, step: int) -> None:
        """Move the cursor up or down."""
        self.move_to(self.cursor_index + step)

    @property
    def cursor_index(self) -> int:
        """Where the cursor is in the order; 0 when its row is not shown."""
        return self.order.index(self.cursor) if self.cursor in self.order else 0

    @property
    def page(self) -> int:
        """Rows that fit below the titles."""
        return max(1, self.size.height - 1)

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go one down."""
        if self.cursor in self._rows:
            self.marks ^= {self.cursor}
            self.move_by(1)
            self._refresh_dirty()

    def mark_all(self) -> None:
        """Mark every row that the filter shows."""
        self.marks = set(self.order)
        self._refresh_dirty()

    def clear_marks(self) -> None:
        """Take all marks away."""
        self.marks = set()
        self._refresh_dirty()

    def notify_style_update(self) -> None:
        """The theme changed: nothing drawn before is right."""
        self._cache.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """The titles, or the row at this line."""
        width = self.size.width
        if y == 0:
            key = self._drawn[0] = self._line_key(0, 0)
            return self._cached(key, self._titles)
        index = self.scroll_offset.y + y - 1
        if index >= len(self.order):
            return self._cached(("blank", width), lambda: self.strip([], width))
        row = self.order[index]
        key = self._key(row)
        self._drawn[y] = key
        return self._cached(key, lambda: self._draw(row))

    def on_resize(self) -> None:
        """The width decides which columns are shown."""
        self._lay_out()
        self._show_cursor()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row, or sort by the column, that was clicked."""
        if event.y == 0:
            self._click_title(event.x)
        elif (index := self.scroll_offset.y + event.y - 1) < len(self.order):
            self.move_to(index)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows came into sight."""
        self._drawn.clear()
        super().watch_scroll_y(old_value, new_value)

    def _kept_order(self) -> list[str]:
        stay = [row for row in self.order if row in self._rows]
        known = set(stay)
        now = self._source.now
        return stay + [row for row in ordered(self._rows, self.filter, self.sort, now) if row not in known]

    def _set_order(self, fresh: list[str]) -> None:
        at = self.cursor_index
        if fresh != self.order:
            self.order = fresh
            self.virtual_size = Size(self.size.width, len(fresh) + 1)
            if self.cursor not in self._rows or self.cursor not in set(fresh):
                self._put_cursor(fresh[min(at, len(fresh) - 1)] if fresh else "")
            else:
                self._show_cursor()

    def _put_cursor(self, row: str) -> None:
        if row == self.cursor:
            return
        self.cursor = row
        self._show_cursor()
        self._refresh_dirty()
        self.post_message(self.CursorMoved(row))

    def _show_cursor(self) -> None:
        at, top, page = self.cursor_index, self.scroll_offset.y, self.page
        if at < top:
            self.scroll_to(y=at, animate=False, force=True, immediate=True)
        elif at >= top + page:
            self.scroll_to(y=at - page + 1, animate=False, force=True, immediate=True)

    def _refresh_dirty(self) -> None:
        top = self.scroll_offset.y
        regions = []
        for y in range(self.size.height):
            key = self._line_key(top, y)
            if self._drawn.get(y) != key:
                self._drawn[y] = key
                regions.append(Region(0, y, self.size.width, 1))
        self.lines_refreshed += len(regions)
        if regions:
            self.refresh(*regions)

    def _line_key(self, top: int, y: int) -> object:
        index = top + y - 1
        if y == 0:
            return "titles", self.size.width, self.sort
        return self._key(self.order[index]) if index < len(self.order) else None

    def _visible(self) -> list[str]:
        top = self.scroll_offset.y
        return self.order[top : top + self.page]

    def _note_changes(self) -> None:
        """Remember what each visible row shows, and which of its cells are new since the last paint."""
        shown, self._shown, self._bold = self._shown, {}, {}
        for row in self._visible():
            version = self._source.version(row)
            old_version, old = shown.get(row, (version, None))
            if old is None or old_version != version:
                fresh = self._cells(row)
                if old is not None:
                    self._bold[row] = frozenset(i for i, text in enumerate(fresh) if text != old[i])
            else:
                fresh = old
            self._shown[row] = (version, fresh)

    def _cells(self, row: str) -> tuple[str, ...]:
        """Texts that change with events; those that change with time alone are left empty."""
        view, now = self._rows[row], self._source.now
        return tuple("" if column.timed else column.text(view, now) for column, _width in self._layout.columns)

    def _key(self, row: str) -> object:
        view, now = self._rows[row], self._source.now
        timed = tuple(column.text(view, now) for column, _width in self._layout.columns if column.timed)
        version, bold = self._source.version(row), self._bold.get(row)
        return row, version, row == self.cursor, row in self.marks, self.size.width, timed, bold

    def _cached(self, key: object, draw: Callable[[], Strip]) -> Strip:
        strip = self._cache.get(key)
        if strip is None:
            strip = self._cache[key] = draw()
            if len(self._cache) > STRIPS_KEPT:
                self._cache.popitem(last=False)
        return strip

    def _draw(self, row: str) -> Strip:
        view, now = self._rows[row], self._source.now
        on_cursor, bold = row == self.cursor, self._bold.get(row, frozenset())
        lead = ("▌" if on_cursor else " ") + ("◆" if row in self.marks else " ")
        segments = [self._segment(lead, "cursor" if on_cursor else "ask", bold=False)]
        for index, (column, width) in enumerate(self._layout.columns):
            text = fit(column.text(view, now), width, column.align)
            role = "cursor" if on_cursor else column.role(view)
            segments.append(self._segment(text + " " * GAP, role, bold=index in bold))
        strip = Strip(segments).adjust_cell_length(self.size.width, self.ink("cursor") if on_cursor else self.ink(""))
        return strip.simplify()  # neighbours of one colour name it once, which is most of what is sent

    def _titles(self) -> Strip:
        line: Line = [(" " * LEAD, "")]
        for column, width in self._layout.columns:
            on = column.key == self.sort.key
            title = column.title + (self.sort.mark if on else "")
            line.append((fit(title, width, column.align) + " " * GAP, "strong" if on else "muted"))
        return self.strip(line, self.size.width)

    def _segment(self, text: str, role: str, *, bold: bool) -> Segment:
        style = self.ink(role)
        table = self.glyph_table
        return Segment(text.translate(table) if table is not None else text, style + _BOLD if bold else style)

    def _lay_out(self) -> None:
        self._layout = lay_out(SESSION_COLUMNS, self.size.width)
        self._cache.clear()
        self._shown.clear()
        self._drawn.clear()

    def _click_title(self, x: int) -> None:
        left = LEAD
        for column, width in self._layout.columns:
            if left <= x < left + width + GAP:
                self.post_message(self.HeaderClicked(column.key))
                return
            left += width + GAP
