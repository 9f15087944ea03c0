"""What the keys of every list do: the cursor, filter, sort, hold, marks, copy and export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.widgets import Input

from tui.render.plain_text import clean
from tui.screens.dialogs import Chooser

if TYPE_CHECKING:
    from textual.screen import Screen

    from tui.actions.command_line import Suggestion
    from tui.actions.host import ConsoleHost
    from tui.model.columns import Column
    from tui.model.list_state import ListState
    from tui.model.tables import Table

    _Screen = Screen[Any]  # they are mixed into screens
else:
    _Screen = object

R = TypeVar("R")


class TableActions(_Screen):
    """Comes before the screen's own base; copies and exports the `table` of a screen."""

    if TYPE_CHECKING:  # the screen has it

        @property
        def console(self) -> ConsoleHost:
            """The console."""

    def table(self, *, chosen: bool = False) -> Table | None:  # noqa: ARG002 - each screen has its own
        """What the screen lists: all rows and columns shown, or every column of the marked rows (else the cursor's)."""
        return None

    def action_copy(self) -> None:
        """Ask what to copy of the marked rows, or of this one."""
        from tui.actions import clipboard

        clipboard.copy(self.console, self.table(chosen=True))

    def action_export(self) -> None:
        """Ask how to export what is shown."""
        from tui.actions import clipboard

        clipboard.export(self.console, self.table())


class ListActions(TableActions, Generic[R]):
    """Comes before the screen's own base; the list is `shown`, its filter is typed in the Input `EDITOR`."""

    EDITOR: ClassVar[str] = "#filter"
    shown: ListState[R]

    if TYPE_CHECKING:  # the screen has it

        def paint(self) -> None:
            """Show the list as it is now."""

    # what a screen may do in its own way

    def moved(self) -> None:
        """The cursor moved."""
        self.paint()

    def leave(self) -> None:
        """There is nothing left to go back from."""

    def release_keyboard(self) -> None:
        """The filter is typed; the keys are the screen's again."""
        self.set_focus(None)

    def columns_in_sight(self) -> Sequence[Column[R]] | None:
        """The columns that an export of the view has; None for all."""
        return None

    # the filter

    @property
    def editor(self) -> Input:
        """Where the filter is typed."""
        return self.query_one(self.EDITOR, Input)

    @property
    def editing(self) -> bool:
        """Whether the filter is being typed."""
        return self.editor.display

    def edit(self, on: bool) -> None:
        """Open the editor and give it the keyboard, or close it."""
        editor = self.editor
        editor.display = editor.can_focus = on
        if on:
            self.set_focus(editor)
        else:
            self.release_keyboard()
        self.paint()

    def filter_problem(self, text: str) -> str:
        """Why it cannot be read."""
        return self.shown.problem_of(text)

    def set_filter(self, text: str) -> None:
        """Show only what passes; an empty text shows all. It may come before the screen is composed."""
        self.shown.set_filter(text)
        for editor in self.query(self.EDITOR).results(Input):
            editor.value = text
        self.paint()

    def action_filter(self) -> None:
        """Edit the filter."""
        self.edit(True)

    def action_back(self) -> None:
        """One level back: the filter's editor, the filter, the marks, the screen before this one."""
        if self.editing:
            self.set_filter("")
            self.edit(False)
        elif self.shown.back():
            self.set_filter(self.shown.filter.text)
        else:
            self.leave()

    def on_input_changed(self, message: Input.Changed) -> None:
        """The list follows what is typed."""
        self.shown.set_filter(clean(message.value))
        self.paint()

    def on_input_submitted(self) -> None:
        """Enter closes the editor."""
        self.edit(False)

    # the cursor, the order and the marks

    def table(self, *, chosen: bool = False) -> Table | None:
        """The rows that pass the filter, the marked ones where there are any; or what is chosen, in all columns."""
        columns = None if chosen else self.columns_in_sight()
        return self.shown.table(columns, chosen=chosen or bool(self.shown.marks))

    def sortable(self) -> Sequence[Suggestion]:
        """The list's columns."""
        from tui.actions.command_line import Suggestion

        return [Suggestion(column.key, note=column.title) for column in self.shown.listing.columns]

    def sort_by(self, key: str) -> None:
        """Sort by a column, or reverse its order. Raises KeyError for an unknown column."""
        self.shown.sort_by(key)
        self.paint()

    def action_move(self, step: int) -> None:
        """Cursor up or down."""
        self.shown.move(step)
        self.moved()

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        columns = self.shown.listing.columns
        options = [(column.key, "largest first" if column.most_first else "in order") for column in columns]

        def taken(key: str | None) -> None:
            if key:
                self.sort_by(key)

        self.app.push_screen(Chooser("SORT BY", options, self.shown.sort.key), taken)

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.shown.reverse()
        self.paint()

    def action_hold(self) -> None:
        """Hold the order, or release it."""
        self.shown.held = not self.shown.held
        self.paint()

    def action_mark(self) -> None:
        """Mark this row, or remove its mark, and move to the next."""
        self.shown.mark()
        self.paint()

    def action_mark_all(self) -> None:
        """Mark all that the filter shows."""
        self.shown.mark_all()
        self.paint()

    def action_unmark(self) -> None:
        """Remove all marks."""
        self.shown.unmark()
        self.paint()
