"""A list as a grid, drawn by hand: a line is drawn again only when its row changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.model.columns import GAP, LEAD, Column, Layout, lay_out
from tui.model.list_state import ListState
from tui.render.spans import Line, fit
from tui.widgets.styled import StyledWidget, changed_part

STRIPS_KEPT = 512
"""Drawn lines that are remembered."""

_BOLD = Style(bold=True)


R = TypeVar("R")


class Grid(StyledWidget, ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """Draws the rows of any list state, which others change; `version` is a number that changes whenever a row does."""

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

    def __init__(self, shown: ListState[R], version: Callable[[str], int], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.shown = shown
        self._version = version
        self._order: list[str] = []
        self._cursor = ""
        self._cache: OrderedDict[object, Strip] = OrderedDict()
        self._drawn: dict[int, object] = {}
        self._strips: dict[int, Strip] = {}
        self._texts: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._bold: dict[str, frozenset[int]] = {}
        self._layout: Layout[R] = Layout((), 0)
        self._timed: tuple[Column[R], ...] = ()
        self.lines_refreshed = 0

    @property
    def hidden_columns(self) -> int:
        """Columns that did not fit."""
        return self._layout.hidden

    @property
    def columns(self) -> tuple[Column[R], ...]:
        """The columns that fit."""
        return tuple(column for column, _width in self._layout.columns)

    def paint(self) -> None:
        """Draw what changed since the last paint, new cells in bold; called by the one paint timer."""
        self._fit()
        self._note_changes()
        self._refresh_dirty()

    def follow(self) -> None:
        """Draw what the operator changed: the cursor, the marks, the order."""
        self._fit()
        self._refresh_dirty()

    @property
    def page(self) -> int:
        """Rows that fit below the titles."""
        return max(1, self.size.height - 1)

    def notify_style_update(self) -> None:
        """The theme changed: nothing drawn before is right."""
        self._cache.clear()
        self._strips.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """The titles, or the row at this line."""
        width = self.size.width
        if y == 0:
            key = self._drawn[0] = self._line_key(0, 0, width)
            return self._cached(key, self._titles)
        index = self.scroll_offset.y + y - 1
        if index >= len(self.shown.order):
            self._strips.pop(y, None)
            return self._cached(("blank", width), lambda: self.strip([], width))
        row = self.shown.order[index]
        key = self._key(row, width)
        self._drawn[y] = key
        strip = self._strips[y] = self._cached(key, lambda: self._draw(row))
        return strip

    def on_resize(self) -> None:
        """The width decides which columns are shown."""
        self._lay_out()
        self._show_cursor()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row, or sort by the column, that was clicked."""
        if event.y == 0:
            self._click_title(event.x)
        elif (index := self.scroll_offset.y + event.y - 1) < len(self.shown.order):
            self.shown.go(index)
            self.follow()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows came into sight."""
        self._drawn.clear()
        self._strips.clear()
        super().watch_scroll_y(old_value, new_value)

    def _fit(self) -> None:
        """As long as the list, with the cursor in sight."""
        order, cursor = self.shown.order, self.shown.cursor
        moved = cursor != self._cursor
        if order != self._order:
            self.virtual_size = Size(self.size.width, len(order) + 1)
        if moved or order != self._order:
            self._order, self._cursor = list(order), cursor
            self._show_cursor()
        if moved:
            self.post_message(self.CursorMoved(cursor))

    def _show_cursor(self) -> None:
        at, top, page = self.shown.index, self.scroll_offset.y, self.page
        if at < top:
            self.scroll_to(y=at, animate=False, force=True, immediate=True)
        elif at >= top + page:
            self.scroll_to(y=at - page + 1, animate=False, force=True, immediate=True)

    def _refresh_dirty(self) -> None:
        top, size = self.scroll_offset.y, self.size
        regions = []
        for y in range(size.height):
            key = self._line_key(top, y, size.width)
            if self._drawn.get(y) != key:
                self._drawn[y] = key
                start, end = self._changed(y, key)
                regions.append(Region(start, y, end - start, 1))
        self.lines_refreshed += len(regions)
        if regions:
            self.refresh(*regions)

    def _changed(self, y: int, key: object) -> tuple[int, int]:
        """The cells of a line that differ from what is on the screen."""
        before, index = self._strips.get(y), self.scroll_offset.y + y - 1
        if before is None or y == 0 or index >= len(self.shown.order):
            return 0, self.size.width
        row = self.shown.order[index]
        return changed_part(before, self._cached(key, lambda: self._draw(row)))

    def _line_key(self, top: int, y: int, width: int) -> object:
        index = top + y - 1
        if y == 0:
            return "titles", width, self.shown.sort
        return self._key(self.shown.order[index], width) if index < len(self.shown.order) else None

    def _visible(self) -> list[str]:
        top = self.scroll_offset.y
        return self.shown.order[top : top + self.page]

    def _note_changes(self) -> None:
        """Remember what each visible row shows, and which of its cells are new since the last paint."""
        before, self._texts, self._bold = self._texts, {}, {}
        for row in self._visible():
            version = self._version(row)
            old_version, old = before.get(row, (version, None))
            if old is None or old_version != version:
                fresh = self._cells(row)
                if old is not None:
                    self._bold[row] = frozenset(i for i, text in enumerate(fresh) if text != old[i])
            else:
                fresh = old
            self._texts[row] = (version, fresh)

    def _cells(self, row: str) -> tuple[str, ...]:
        """Texts that change with events; those that change with time alone are left empty."""
        view, now = self.shown[row], self.shown.now
        return tuple("" if column.timed else column.text(view, now) for column, _width in self._layout.columns)

    def _key(self, row: str, width: int) -> object:
        view, now = self.shown[row], self.shown.now
        timed = tuple(column.text(view, now) for column in self._timed)
        version, bold = self._version(row), self._bold.get(row)
        return row, version, row == self.shown.cursor, row in self.shown.marks, width, timed, bold

    def _cached(self, key: object, draw: Callable[[], Strip]) -> Strip:
        strip = self._cache.get(key)
        if strip is None:
            strip = self._cache[key] = draw()
            if len(self._cache) > STRIPS_KEPT:
                self._cache.popitem(last=False)
        return strip

    def _draw(self, row: str) -> Strip:
        view, now = self.shown[row], self.shown.now
        on_cursor, bold = row == self.shown.cursor, self._bold.get(row, frozenset())
        lead = ("▌" if on_cursor else " ") + ("◆" if row in self.shown.marks else " ")
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
            on = column.key == self.shown.sort.key
            title = column.title + (self.shown.sort.mark if on else "")
            line.append((fit(title, width, column.align) + " " * GAP, "strong" if on else "muted"))
        return self.strip(line, self.size.width)

    def _segment(self, text: str, role: str, *, bold: bool) -> Segment:
        style = self.ink(role)
        table = self.glyph_table
        return Segment(text.translate(table) if table is not None else text, style + _BOLD if bold else style)

    def _lay_out(self) -> None:
        self._layout = lay_out(self.shown.listing.columns, self.size.width)
        self._timed = tuple(column for column, _width in self._layout.columns if column.timed)
        self._cache.clear()
        self._texts.clear()
        self._drawn.clear()
        self._strips.clear()

    def _click_title(self, x: int) -> None:
        left = LEAD
        for column, width in self._layout.columns:
            if left <= x < left + width + GAP:
                self.post_message(self.HeaderClicked(column.key))
                return
            left += width + GAP
