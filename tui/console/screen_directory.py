"""The screens that can be shown and the keys in force: the console's own, and those of plugins once they are found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.screen import Screen

from tui.actions.keymap import Keymap, load_keymap
from tui.actions.registry import ACTIONS, Action
from tui.screens.header import TABS, Tab

if TYPE_CHECKING:
    from tui.console.plugin_screens import Discovered, PluginScreen

PROBLEMS_SHOWN = 3
"""Problems of keys.toml that are shown at start; the key help lists all."""


def later(module: str, name: str) -> Callable[[], Screen[Any]]:
    """A screen that is imported when it is first shown."""

    def made() -> Screen[Any]:
        found: type[Screen[Any]] = getattr(import_module(f"tui.screens.{module}"), name)
        return found()

    return made


class ScreenDirectory:
    """Owner of the keys in force and of the plugin screens; `keys` are those of keys.toml unless given."""

    def __init__(self, app: App[None], keys: Keymap | None, paint: Callable[[], None]) -> None:
        self._app = app
        self._paint = paint
        self._plugins: tuple[PluginScreen, ...] = ()
        self._named: Sequence[str] | None = None
        self._awaited = False
        self._looked = False
        self._load_keys = partial(load_keymap, None) if keys is None else partial(_unchanged, keys)
        self.keys = self._load_keys(ACTIONS)
        app.set_keymap(self.keys.changed)

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Action, name and mode of each screen, those of plugins last."""
        return (*TABS, *((plugin.view.id, plugin.title, plugin.name) for plugin in self._plugins))

    def expect(self, named: Sequence[str] | None = None) -> None:
        """Plugin screens are looked for: at start those installed and `named`; None waits for a call of `look`."""
        self._named, self._awaited = named, named is None

    def on_mount(self) -> None:
        """Report what keys.toml got wrong, at once or when the plugin screens that it may name are known."""
        if self._named is not None:
            self._app.run_worker(self.look(self._named), group="screens")
        elif not self._awaited:
            self._report_keys()

    async def look(self, named: Sequence[str]) -> None:
        """Find the plugin screens, installed or `named`, and add them; only the first call does."""
        from tui.console.plugin_screens import find_screens

        if self._looked:
            return
        self._looked = True
        self.add(await asyncio.to_thread(find_screens, named))

    def add(self, found: Discovered) -> None:
        """These screens can be shown from now on; what was rejected is reported."""
        for plugin in found.screens:
            self._app.add_mode(plugin.name, plugin.make)
        self._plugins = found.screens
        more = tuple(action for plugin in found.screens for action in (plugin.view, *plugin.actions))
        self.keys = self._load_keys((*ACTIONS, *more))
        self._app.set_keymap(self.keys.changed)
        for plugin in found.screens:
            if key := next(action.key for action in self.keys.actions if action.id == plugin.view.id):
                self._app.bind(key, plugin.view.run, description=plugin.view.text, show=False)
        for problem in found.problems[:PROBLEMS_SHOWN]:
            self._app.notify(problem, severity="warning")
        self._report_keys()
        self._paint()

    def _report_keys(self) -> None:
        problems = self.keys.problems
        for problem in problems[:PROBLEMS_SHOWN]:
            self._app.notify(f"keys.toml: {problem}", severity="warning")
        if len(problems) > PROBLEMS_SHOWN:
            more = len(problems) - PROBLEMS_SHOWN
            help_key = self.keys.shown("view.help")
            self._app.notify(f"keys.toml: {more} more; {help_key} lists them.", severity="warning")


def _unchanged(keys: Keymap, came: tuple[Action, ...]) -> Keymap:
    """The keymap that was given, with the actions that came since."""
    more = came[len(keys.actions) :]
    return Keymap((*keys.actions, *more), keys.problems, (*keys.came, *more))
