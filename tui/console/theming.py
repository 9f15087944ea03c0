"""The console's theme, glyphs and refresh rate, from the settings or chosen by the operator, applied to the app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textual.app import App
from textual.timer import Timer

from tui.console.appearance import Appearance
from tui.console.theme_library import ThemeLibrary
from tui.render.glyphs import ASCII_TABLE, PLAIN_TABLE
from tui.render.spans import Line
from tui.render.themes import AUTO, FALLBACK, SIXTEEN, ConsoleTheme, css_variables
from tui.screens.dialogs import Chooser
from tui.screens.theme_sample import sample


class Theming:
    """Owner of the app's theme and of the one timer that calls `tick`; `paint` paints at once.

    It may be made before the app is; `start` needs the app.
    """

    def __init__(
        self, app: App[None], appearance: Appearance, tick: Callable[[], None], paint: Callable[[], None]
    ) -> None:
        self._app = app
        self._appearance = appearance
        self._tick = tick
        self._paint = paint
        self._library = ThemeLibrary()
        self._found = self._library.look()
        self._timer: Timer | None = None

    @property
    def themes(self) -> Mapping[str, ConsoleTheme]:
        """The themes at hand, by name."""
        return self._library.themes

    @property
    def glyph_table(self) -> Mapping[int, str] | None:
        """The translation into the glyph set in use; None for the full set."""
        return self._appearance.glyphs

    @property
    def pool_name(self) -> str:
        """The pool's title, for line 1."""
        return self._appearance.title

    @property
    def refresh_hz(self) -> float:
        """Paints a second while somebody looks."""
        return self._appearance.refresh_hz

    def css_variables(self) -> dict[str, str]:
        """Our tokens for the stock themes, which have none."""
        return css_variables(self.themes[FALLBACK].colours)

    def start(self) -> None:
        """Register the themes and apply the one that is wanted; the app is there, its first screen need not be."""
        self._register(self._found.changed)
        self._apply()

    def on_mount(self) -> None:
        """Start to paint, and report what is wrong with the themes."""
        self._restart_timer()
        for problem in self._found.problems:
            self._app.notify(f"Theme skipped: {problem}", severity="warning")
        self._report_unknown_theme()

    def apply_settings(self, settings: Mapping[str, Any]) -> None:
        """Look as the settings state, by name; None leaves a value as it is, and so does what the operator chose."""
        ended = not self._app.screen_stack  # the console was left while it still connected
        if ended or not self._appearance.apply_settings(settings):
            return
        self._apply()
        self._report_unknown_theme()
        self._restart_timer()
        self.repaint()

    def set_theme(self, name: str) -> None:
        """Use a known theme until the console ends."""
        self._appearance.choose_theme(name)
        self._app.theme = name

    @property
    def focused(self) -> bool:
        """Whether the terminal has the focus, as far as it reports that."""
        return self._appearance.focused

    def focus(self, focused: bool) -> None:
        """The terminal has the focus, or nobody looks and it is painted seldom."""
        self._appearance.focused = focused
        self._restart_timer()

    def step_rate(self, step: int) -> None:
        """Paint more often, or less."""
        self._appearance.step_rate(step)
        self._restart_timer()
        self._paint()

    def repaint(self) -> None:
        """Draw every cell again."""
        self._app.refresh_css(animate=False)
        self._app.screen.refresh(repaint=True, layout=True)
        self._paint()

    def choose_theme(self) -> None:
        """Choose a theme; each is previewed while the cursor is on it."""
        before = self._app.theme

        def taken(name: str | None) -> None:
            if name:
                self._appearance.choose_theme(name)
            self._app.theme = name or before

        options = [(each.name, f"{each.title}{'  (yours)' if each.own else ''}") for each in self.themes.values()]
        self._app.push_screen(Chooser("THEME", options, before, self._preview, self._sample), taken)

    def follow_files(self) -> None:
        """Use theme files that changed on disk; one with a mistake is named, and its last content stays in use."""
        found = self._library.look()
        for problem in found.problems:
            self._app.notify(f"Theme not taken: {problem}", severity="warning")
        if not found.changed:
            return
        self._register(found.changed)
        if self._app.theme in found.changed:
            self._app.refresh_css(animate=False)
        elif self._wanted in found.changed and self._app.theme == FALLBACK:
            self._apply()

    @property
    def _wanted(self) -> str:
        if self._appearance.theme != AUTO:
            return self._appearance.theme
        return SIXTEEN if self._app.console.color_system == "standard" else FALLBACK

    def _register(self, names: Iterable[str]) -> None:
        for name in names:
            self._app.register_theme(self.themes[name].theme())

    def _sample(self, name: str) -> list[Line]:
        return sample(self.themes[name]) if name in self.themes else []

    def _preview(self, name: str) -> None:
        self._app.theme = name

    def _apply(self) -> None:
        app, appearance = self._app, self._appearance
        app.theme = self._wanted if self._wanted in self.themes else FALLBACK
        app.set_class(appearance.glyphs is PLAIN_TABLE, "-plain")
        app.set_class(appearance.glyphs is ASCII_TABLE, "-ascii")
        app.animation_level = "basic" if appearance.animation else "none"

    def _report_unknown_theme(self) -> None:
        if self._wanted not in self.themes:
            text = f"There is no theme {self._wanted!r}; using {self._app.theme}. There is {', '.join(self.themes)}."
            self._app.notify(text, severity="warning")

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._app.set_interval(1 / self._appearance.paint_hz, self._tick)
