"""What every screen of the console is: three fixed lines around a body, painted by the console's one timer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.css.query import NoMatches
from textual.widget import Widget
from textual.widgets import Input

from engine.events.state import SessionView
from tui.actions import mouse, registry
from tui.actions.registry import Action, KeyScope
from tui.model import health
from tui.screens import header
from tui.screens.list_actions import TableActions
from tui.widgets.styled import LineBlock, StyledScreen

if TYPE_CHECKING:
    from tui.actions.command_line import Suggestion
    from tui.actions.host import ConsoleHost
    from tui.model.store import Store


WIDE = 160
"""Cells from which a screen has a second pane."""


class BaseScreen(TableActions, StyledScreen[None]):
    """A screen with its place in line 1, the health in line 2 and its keys in the last line."""

    SCOPE: ClassVar[str] = KeyScope.APP
    MODE: ClassVar[str] = ""
    AUTO_FOCUS = None

    @property
    def console(self) -> ConsoleHost:
        """The app, with its type."""
        return cast("ConsoleHost", self.app)

    @property
    def store(self) -> Store:
        """What is drawn."""
        return self.console.store

    @property
    def is_roomy(self) -> bool:
        """Whether the rows are in sight: not in the five lines of a tiny terminal."""
        return not (self.has_class("-tiny") or self.has_class("-flat"))

    @property
    def tab(self) -> str:
        """The mode whose name stands out in line 1."""
        return self.MODE

    @property
    def crumb(self) -> str:
        """What follows the screen's name in line 1."""
        return ""

    def compose(self) -> ComposeResult:
        """Header, body, footer, and the summary that replaces them in a tiny terminal."""
        yield LineBlock(id="where")
        yield LineBlock(id="health")
        with Container(id="body"):
            yield from self.compose_body()
        yield LineBlock(id="scrub")
        yield LineBlock(id="keys")
        yield LineBlock(id="summary")

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between line 2 and the last line."""
        return ()

    def on_mount(self) -> None:
        """Paint at once, with or without data."""
        self.paint()

    def on_screen_resume(self) -> None:
        """Shown again: what happened meanwhile is painted."""
        self.paint()

    @on(LineBlock.Resized)
    def _resized(self) -> None:
        self.paint()

    @on(LineBlock.KeyClicked)
    async def _key_clicked(self, message: LineBlock.KeyClicked) -> None:
        """A key that is shown does when clicked what it does when pressed."""
        message.stop()
        if run := mouse.clicked(self.console, self.SCOPE, message.key, message.rested):
            await self.app.run_action(run, default_namespace=self)

    @on(LineBlock.Clicked, "#where")
    def _where_clicked(self, message: LineBlock.Clicked) -> None:
        """The name of a screen in line 1 leads there."""
        drawn = message.block.lines
        if drawn and (mode := header.tab_at(drawn[0], message.x, self.console.keys, self.console.tabs)):
            self.console.navigation.go(mode)

    def paint(self) -> None:
        """Show the store as it is now."""
        if not self.is_mounted or not self._composed:
            return
        store, width = self.store, self.size.width
        console, verdict = self.console, self.console.verdict
        travelling = console.time_travel.travelling
        state, now = store.state, store.now
        forms = header.banners(state.engine)
        keymap = self.console.keys
        where = header.where_line(
            self.console.theming.pool_name,
            self.tab,
            forms,
            self.console.rate,
            width,
            self.crumb,
            keymap,
            self.console.tabs,
        )
        self.query_one("#where", LineBlock).show([where])
        self.query_one("#health", LineBlock).show([header.health_line(verdict, state, now, width)])
        asked = bool(self.console.press_guard.permission)
        footer = registry.footer(self.SCOPE, keymap.actions)
        offered = [action for action in footer if (asked or not action.answers) and self.offers(action)]
        keys = header.keys_line(offered, width, read_only=console.is_read_only or travelling)
        self.query_one("#keys", LineBlock).show([keys])
        self.set_class(travelling, "-travelling")
        if travelling:
            self.query_one("#scrub", LineBlock).show([self.console.time_travel.scrub_line(width)])
        if not self.is_roomy:
            failed = len(health.recent_failures(state, now))
            summary = header.summary_lines(verdict, state, now, failed, width, keymap)
            self.query_one("#summary", LineBlock).show(summary)
        self.paint_body()

    @property
    def _composed(self) -> bool:
        try:
            return bool(self.query_one("#keys").id)
        except NoMatches:
            return False

    def offers(self, action: Action) -> bool:  # noqa: ARG002 - most screens offer all that they have
        """Whether the last line names an action now."""
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """In the past esc leads to now, and a recording is played by space, whatever they do here otherwise."""
        if action == "back" and self.store.past:
            return isinstance(self.focused, Input)
        return not (action == "mark" and self.console.time_travel.playback is not None)

    def paint_body(self) -> None:
        """Show the store in the body."""

    def sortable(self) -> Sequence[Suggestion]:
        """The columns that the list here can be sorted by."""
        return ()

    def filter_problem(self, text: str) -> str:  # noqa: ARG002 - a screen without a list takes none
        """Why the list here cannot be filtered so, or an empty string."""
        return "This screen has no filter; `go sessions` has one."

    def set_filter(self, text: str) -> None:
        """Show only what passes; an empty text shows all."""

    def sort_by(self, key: str) -> None:
        """Sort by a column, or turn its order round."""

    def targets(self) -> list[SessionView]:
        """The sessions that an act is meant for."""
        return []

    def action_act(self, name: str) -> None:
        """Do something to the sessions in focus; the console asks first where that is due."""
        if not self.is_roomy:
            # A key acts on the row that was seen, and here none is.
            self.console.notify("The window is too small to act; make it 60 x 16.", severity="warning")
            return
        self.console.session_actions.start(name, self.targets())
