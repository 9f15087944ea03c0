"""An app with screens and keys of the operator's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from tui.actions.keymap import Keymap, load_keymap
from tui.actions.registry import ACTIONS, Action
from tui.console.time_travel import TimeTravel
from tui.render.glyphs import GlyphSetting
from tui.screens.header import TABS, Tab

if TYPE_CHECKING:
    from textual.driver import Driver

    from tui.console.plugin_screens import Discovered, PluginScreen

KEYS_TOLD = 3
"""Problems of keys.toml that are shown at start; the key help lists all."""


class PluginConsole(TimeTravel):
    """Owner of the keys in force and of the plugin screens; `keys` are those of keys.toml unless given."""

    def __init__(
        self, theme: str, refresh_hz: float, glyphs: GlyphSetting, title: str, keys: Keymap | None = None
    ) -> None:
        super().__init__(theme, refresh_hz, glyphs, title)
        self._own_screens: tuple[PluginScreen, ...] = ()
        self.named_screens: Sequence[str] | None = None
        """Plugin screens to look for at start, beside the installed ones; None looks for none."""
        self.screens_follow = False
        """Whether `look_for_screens` will be called, once the settings are known."""
        self._looked_for_screens = False
        self._load_keys = partial(load_keymap, None) if keys is None else partial(_unchanged, keys)
        self.keys = self._load_keys(ACTIONS)
        self.set_keymap(self.keys.changed)

    def on_mount(self) -> None:
        """Say what keys.toml got wrong, at once or when the screens that it may speak of are known."""
        if self.named_screens is None and not self.screens_follow:
            self._tell_keys()  # else later, for keys.toml may speak of them
        if self.named_screens is not None:
            self.run_worker(self.look_for_screens(self.named_screens), group="screens")

    def get_driver_class(self) -> type[Driver]:
        """Textual's way to a terminal, made to outlast one that goes away or does not read."""
        found = super().get_driver_class()
        if sys.platform != "linux" or found.__name__ != "LinuxDriver":
            return found
        from tui.terminal.driver import TerminalDriver

        return TerminalDriver

    def terminal_lost(self, reason: str) -> None:
        """Nobody can see or answer any more: leave, as when the line is lost."""
        self.log(f"the terminal is gone: {reason}")
        self.exit()

    def repaint(self) -> None:
        """The terminal reads again and has missed something: draw all of it."""
        self.refresh(layout=True)

    @property
    def screens(self) -> list[tuple[str, str]]:
        """The screens that can be gone to: mode and name."""
        return [(mode, name) for _action, name, mode in self.tabs]

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Action, name and mode of each screen, plugin screens last."""
        return (*TABS, *((own.view.id, own.title, own.name) for own in self._own_screens))

    async def look_for_screens(self, named: Sequence[str]) -> None:
        """Find the plugin screens, installed or `named`, and take them in."""
        from tui.console.plugin_screens import find_screens

        if self._looked_for_screens:
            return
        self._looked_for_screens = True
        self.take_screens(await asyncio.to_thread(find_screens, named))

    def take_screens(self, found: Discovered) -> None:
        """Plugin screens can be opened from now on; what could not be applied is shown."""
        for own in found.screens:
            self.add_mode(own.name, own.make)
        self._own_screens = found.screens
        more = tuple(action for own in found.screens for action in (own.view, *own.actions))
        self.keys = self._load_keys((*ACTIONS, *more))
        self.set_keymap(self.keys.changed)
        for own in found.screens:
            if key := next(action.key for action in self.keys.actions if action.id == own.view.id):
                self.bind(key, own.view.run, description=own.view.text, show=False)
        for problem in found.problems[:KEYS_TOLD]:
            self.tell(problem, "warning")
        self._tell_keys()
        self.paint()

    def _tell_keys(self) -> None:
        problems = self.keys.problems
        for problem in problems[:KEYS_TOLD]:
            self.tell(f"keys.toml: {problem}", "warning")
        if len(problems) > KEYS_TOLD:
            more = len(problems) - KEYS_TOLD
            self.tell(f"keys.toml: {more} more; {self.keys.shown('view.help')} lists them.", "warning")


def _unchanged(keys: Keymap, came: tuple[Action, ...]) -> Keymap:
    """The keymap that was given, with the actions that came since."""
    more = came[len(keys.actions) :]
    return Keymap((*keys.actions, *more), keys.problems, (*keys.came, *more))
