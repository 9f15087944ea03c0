"""The palette's commands, from the registry: what is at hand on this screen, each with its key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from tui.actions.keymap import CAME_ALONG
from tui.actions.registry import Action, KeyScope, in_scope
from tui.render.spans import fit
from tui.screens.base_screen import BaseScreen

TEXT = 32
"""Cells of a command's text, before its key."""


class Palette(CommandPalette):
    """The palette in our clothes; the words above the commands are ours, for they follow the glyph set in use."""

    CSS_PATH = "palette.tcss"

    def __init__(self) -> None:
        super().__init__(placeholder="Search for commands", id="--command-palette")


class RegistryCommands(Provider):
    """Every action of this screen and of the console."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in self._actions():
            yield DiscoveryHit(self._display(action), partial(self._run, action))

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for action in self._actions():
            if (score := matcher.match(action.text)) > 0:
                yield Hit(score, matcher.highlight(self._display(action)), partial(self._run, action))

    def _actions(self) -> list[Action]:
        scope = self.screen.SCOPE if isinstance(self.screen, BaseScreen) else KeyScope.APP
        keys = getattr(self.app, "keys", CAME_ALONG)
        here = [] if scope is KeyScope.APP else in_scope(scope, actions=keys.actions)
        everywhere = in_scope(KeyScope.APP, actions=keys.actions)
        return [action for action in (*here, *everywhere) if action.id != "view.palette"]

    def _display(self, action: Action) -> str:
        table: Mapping[int, str] | None = getattr(self.app, "glyph_table", None)
        line = f"{fit(action.text, TEXT)}{action.shown_key}"
        return line.translate(table) if table is not None else line

    async def _run(self, action: Action) -> None:
        await self.app.run_action(action.run, default_namespace=self.screen)
