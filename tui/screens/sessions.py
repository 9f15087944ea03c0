"""The Sessions screen: the live grid, its filter line, and the drawer that follows the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widget import Widget

from engine.base.errors import QuarterdeckError
from engine.events.state import PermissionView, SessionView
from tui.actions.registry import KeyScope, bindings
from tui.feeds.transcript_reader import TranscriptReader
from tui.model import trends
from tui.model.columns import SESSION_COLUMNS, Column
from tui.model.filter import SESSION_FIELDS
from tui.model.tables import Listing, command
from tui.render.entry_tail import EntryTail
from tui.render.spans import Line
from tui.screens import session_lines
from tui.screens.list_screen import ListScreen
from tui.screens.live_follow import DRAWER_HZ, LiveFollow
from tui.widgets.filter_row import FilterRow
from tui.widgets.grid import Grid
from tui.widgets.styled import LineBlock

REST_S = 0.15
"""Seconds that the cursor rests before the drawer follows it."""
PROBLEMS = "state:approval,retrying,failed"
"""The filter behind `z`."""
SESSIONS: Listing[SessionView] = Listing(
    "sessions",
    "session",
    SESSION_COLUMNS,
    lambda row: row.id,
    lambda row: command("sessions", "show", row.id),
    fields=SESSION_FIELDS,
)
"""The list."""


def _prepare() -> None:
    """The first transcript is opened from here: what draws it is imported before."""
    from tui.render.markdown import prepare

    prepare()


class SessionsScreen(LiveFollow, ListScreen[SessionView]):
    """All sessions of the pool, one a row."""

    SCOPE = KeyScope.SESSIONS
    MODE = "sessions"
    CSS_PATH = "sessions.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.SESSIONS))

    def __init__(self) -> None:
        super().__init__(SESSIONS)
        self._resting: Timer | None = None
        self._in_drawer = ""
        self._reader: TranscriptReader | None = None
        self._page = EntryTail()

    def compose_body(self) -> Iterable[Widget]:
        """Filter line, grid and drawer."""
        yield FilterRow(id="filter-row")
        with Container(id="floor"):
            yield Grid(self.shown, self.store.version, id="grid")
            yield LineBlock(id="drawer")

    @property
    def grid(self) -> Grid[SessionView]:
        """The grid of this screen."""
        return self.query_one("#grid", Grid)

    def on_mount(self) -> None:
        """Start with the keyboard on the grid."""
        self.grid.focus()
        self.run_worker(_prepare, thread=True, exit_on_error=False)
        self.follow_live(DRAWER_HZ)

    def followed(self) -> SessionView | None:
        """The session in the drawer."""
        return self.shown.get(self._in_drawer) if self.query_one("#drawer").display else None

    def pull(self) -> None:
        """Read what is new of the session in the drawer."""
        self._pull()

    def items(self) -> Sequence[SessionView]:
        """The sessions."""
        return list(self.store.rows().values())

    def paint_list(self) -> None:
        """Grid and drawer as the store is now."""
        self.grid.paint()
        if self.shown.get(self._in_drawer) is None:
            self._show(self.cursor)
        self._paint_drawer()
        self._pull()

    def moved(self) -> None:
        """The grid shows the cursor at once; the drawer follows once it rests."""
        self.grid.follow()

    def release_keyboard(self) -> None:
        """The keys are the grid's."""
        self.grid.focus()

    def leave(self) -> None:
        """To the Overview."""
        self.console.navigation.go("overview")

    def columns_in_sight(self) -> Sequence[Column[SessionView]]:
        """The columns that fit."""
        return self.grid.columns

    def action_act(self, name: str) -> None:
        """What the drawer cannot show whole is allowed where it can be read."""
        asked = self.store.state.permissions.get(self.console.press_guard.permission)
        if name == "allow" and asked is not None and not self._is_whole(asked):
            self.console.navigation.open_transcript(asked.session)
            self.console.notify("It is longer than the drawer shows; read it here, then allow it.", severity="warning")
        else:
            super().action_act(name)

    def _is_whole(self, asked: PermissionView) -> bool:
        drawn = self.query_one("#drawer", LineBlock).lines
        return session_lines.shows_whole(asked, beside=self._drawer_beside) and session_lines.in_sight(asked, drawn)

    def targets(self) -> list[SessionView]:
        """The marked sessions by id, or the one under the cursor."""
        return sorted(self.shown.chosen, key=lambda row: row.id)

    def status_extra(self) -> Line:
        """How many columns do not fit, and the key that makes room."""
        hidden = self.grid.hidden_columns
        hint = f" {self.console.keys.shown('sessions.drawer')} wide" if self._drawer_beside else ""
        return [(f"   +{hidden} cols ›{hint}", "muted")] if hidden else []

    @property
    def _drawer_beside(self) -> bool:
        return self.query_one("#drawer").display and (self.has_class("-roomy") or self.has_class("-wide"))

    def _paint_drawer(self) -> None:
        drawer = self.query_one("#drawer", LineBlock)
        row = self.shown.get(self._in_drawer)
        width, height = drawer.size
        if row is None or not drawer.display:
            self.console.press_guard.show("")
            drawer.show(session_lines.wrapped(self._nothing(), width, 3))
            return
        now, card, keys = self.store.now, self.console.card(row.id), self.console.keys
        if self._reader is not None:
            self._reader.follow(self.console.time_travel.seeks)
        tail = list(self._reader.entries) if self._reader is not None else []
        part = self._reader.part if self._reader is not None and not self.store.past else None
        if self.store.past:
            tail = [entry for entry in tail if entry.at <= now]
        if self._drawer_beside:
            p95 = trends.measure(self.store.state.buckets, now, 1).p95.now
            page = self._page if self.has_class("-wide") else None
            drawer.show(session_lines.drawer(row, card, tail, now, p95, width - 1, height, keys, part, page))
        else:
            drawer.show(session_lines.bottom(row, card, tail, now, width - 1, height, keys, part))

    def _nothing(self) -> str:
        if self.shown.total:
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
        if row != self._in_drawer:
            self._in_drawer = row
            self._reader, self._page = TranscriptReader(row) if row else None, EntryTail()

    def _pull(self) -> None:
        if self._reader is not None and self.console.feed is not None and self.query_one("#drawer").display:
            self.run_worker(self._read(self._reader), group="drawer", exit_on_error=False)

    async def _read(self, reader: TranscriptReader) -> None:
        feed = self.console.feed
        try:
            if feed is not None and await reader.pull(feed) and reader is self._reader:
                self._paint_drawer()
        except QuarterdeckError:
            # The health line already states that the link is down; the drawer keeps what it has.
            return

    def action_page(self, pages: int) -> None:
        """A page up or down."""
        self.action_move(pages * self.grid.page)

    def action_top(self) -> None:
        """The first row."""
        self.shown.go(0)
        self.moved()

    def action_bottom(self) -> None:
        """The last row."""
        self.shown.go(len(self.shown.order) - 1)
        self.moved()

    def action_drawer(self) -> None:
        """Show or hide the drawer."""
        drawer = self.query_one("#drawer")
        drawer.display = not drawer.display
        self.call_after_refresh(self.paint)

    def action_problems(self) -> None:
        """Show only sessions with a problem, or all again."""
        self.set_filter("" if self.shown.filter.text == PROBLEMS else PROBLEMS)

    def action_marked(self) -> None:
        """What can be done to the marked sessions, or to this one."""
        self.console.session_actions.choose(self.targets())

    def action_open(self) -> None:
        """Open the transcript of the row under the cursor."""
        if self.cursor:
            self.console.navigation.open_transcript(self.cursor)
