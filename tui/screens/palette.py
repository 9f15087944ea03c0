"""The palette's commands, from the registry: every act and every screen from anywhere, each with its key or name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from tui.actions.operation_lines import acting_operations
from tui.actions.registry import Action, KeyScope, in_scope
from tui.render.spans import fit
from tui.screens.base_screen import BaseScreen
from tui.screens.header import TABS

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost

TEXT = 36
"""Cells of a command's text, before its key."""


class Palette(CommandPalette):
    """The palette in our clothes; the words above the commands are ours, for they follow the glyph set in use."""

    CSS_PATH = "palette.tcss"

    def __init__(self) -> None:
        super().__init__(placeholder="Search for commands", id="--command-palette")


class RegistryCommands(Provider):
    """Every action of this screen and of the console, then those of the other screens, then the acts by name.

    An action of another screen leads there, where its row is in sight; an act by name is typed at the command line.
    """

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for line, run in self._offers():
            yield DiscoveryHit(line, run)

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for line, run in self._offers():
            if (score := matcher.match(line)) > 0:
                yield Hit(score, matcher.highlight(line), run)

    @property
    def _console(self) -> ConsoleHost:
        return cast("ConsoleHost", self.app)

    @property
    def _scope(self) -> str:
        return self.screen.SCOPE if isinstance(self.screen, BaseScreen) else KeyScope.APP

    def _offers(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        for action in self._actions():
            yield self._display(action.text, action.shown_key), partial(self._run, action)
        for action, mode in self._elsewhere():
            yield (
                self._display(f"{action.scope}: {action.text}", action.shown_key),
                partial(self._run_there, action, mode),
            )
        for name, operation in acting_operations():
            yield self._display(operation.summary, f": {name}"), partial(self._type, f"{name} ")

    def _actions(self) -> list[Action]:
        scope, known = self._scope, self._console.keys.actions
        here = [] if scope is KeyScope.APP else in_scope(scope, actions=known)
        everywhere = in_scope(KeyScope.APP, actions=known)
        return [action for action in (*here, *everywhere) if action.id != "view.palette"]

    def _elsewhere(self) -> Iterator[tuple[Action, str]]:
        """The actions of the other screens, with their modes."""
        scope, modes = self._scope, {name: mode for _action, name, mode in TABS}
        for action in self._console.keys.actions:
            if action.scope != scope and action.scope in modes and action.acts:
                yield action, modes[action.scope]

    def _display(self, text: str, key: str) -> str:
        table: Mapping[int, str] | None = getattr(self.app, "glyph_table", None)
        line = f"{fit(text, TEXT)}  {key}"
        return line.translate(table) if table is not None else line

    async def _run_there(self, action: Action, mode: str) -> None:
        """Show the screen and name the key: an act is done to a row that is in sight."""
        self._console.navigation.go(mode)
        self._console.notify(f"{action.shown_key} does it to the row under the cursor: {action.text}.")

    async def _type(self, line: str) -> None:
        self._console.navigation.open_command_line(line)

    async def _run(self, action: Action) -> None:
        await self.app.run_action(action.run, default_namespace=self.screen)
