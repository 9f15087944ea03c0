"""A screen with a list in one block of lines under a cursor: the base of Errors, Recovery and Queue."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from tui.actions.command_line import Suggestion
from tui.feeds.base import Feed
from tui.model.list_state import ListState
from tui.model.tables import Listing, Table
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens import list_lines
from tui.screens.base_screen import BaseScreen
from tui.screens.dialogs import Menu
from tui.screens.list_actions import ListActions
from tui.widgets.filter_row import FilterRow
from tui.widgets.styled import LineBlock

R = TypeVar("R")


class ListScreen(ListActions[R], BaseScreen):
    """Filtered, sorted, held, marked, copied and exported by the same keys, whatever the list is of."""

    def __init__(self, listing: Listing[R]) -> None:
        super().__init__()
        self.shown = ListState(listing)

    def compose_body(self) -> Iterable[Widget]:
        """The filter, and one block of lines."""
        yield FilterRow(id="filter-row")
        yield LineBlock(id="board")

    def items(self) -> Sequence[R]:
        """The rows as they are now, in any order."""
        return []

    def draw(self, width: int, height: int) -> list[Line]:  # noqa: ARG002 - each board has its own
        """The whole block; a board without lines is empty."""
        return []

    @property
    def cursor(self) -> str:
        """The id of the row under the cursor; empty without rows."""
        return self.shown.cursor

    def take(self) -> None:
        """Take the rows in; what lies under a menu keeps its order."""
        self.shown.take(self.items(), self.store.now, still=not self.is_active)

    def paint_body(self) -> None:
        """Everything between line 2 and the keys."""
        self.take()
        shown = self.shown
        standing = list_lines.status_line(shown, shown.listing.column(shown.sort.key).title)
        row = self.query_one(FilterRow)
        row.show(shown.filter.text, shown.problem, [*standing, (" ", "")], self.size.width)
        board = self.query_one("#board", LineBlock)
        width, height = board.size
        if width > 0 and height > 0:
            board.show(self.draw(width, height)[:height])

    def table(self, *, chosen: bool = False) -> Table | None:
        """The rows that pass the filter, the marked ones where there are any."""
        return self.shown.table(chosen=chosen or bool(self.shown.marks))

    def sortable(self) -> Sequence[Suggestion]:
        """The list's columns."""
        return [Suggestion(column.key, note=column.title) for column in self.shown.listing.columns]

    def filter_problem(self, text: str) -> str:
        """Why it cannot be read."""
        return self.shown.problem_of(text)

    def set_filter(self, text: str) -> None:
        """Show only what passes; an empty text shows all."""
        self.query_one(FilterRow).editor.value = text
        self.shown.set_filter(text)
        self.paint()

    def action_filter(self) -> None:
        """Edit the filter."""
        self._edit(True)

    def action_back(self) -> None:
        """One level back: the filter's editor, the filter, the marks, the screen before this one."""
        if self.query_one(FilterRow).editing:
            self.set_filter("")
            self._edit(False)
        elif self.shown.back():
            self.set_filter(self.shown.filter.text)
        else:
            self.console.action_last_screen()

    def _edit(self, on_: bool) -> None:
        self.query_one(FilterRow).edit(on_)
        if not on_:
            self.set_focus(None)
        self.paint()

    @on(Input.Changed, "#filter")
    def _typed(self, message: Input.Changed) -> None:
        self.shown.set_filter(clean(message.value))
        self.paint()

    @on(Input.Submitted, "#filter")
    def _entered(self) -> None:
        self._edit(False)

    def menu(self, options: Sequence[tuple[str, str, str]]) -> None:
        """Choose what to do to the marked rows, or to this one: letter, act, what it does."""
        rows = self.shown.chosen
        if not rows:
            self.console.tell("There is nothing here to act on.")
        elif self.live_feed() is not None:
            acts = {letter: act for letter, act, _text in options}

            def taken(letter: str | None) -> None:
                if letter is not None:
                    self.act_on(acts[letter], rows)

            title = formats.plural(len(rows), self.shown.listing.noun).upper()
            self.app.push_screen(Menu(title, [(letter, text) for letter, _act, text in options]), taken)

    def act_on(self, name: str, rows: Sequence[R]) -> None:
        """Do something to these rows, which were chosen when the key was pressed."""

    def live_feed(self) -> Feed | None:
        """The feed, when it can be acted on; else it is told why not."""
        console = self.console
        if console.refusal:
            console.tell(console.refusal, "warning")
            return None
        return console.feed

    def do(self, work: Coroutine[Any, Any, str | None]) -> None:
        """Carry an act out; what it answers is told, and so is what the engine refuses."""
        self.console.carry_out(work)
