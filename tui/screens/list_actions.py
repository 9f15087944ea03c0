"""What the keys of every list do: the cursor, sort, hold and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.model.list_state import ListState

R = TypeVar("R")


class ListActions(Generic[R]):
    """Comes before the screen's own base; the list is `shown`."""

    shown: ListState[R]

    if TYPE_CHECKING:  # the screen has them

        @property
        def console(self) -> ConsoleHost:
            """The app."""

        def paint(self) -> None:
            """Show the list as it is now."""

    def sort_by(self, key: str) -> None:
        """Sort by a column, or turn its order round. Raises KeyError for a column that there is not."""
        self.shown.sort_by(key)
        self.paint()

    def action_move(self, step: int) -> None:
        """Cursor up or down."""
        self.shown.move(step)
        self.paint()

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        self.console.choose_sort(self.shown.sort.key, self.sort_by, self.shown.listing.columns)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.shown.reverse()
        self.paint()

    def action_hold(self) -> None:
        """Hold the order, or let it go."""
        self.shown.held = not self.shown.held
        self.paint()

    def action_mark(self) -> None:
        """Mark this row, or take its mark away, and go on to the next."""
        self.shown.mark()
        self.paint()

    def action_mark_all(self) -> None:
        """Mark all that the filter shows."""
        self.shown.mark_all()
        self.paint()

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.shown.unmark()
        self.paint()
