"""Which screen is shown: by key, from another screen, or from the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.app import App

from tui.actions.press_guard import PressGuard
from tui.actions.registry import KeyScope
from tui.render.plain_text import clean
from tui.render.wrapping import wrap_text
from tui.screens.base_screen import BaseScreen
from tui.screens.dialogs import Confirm, Menu, TextEntry
from tui.screens.help import Help
from tui.screens.transcript import TranscriptScreen

if TYPE_CHECKING:
    from engine.base.clock import Clock
    from engine.operations.declared.conversations import ConversationRow
    from tui.actions.line_actions import Callback
    from tui.console.part_host import PartHost
    from tui.screens.tuning import TuningScreen

WHOLE_LINES = 400
"""Lines of a text that is read whole."""


class Navigation:
    """Owner of the mode that was shown before this one."""

    def __init__(self, app: App[None], host: PartHost, clock: Clock) -> None:
        self._app = app
        self._host = host
        self._clock = clock
        self._last_mode = "sessions"

    @property
    def list_in_sight(self) -> BaseScreen | None:
        """The screen in sight, below what lies over it."""
        return next((screen for screen in reversed(self._app.screen_stack) if isinstance(screen, BaseScreen)), None)

    def go(self, mode: str) -> None:
        """Show a screen; a transcript over it is closed."""
        app = self._app
        while len(app.screen_stack) > 1 and isinstance(app.screen, TranscriptScreen):
            app.pop_screen()
        if mode != app.current_mode:
            self._last_mode = app.current_mode
            app.switch_mode(mode)

    def forget_engine(self) -> None:
        """Another engine answers: close what shows or asks about the one before; a prompt and a command stay."""
        app = self._app
        while len(app.screen_stack) > 1 and isinstance(app.screen, TranscriptScreen | Confirm | Menu | TextEntry):
            app.screen.dismiss(None)  # who waits for the answer gets none

    def go_back(self) -> None:
        """Show the screen before this one."""
        self.go(self._last_mode)

    def open_transcript(self, session: str) -> None:
        """Show a session's transcript over the present screen, or in the place of another session's."""
        screen = self._app.screen
        if not isinstance(screen, TranscriptScreen):
            self._app.push_screen(TranscriptScreen(session))
        elif screen.session != session:
            self._app.switch_screen(TranscriptScreen(session))

    def open_conversation(self, row: ConversationRow) -> None:
        """Show a conversation's transcript over the present screen, live where a session holds it.

        In the place of another transcript it is read again.
        """
        if isinstance(self._app.screen, TranscriptScreen):
            self._app.switch_screen(TranscriptScreen(row.session, row))
        else:
            self._app.push_screen(TranscriptScreen(row.session, row))

    def show_sessions(self, filter_text: str) -> None:
        """Show Sessions with this filter."""
        from tui.screens.sessions import SessionsScreen

        self.go("sessions")
        if isinstance(self._app.screen, SessionsScreen):
            self._app.screen.set_filter(filter_text)

    def stage(self, texts: Mapping[str, str], *, apply: bool = False) -> None:
        """Show Tuning with these values staged, key → text; with `apply`, apply them."""
        self._on_tuning(lambda screen: screen.stage(texts, apply=apply))

    def undo_settings(self) -> None:
        """Show Tuning and offer to undo the last change."""
        self._on_tuning(lambda screen: screen.undo_last())

    def _on_tuning(self, do: Callable[[TuningScreen], None]) -> None:
        from tui.screens.tuning import TuningScreen

        def shown() -> None:
            if isinstance(self._app.screen, TuningScreen):
                do(self._app.screen)

        self.go("tuning")
        self._app.call_after_refresh(shown)

    def review(self) -> None:
        """Open the inbox of approvals."""
        from tui.screens.inbox import Inbox

        if self._host.store.state.permissions:
            self._app.push_screen(Inbox(PressGuard(self._clock)), self._show_context)
        else:
            self._host.notify("Nothing waits for an approval.")

    def _show_context(self, session: str | None) -> None:
        """The transcript behind a request of the inbox, in place of one that lay below it."""
        if session:
            if isinstance(self._app.screen, TranscriptScreen):
                self._app.pop_screen()
            self._app.push_screen(TranscriptScreen(session))

    def read_whole(self, title: str, text: str) -> None:
        """Show a text that a line has no room for."""
        from tui.screens.dialogs import ScrollingDialog

        lines, _left_out = wrap_text(text, max(20, min(72, self._app.size.width - 8)), WHOLE_LINES)
        self._app.push_screen(
            ScrollingDialog(clean(title).upper(), [list(line) for line in lines], "j k scroll · esc close")
        )

    def show_grants(self) -> None:
        """The grants in force, over the screen in sight."""
        from tui.screens.grants import GrantsList

        self._app.push_screen(GrantsList())

    def show_alerts(self) -> None:
        """The alerts that fire, over the screen in sight."""
        from tui.screens.grants import AlertsList

        self._app.push_screen(AlertsList())

    def show_keys(self) -> None:
        """Show the keys of the screen in sight."""
        screen = self._app.screen
        scope = screen.SCOPE if isinstance(screen, BaseScreen) else KeyScope.APP
        self._app.push_screen(Help(scope, self._host.keys))

    def show_commands(self, wanted: str) -> None:
        """Show the commands of the command line whose name begins with `wanted`."""
        from tui.screens.command import CommandHelp

        self._app.push_screen(CommandHelp(wanted))

    def open_command_line(self, line: str = "") -> None:
        """Type a command."""
        from tui.actions.line_actions import LineActions
        from tui.screens.command import CommandScreen

        def done(left: Callback | None) -> None:
            if left is not None:
                self._app.call_after_refresh(left)

        if not isinstance(self._app.screen, CommandScreen):
            self._app.push_screen(CommandScreen(LineActions(self._host), line), done)

    def open_palette(self) -> None:
        """Show all commands, to search."""
        from tui.screens.palette import Palette

        if not isinstance(self._app.screen, Palette):
            self._app.push_screen(Palette())
