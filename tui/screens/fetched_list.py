"""A list that is read from the engine when it is opened, and acted on row by row over any screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType

from engine.base.errors import QuarterdeckError
from tui.render.spans import Line, padded
from tui.screens.dialogs import Overlay
from tui.screens.list_lines import window
from tui.widgets.styled import LineBlock

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed

_BESIDE = 8
"""Lines around the rows: margins, border, padding, and the one about the cursor's row."""
_LEAST = 3


@dataclass(frozen=True, slots=True)
class FetchedRow:
    """One row: what it is known by, its line, and the text below the list when the cursor is on it."""

    id: str
    line: str
    about: str = ""


Fetch = Callable[["Feed"], Awaitable[Sequence[FetchedRow]]]
"""Reads the rows as they are now."""


class FetchedList(Overlay[None]):
    """Owner of the rows and of the cursor, which is an id; `fetch` reads the rows, acts read them again."""

    HEAD = ""
    NOTHING = "There is nothing here."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", show=False),
        Binding("k,up", "step(-1)", show=False),
        Binding("r", "reload", show=False),
        Binding("q", "leave", show=False),
    ]

    def __init__(self, title: str, keys: str, fetch: Fetch) -> None:
        super().__init__(title, [], f"{keys} · j k move · r read again · esc close")
        self.rows: Sequence[FetchedRow] = ()
        self._fetch = fetch
        self.cursor = ""
        self.problem = ""
        self._is_read = False

    @property
    def console(self) -> ConsoleHost:
        """The app, with its type."""
        return cast("ConsoleHost", self.app)

    @property
    def row(self) -> FetchedRow | None:
        """The one under the cursor."""
        return next((row for row in self.rows if row.id == self.cursor), None)

    def on_mount(self) -> None:
        """Read the rows."""
        super().on_mount()
        self.action_reload()

    def action_reload(self) -> None:
        """Read the rows again."""
        self.run_worker(self._reload(), group="rows", exclusive=True, exit_on_error=False)

    def action_step(self, step: int) -> None:
        """Cursor up or down."""
        if self.rows:
            at = max(0, min(len(self.rows) - 1, self._at + step))
            self.cursor = self.rows[at].id
        self.paint()

    @property
    def _at(self) -> int:
        return next((at for at, row in enumerate(self.rows) if row.id == self.cursor), 0)

    async def _reload(self) -> None:
        feed, at = self.console.feed, self._at
        try:
            self.rows = await self._fetch(feed) if feed is not None else ()
            self.problem = "" if feed is not None else "No engine to ask."
        except QuarterdeckError as error:
            self.problem = str(error)
        self._is_read = True
        if self.row is None and self.rows:
            self.cursor = self.rows[min(at, len(self.rows) - 1)].id
        self.paint()

    def paint(self) -> None:
        """Show the rows around the cursor."""
        if not self.is_mounted or not self.query("#lines"):
            return
        width = self.query_one("#lines", LineBlock).size.width
        most = max(_LEAST, self.app.size.height - _BESIDE)
        first = window(len(self.rows), self._at, min(most, len(self.rows)))
        lines: list[Line] = [[("  " + self.HEAD, "muted")]]
        for row in self.rows[first : first + most]:
            here = row.id == self.cursor
            lines.append(padded([("▌ " if here else "  ", "ask"), (row.line, "cursor" if here else "")], width))
        if not self.rows:
            lines.append([(f"  {self.NOTHING if self._is_read else 'reading …'}", "muted")])
        about = self.problem or (self.row.about if self.row is not None else "")
        self.rewrite([*lines, [], padded([(f"  {about}", "fail" if self.problem else "muted")], width)])
