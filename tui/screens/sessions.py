"""The Sessions screen: the live grid, its filter line, and the drawer that follows the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from engine.base.errors import QuarterdeckError
from engine.events.state import SessionView
from tui.actions.registry import KeyScope, bindings
from tui.feeds.transcript_reader import TranscriptReader
from tui.model import trends
from tui.model.columns import SESSION_COLUMNS
from tui.model.filter import EVERYTHING, FilterError, parse
from tui.model.sort import BY_KEY, natural
from tui.model.tables import Listing, Table, command, table_of
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens import list_lines, session_lines
from tui.screens.base_screen import BaseScreen
from tui.widgets.filter_row import FilterRow
from tui.widgets.grid import Grid
from tui.widgets.styled import LineBlock

if TYPE_CHECKING:
    from tui.actions.command_line import Suggestion

REST_S = 0.15
"""Seconds that the cursor rests before the drawer follows it."""
PROBLEMS = "state:approval,retrying,failed"
"""The filter behind `z`."""
SESSIONS: Listing[SessionView] = Listing(
    "sessions", "session", SESSION_COLUMNS, lambda row: row.id, lambda row: command("sessions", "show", row.id)
)
"""The list."""


class SessionsScreen(BaseScreen):
    """All sessions of the pool, one a row."""

    SCOPE = KeyScope.SESSIONS
    MODE = "sessions"
    CSS_PATH = "sessions.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.SESSIONS))

    def __init__(self) -> None:
        super().__init__()
        self._resting: Timer | None = None
        self._shown = ""
        self._reader: TranscriptReader | None = None
        self._error = ""
        self._wanted_filter = ""

    def compose_body(self) -> Iterable[Widget]:
        """Filter line, grid and drawer."""
        yield FilterRow(id="filter-row")
        with Container(id="floor"):
            yield Grid(self.store, id="grid")
            yield LineBlock(id="drawer")

    @property
    def grid(self) -> Grid:
        """The grid of this screen."""
        return self.query_one("#grid", Grid)

    def on_mount(self) -> None:
        """Start with the keyboard on the grid."""
        self.grid.focus()
        if self._wanted_filter:
            self.set_filter(self._wanted_filter)

    def paint_body(self) -> None:
        """Grid, filter line and drawer as the store is now."""
        grid = self.grid
        grid.paint(still=not self.is_active)
        if not self._shown or self._shown not in self.store.rows():
            self._show(grid.cursor)
        self._paint_filter()
        self._paint_drawer()
        self._pull()

    def targets(self) -> list[SessionView]:
        """The marked sessions, or the one under the cursor."""
        grid = self.grid
        rows = [grid.row(row) for row in sorted(grid.marks)] if grid.marks else [grid.cursor_row]
        return [row for row in rows if row is not None]

    def table(self, *, chosen: bool = False) -> Table | None:
        """The sessions that pass the filter in the columns that fit, the marked ones where there are any."""
        grid = self.grid
        if chosen or grid.marks:
            order = [row for row in (*grid.order, *sorted(grid.marks)) if row in grid.marks] or [grid.cursor]
        else:
            order = grid.order
        rows = [row for name in dict.fromkeys(order) if (row := grid.row(name)) is not None]
        return table_of(
            SESSIONS,
            rows,
            self.store.now,
            None if chosen else grid.columns,
            of=grid.total,
            filter=grid.filter.text,
            sort=grid.sort.said,
            marked=len(grid.marks),
        )

    def set_filter(self, text: str) -> None:
        """Show only what passes; an empty text shows all. A screen that was never shown filters when it is."""
        self._wanted_filter = text
        if self.query("#filter"):
            self.query_one("#filter", Input).value = text
            self._filter(text)

    def sortable(self) -> Sequence[Suggestion]:
        """The columns of the grid."""
        from tui.actions.command_line import Suggestion

        return [Suggestion(key, note=column.title) for key, column in BY_KEY.items()]

    def filter_problem(self, text: str) -> str:
        """Why it cannot be read."""
        try:
            parse(text)
        except FilterError as error:
            return str(error)
        return ""

    def _filter(self, text: str) -> None:
        try:
            self.grid.filter, self._error = parse(text), ""
        except FilterError as error:
            self._error = str(error)
        self._repaint()

    def _repaint(self) -> None:
        self.grid.paint(reorder=True)
        self.paint()

    def _paint_filter(self) -> None:
        grid = self.grid
        right = [*list_lines.status_line(grid, BY_KEY[grid.sort.key].title), *self._hidden(), (" ", "")]
        self.query_one(FilterRow).show(grid.filter.text, self._error, right, self.size.width)

    def _hidden(self) -> Line:
        hidden = self.grid.hidden_columns
        hint = f" {self.console.keys.shown('sessions.drawer')} wide" if self._drawer_beside else ""
        return [(f"   +{hidden} cols ›{hint}", "muted")] if hidden else []

    @property
    def _drawer_beside(self) -> bool:
        return self.query_one("#drawer").display and (self.has_class("-roomy") or self.has_class("-wide"))

    def _paint_drawer(self) -> None:
        drawer = self.query_one("#drawer", LineBlock)
        row = self.grid.row(self._shown)
        width, height = drawer.size
        if row is None or not drawer.display:
            self.console.press_guard.show("")
            drawer.show(session_lines.wrapped(self._nothing(), width, 3))
            return
        now, card, keys = self.store.now, self.console.card(row.id), self.console.keys
        if self._reader is not None:
            self._reader.follow(self.console.seeks)
        tail = list(self._reader.entries) if self._reader is not None else []
        if self.store.past:
            tail = [entry for entry in tail if entry.at <= now]
        if self._drawer_beside:
            p95 = trends.measure(self.store.state.buckets, now, 1).p95.now
            drawer.show(session_lines.drawer(row, card, tail, now, p95, width - 1, height, keys))
        else:
            drawer.show(session_lines.bottom(row, card, tail, now, width - 1, height, keys))

    def _nothing(self) -> str:
        if self.grid.total:
            return f"No session passes this filter; {self.console.keys.shown('sessions.back')} shows all."
        return "No sessions yet; the pool starts them when work comes."

    def on_grid_cursor_moved(self, message: Grid.CursorMoved) -> None:
        """The drawer follows once the cursor rests."""
        message.stop()
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_S, lambda: self._follow(message.row))

    def on_grid_header_clicked(self, message: Grid.HeaderClicked) -> None:
        """Sort by the column that was clicked, or turn it round."""
        message.stop()
        self.sort_by(message.column)

    def _follow(self, row: str) -> None:
        self._show(row)
        self._paint_drawer()
        self._pull()

    def _show(self, row: str) -> None:
        if row != self._shown:
            self._shown = row
            self._reader = TranscriptReader(row) if row else None

    def _pull(self) -> None:
        if self._reader is not None and self.console.feed is not None and self.query_one("#drawer").display:
            self.run_worker(self._read(self._reader), group="drawer", exit_on_error=False)

    async def _read(self, reader: TranscriptReader) -> None:
        feed = self.console.feed
        try:
            if feed is not None and await reader.pull(feed) and reader is self._reader:
                self._paint_drawer()
        except QuarterdeckError:
            # The health line already says that the link is down; the drawer keeps what it has.
            return

    def action_move(self, step: int) -> None:
        """One row up or down."""
        self.grid.move_by(step)

    def action_page(self, pages: int) -> None:
        """A page up or down."""
        self.grid.move_by(pages * self.grid.page)

    def action_top(self) -> None:
        """The first row."""
        self.grid.move_to(0)

    def action_bottom(self) -> None:
        """The last row."""
        self.grid.move_to(len(self.grid.order) - 1)

    def action_mark(self) -> None:
        """Mark the row, and go on to the next."""
        self.grid.toggle_mark()
        self.paint()

    def action_mark_all(self) -> None:
        """Mark all that the filter shows."""
        self.grid.mark_all()
        self.paint()

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.grid.clear_marks()
        self.paint()

    def action_hold(self) -> None:
        """Hold the order, or let it go."""
        self.grid.held = not self.grid.held
        self.paint()

    def action_drawer(self) -> None:
        """Show or hide the drawer."""
        drawer = self.query_one("#drawer")
        drawer.display = not drawer.display
        self.call_after_refresh(self.paint)

    def action_problems(self) -> None:
        """Show only sessions with a problem, or all again."""
        self.set_filter("" if self.grid.filter.text == PROBLEMS else PROBLEMS)

    def action_filter(self) -> None:
        """Edit the filter."""
        self._edit_filter(True)

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        self.console.choose_sort(self.grid.sort.key, self.sort_by, SESSION_COLUMNS)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.grid.sort = self.grid.sort.reversed()
        self._repaint()

    def action_marked(self) -> None:
        """What can be done to the marked sessions, or to this one."""
        self.console.choose_act(self.targets())

    def action_open(self) -> None:
        """Open the transcript of the row under the cursor."""
        if self.grid.cursor:
            self.console.open_transcript(self.grid.cursor)

    def action_back(self) -> None:
        """One level back: the filter's editor, the filter, the marks, the Overview."""
        if self.query_one(FilterRow).editing:
            self.set_filter("")
            self._edit_filter(False)
        elif self.grid.filter is not EVERYTHING and self.grid.filter.text:
            self.set_filter("")
        elif self.grid.marks:
            self.action_unmark()
        else:
            self.console.action_go("overview")

    def sort_by(self, key: str) -> None:
        """Sort by a column, or turn its order round. Raises KeyError for a column that there is not."""
        sort = self.grid.sort
        self.grid.sort = sort.reversed() if sort.key == key else natural(key)
        self._repaint()

    def _edit_filter(self, on_: bool) -> None:
        self.query_one(FilterRow).edit(on_)
        if not on_:
            self.grid.focus()
        self._paint_filter()

    @on(Input.Changed, "#filter")
    def _typed(self, message: Input.Changed) -> None:
        self._filter(clean(message.value))

    @on(Input.Submitted, "#filter")
    def _entered(self) -> None:
        self._edit_filter(False)
