"""The console's terminal, lent to another program while the console steps aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App

if TYPE_CHECKING:
    from tui.terminal.hand_over import Program


class TerminalUse(App[None]):
    """An app whose terminal another program may use for a while."""

    def check_display(self, remedy: str) -> None:
        """Raises HandOverFailed, with this remedy, for a display that is no terminal."""
        from tui.terminal.hand_over import check_display

        check_display(self, remedy)

    def lend_terminal(self, program: Program) -> int:
        """Run a program in the terminal until it ends; its exit code. Raises HandOverFailed."""
        from tui.terminal.hand_over import lend_terminal

        return lend_terminal(self, program)
