"""The line above a list: its filter, edited in place, and how the list stands."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Input

from tui.render.spans import Line, between, width_of
from tui.widgets.styled import LineBlock

SIGN = 3
"""Cells of the `/` before the filter."""
HINT = "words  field:value  !word  field>number"


class FilterRow(Container):
    """Its editor is the Input `#filter`, whose messages go to the screen; it has the keyboard only while it is open.

    A `quiet` one shows nothing while nothing is filtered.
    """

    def __init__(self, hint: str = HINT, *, quiet: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._hint = hint
        self._quiet = quiet

    def compose(self) -> ComposeResult:
        """Sign, editor, line."""
        editor = Input(id="filter", placeholder=self._hint, compact=True)
        editor.display = editor.can_focus = False
        yield LineBlock(id="filter-sign")
        yield editor
        yield LineBlock(id="filter-line")

    def on_mount(self) -> None:
        """The sign never changes."""
        self.query_one("#filter-sign", LineBlock).show([[(" /", "strong")]])

    @property
    def editor(self) -> Input:
        """Where it is typed."""
        return self.query_one("#filter", Input)

    @property
    def editing(self) -> bool:
        """Whether it is being typed."""
        return self.editor.display

    def show(self, text: str, problem: str, right: Line, width: int) -> None:
        """The filter and how the list stands; while it is edited only the latter, beside the editor."""
        line = self.query_one("#filter-line", LineBlock)
        if self._quiet:
            self.query_one("#filter-sign").display = bool(text) or self.editing
        if self.editing:
            right = [(f" {problem}  ", "fail")] if problem else right
            line.styles.width = width_of(right)
            line.show([right])
        else:
            line.styles.width = "1fr"
            line.show(
                [between([(text or ("" if self._quiet else "all"), "" if text else "muted")], right, width - SIGN)]
            )
