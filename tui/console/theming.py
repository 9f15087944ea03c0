"""How the console looks: theme, glyphs, rate and title, from the settings or chosen by the operator, and its timer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.app import App
from textual.timer import Timer

from tui.console.appearance import Appearance
from tui.console.theme_library import ThemeLibrary
from tui.render.glyphs import ASCII_TABLE, PLAIN_TABLE, GlyphSetting
from tui.render.spans import Line
from tui.render.themes import AUTO, FALLBACK, SIXTEEN, ConsoleTheme, css_variables
from tui.screens.dialogs import Chooser
from tui.screens.theme_sample import sample


class Theming(App[None]):
    """An app that has a theme and paints by one timer."""

    def __init__(self, theme: str, refresh_hz: float, glyphs: GlyphSetting, title: str) -> None:
        self._theme_library = ThemeLibrary()
        self._first_look = self._theme_library.look()
        super().__init__()
        self._look = Appearance(theme, refresh_hz, glyphs, title)
        self._timer: Timer | None = None
        self._take_up(self._first_look.changed)
        self._apply_theme()

    def tick(self) -> None:
        """Called by the timer: take facts in and paint."""

    def paint(self) -> None:
        """Paint the screen that is in sight."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our tokens for the stock themes, which have none."""
        return css_variables(self._theme_library.themes[FALLBACK].colours)

    @property
    def console_themes(self) -> dict[str, ConsoleTheme]:
        """The themes at hand, by name."""
        return self._theme_library.themes

    @property
    def glyph_table(self) -> Mapping[int, str] | None:
        """The translation into the glyph set in use; None for the full set."""
        return self._look.glyphs

    @property
    def pool_name(self) -> str:
        """The pool's title, for line 1."""
        return self._look.title

    def on_mount(self) -> None:
        """Start to paint, and say what is wrong with the themes."""
        self._start_timer()
        for problem in self._first_look.problems:
            self.tell(f"ConsoleTheme skipped: {problem}", "warning")
        self._tell_unknown_theme()

    def dress(
        self,
        *,
        theme: str | None = None,
        refresh_hz: float | None = None,
        glyphs: GlyphSetting | None = None,
        title: str | None = None,
        animation: bool | None = None,
    ) -> None:
        """Look as the settings say, once they are known; what the operator chose in this run stays."""
        said = {"theme": theme, "refresh_hz": refresh_hz, "glyphs": glyphs, "title": title, "animation": animation}
        left = not self.screen_stack  # the console ends while it still connects
        if left or not self._look.dress(said):
            return
        self._apply_theme()
        self._tell_unknown_theme()
        self._start_timer()
        self.action_repaint()

    def set_theme(self, name: str) -> None:
        """Choose a known theme until the console ends."""
        self._look.choose_theme(name)
        self.theme = name

    def on_app_blur(self) -> None:
        """Nobody looks: paint seldom."""
        self._look.focused = False
        self._start_timer()

    def on_app_focus(self) -> None:
        """Somebody looks again."""
        self._look.focused = True
        self._start_timer()

    def tell(self, text: str, severity: str = "information") -> None:
        """Say something in the corner; the text is never markup."""
        text = text.translate(self.glyph_table) if self.glyph_table is not None else text
        match severity:
            case "error":
                self.notify(text, severity="error", markup=False, timeout=8)
            case "warning":
                self.notify(text, severity="warning", markup=False, timeout=8)
            case _:
                self.notify(text, markup=False, timeout=3)

    def action_rate(self, step: int) -> None:
        """Paint more often, or less."""
        self._look.step_rate(step)
        self._start_timer()
        self.paint()

    def action_repaint(self) -> None:
        """Draw every cell again."""
        self.refresh_css(animate=False)
        self.screen.refresh(repaint=True, layout=True)
        self.paint()

    def action_choose_theme(self) -> None:
        """Choose a theme; each is tried on while the cursor is on it."""
        before = self.theme

        def taken(name: str | None) -> None:
            if name:
                self._look.choose_theme(name)
            self.theme = name or before

        known = self.console_themes.values()
        options = [(theme.name, f"{theme.title}{'  (yours)' if theme.own else ''}") for theme in known]
        self.push_screen(Chooser("THEME", options, before, self._try_on, self._sample), taken)

    def follow_themes(self) -> None:
        """Take on theme files that were changed on disk; one with a mistake is named and what it was stays."""
        news = self._theme_library.look()
        for problem in news.problems:
            self.tell(f"ConsoleTheme not taken: {problem}", "warning")
        if not news.changed:
            return
        self._take_up(news.changed)
        if self.theme in news.changed:
            self.refresh_css(animate=False)
        elif self._wanted in news.changed and self.theme == FALLBACK:
            self._apply_theme()

    @property
    def _wanted(self) -> str:
        if self._look.theme != AUTO:
            return self._look.theme
        return SIXTEEN if self.console.color_system == "standard" else FALLBACK

    def _take_up(self, names: Iterable[str]) -> None:
        for name in names:
            self.register_theme(self.console_themes[name].theme())

    def _sample(self, name: str) -> list[Line]:
        return sample(self.console_themes[name]) if name in self.console_themes else []

    def _apply_theme(self) -> None:
        self.theme = self._wanted if self._wanted in self.console_themes else FALLBACK
        self.set_class(self._look.glyphs is PLAIN_TABLE, "-plain")
        self.set_class(self._look.glyphs is ASCII_TABLE, "-ascii")
        self.animation_level = "basic" if self._look.animation else "none"

    def _tell_unknown_theme(self) -> None:
        if self._wanted not in self.console_themes:
            known = ", ".join(self.console_themes)
            self.tell(f"There is no theme {self._wanted!r}; using {self.theme}. There is {known}.", "warning")

    def _try_on(self, name: str) -> None:
        self.theme = name

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_interval(1 / self._look.paint_hz, self.tick)
