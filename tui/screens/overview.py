"""The Overview: one glance states whether the pool is well, and what to do when it is not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.widget import Widget

from tui.actions.registry import KeyScope, bindings
from tui.model import health, trends
from tui.model.attention import Attention, attention
from tui.model.tables import Table, table_of
from tui.render.spans import Line, columns
from tui.screens import overview_lines as draw
from tui.screens.base_screen import WIDE, BaseScreen
from tui.screens.first_steps import first_steps
from tui.widgets.styled import LineBlock

MOST_LINES = 40
"""Lines that ATTENTION takes at most."""
LEAST_RECENT = 3
"""Lines that RECENT keeps while nothing needs anybody."""
MOST_CHART = 16
"""Rows of a chart at most, on a wide terminal."""
_SIDE = 39
"""Cells of the right column where there is one."""


class OverviewScreen(BaseScreen):
    """The glance screen."""

    SCOPE = KeyScope.OVERVIEW
    MODE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.OVERVIEW))

    def __init__(self) -> None:
        super().__init__()
        self._items: list[Attention] = []
        self._subject = ""
        self._first_item = 0
        self._owners: list[int] = []
        """Which item each line of ATTENTION belongs to."""

    def compose_body(self) -> Iterable[Widget]:
        """One block of lines."""
        yield LineBlock(id="glance")

    @property
    def cursor(self) -> int:
        """Which line of ATTENTION the cursor is on; it stays on its subject while others come and go."""
        names = [self._label(item) for item in self._items]
        return names.index(self._subject) if self._subject in names else 0

    def paint_body(self) -> None:
        """Everything between line 2 and the keys."""
        self._items = attention(self.store.state, self.store.now)
        glance = self.query_one("#glance", LineBlock)
        width, height = glance.size
        if width > 0 and height > 0:
            glance.show(self._compose_lines(width, height)[:height])

    def table(self, *, chosen: bool = False) -> Table | None:
        """The lines of ATTENTION, or the one under the cursor."""
        rows = self._items[self.cursor : self.cursor + 1] if chosen else self._items
        return table_of(draw.ATTENTION, rows, self.store.now, of=len(self._items))

    def action_move(self, step: int) -> None:
        """Cursor up or down."""
        if self._items:
            at = max(0, min(len(self._items) - 1, self.cursor + step))
            self._subject = self._label(self._items[at])
            self.paint_body()

    def action_open(self) -> None:
        """Open what the cursor is on: a transcript, or Sessions with the right filter."""
        if not self._items:
            return
        item = self._items[self.cursor]
        navigation = self.console.navigation
        if item.session:
            navigation.open_transcript(item.session)
        elif item.screen == "alerts":
            navigation.show_alerts()
        elif item.screen:
            navigation.go(item.screen)
        elif item.filter_text:
            navigation.show_sessions(item.filter_text)
        else:
            navigation.read_whole(item.subject, item.detail)

    def on_click(self, event: events.Click) -> None:
        """A click on a line of ATTENTION opens it."""
        at = event.screen_y - 2 - self._first_item
        if 0 <= at < len(self._owners) and self._owners[at] < len(self._items):
            self._subject = self._label(self._items[self._owners[at]])
            self.action_open()

    @staticmethod
    def _label(item: Attention) -> str:
        return item.filter_text + item.session + item.subject.lstrip("0123456789 ")

    def _compose_lines(self, width: int, height: int) -> list[Line]:
        store = self.store
        wide, tall = width >= 100, height >= 26
        charts = max(6, min(MOST_CHART, height // 4)) if tall and width >= WIDE else 6 if tall else 3
        each = (width - 6) // 3
        started = store.state.engine.started_at
        span = trends.span_for(store.now - started)
        measured = trends.measure(store.state.buckets, store.now, each, span, started)
        failed = len(health.recent_failures(store.state, store.now))
        lines = draw.composition(store.state, failed, measured, width)
        if tall:
            lines.append([])
        lines += draw.trend_blocks(measured, width, charts)
        lines.append([])
        self._first_item = len(lines) + 1
        room = height - len(lines)
        return lines + (self._beside(width, room) if wide else self._below(width, room))

    def _wanted(self, width: int) -> int:
        """Lines that ATTENTION has to show, without its title."""
        if self._items:
            return len(draw.attention_rows(self._items, self.cursor, width, MOST_LINES))
        return 1 + len(
            first_steps(self.store.state, width, MOST_LINES, self.console.keys, may_act=not self.console.refusal)
        )

    def _attention(self, width: int, height: int) -> list[Line]:
        """What needs a person; while nothing does, what to do first."""
        keys, state = self.console.keys, self.store.state
        self._owners = [index for index, _line in draw.attention_rows(self._items, self.cursor, width, height - 1)]
        lines = draw.attention_block(self._items, self.cursor, width, height, keys)
        return (
            lines
            if self._items
            else lines + first_steps(state, width, height - len(lines), keys, may_act=not self.console.refusal)
        )

    def _beside(self, width: int, room: int) -> list[Line]:
        state, now = self.store.state, self.store.now
        left = width - _SIDE - 4
        upper = max(8, min(self._wanted(left) + 2, room // 2 if self._items else room - LEAST_RECENT))
        above = self._attention(left, upper - 1)
        lines = columns(above, draw.pool_block(state, _SIDE), left + 2, width - 1)
        lines += [[] for _ in range(upper - len(lines))]
        below = draw.recent_block(state.recent, left, room - upper)
        lines += columns(below, draw.totals_block(state, now, _SIDE), left + 2, width - 1)
        return [[(" ", ""), *line] for line in lines]

    def _below(self, width: int, room: int) -> list[Line]:
        inner = width - 2
        upper = max(3, min(self._wanted(inner) + 1, room // 2 if self._items else room - LEAST_RECENT))
        lines = self._attention(inner, upper)
        if len(lines) < room:
            lines += draw.recent_block(self.store.state.recent, inner, room - len(lines))
        return [[(" ", ""), *line] for line in lines]
