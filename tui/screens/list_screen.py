"""A screen with a list under a cursor: the base of Sessions, Errors, Recovery, Queue and Tuning."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from textual.widget import Widget

from tui.feeds.base import Feed
from tui.model.list_state import ListState
from tui.model.tables import Listing
from tui.render import formats
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

    def on_mount(self) -> None:
        """A filter that was set before shows in its editor."""
        if self.shown.filter.text:
            self.editor.value = self.shown.filter.text

    def items(self) -> Sequence[R]:
        """The rows as they are now, in any order."""
        return []

    def draw(self, width: int, height: int) -> list[Line]:  # noqa: ARG002 - each screen has its own
        """The whole block; a screen without lines is empty."""
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
        self.paint_filter()
        self.paint_list()

    def paint_filter(self) -> None:
        """The filter, and how the list stands."""
        shown = self.shown
        line = [*list_lines.status_line(shown, shown.listing.column(shown.sort.key).title), *self.status_extra()]
        self.query_one(FilterRow).show(shown.filter.text, shown.problem, [*line, (" ", "")], self.size.width)

    def status_extra(self) -> Line:
        """What else the line above the list says."""
        return []

    def paint_list(self) -> None:
        """The rows, and what stands around them."""
        board = self.query_one("#board", LineBlock)
        width, height = board.size
        if width > 0 and height > 0:
            board.show(self.draw(width, height)[:height])

    def leave(self) -> None:
        """To the screen before this one."""
        self.console.navigation.go_back()

    def menu(self, options: Sequence[tuple[str, str, str]]) -> None:
        """Choose what to do to the marked rows, or to this one: letter, act, what it does."""
        rows = self.shown.chosen
        if not rows:
            self.console.notify("There is nothing here to act on.")
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
        """The feed, when it can be acted on; else the operator is shown why not."""
        console = self.console
        if console.refusal:
            console.notify(console.refusal, severity="warning")
            return None
        return console.feed

    def do(self, work: Coroutine[Any, Any, str | None]) -> None:
        """Carry an act out; its answer and the engine's refusal are shown."""
        self.console.carry_out(work)
