"""A screen that is one block of lines under a cursor: the base of Errors, Recovery and Queue."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any

from textual.widget import Widget

from tui.feeds.base import Feed
from tui.screens.station import Station
from tui.spans import Line
from tui.widgets.ink import Painted


class Board(Station):
    """`rows` are what the cursor goes over, by name; it stays on its name while others come and go."""

    def __init__(self) -> None:
        super().__init__()
        self._cursor = ""

    def compose_body(self) -> Iterable[Widget]:
        """One block of lines."""
        yield Painted(id="board")

    def rows(self) -> list[str]:
        """The names of the rows, top to bottom."""
        return []

    def draw(self, width: int, height: int) -> list[Line]:  # noqa: ARG002 - each board has its own
        """The whole block; a board without lines is empty."""
        return []

    @property
    def cursor(self) -> str:
        """The name of the row under the cursor, the first one's when its own is gone; empty without rows."""
        rows = self.rows()
        return self._cursor if self._cursor in rows else next(iter(rows), "")

    def paint_body(self) -> None:
        """Everything between line 2 and the keys."""
        board = self.query_one("#board", Painted)
        width, height = board.size
        if width > 0 and height > 0:
            board.show(self.draw(width, height)[:height])

    def action_move(self, step: int) -> None:
        """Cursor up or down."""
        rows = self.rows()
        if rows:
            at = rows.index(self.cursor)
            self._cursor = rows[max(0, min(len(rows) - 1, at + step))]
            self.paint_body()

    def action_back(self) -> None:
        """The screen before this one."""
        self.console.action_last_screen()

    def action_copy(self) -> None:
        """Copy the name of this row."""
        if self.cursor:
            self.console.copy_ids([self.cursor])

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
