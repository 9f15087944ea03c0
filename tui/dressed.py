"""What the console wears: skin, glyphs, rate and title, from the settings or chosen by the operator, and its timer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.app import App
from textual.timer import Timer

from tui.glyphs import ASCII_TABLE, PLAIN_TABLE, GlyphSetting
from tui.look import Look
from tui.screens.dialogs import Chooser
from tui.screens.skin_sample import sample
from tui.shelf import Shelf
from tui.skins import AUTO, FALLBACK, SIXTEEN, Skin, css_variables
from tui.spans import Line


class Dressed(App[None]):
    """An app that wears a skin and paints by one timer."""

    def __init__(self, skin: str, refresh_hz: float, glyphs: GlyphSetting, title: str) -> None:
        self._shelf = Shelf()
        self._first_look = self._shelf.look()
        super().__init__()
        self._look = Look(skin, refresh_hz, glyphs, title)
        self._timer: Timer | None = None
        self._take_up(self._first_look.changed)
        self._wear()

    def tick(self) -> None:
        """Called by the timer: take facts in and paint."""

    def paint(self) -> None:
        """Paint the screen that is in sight."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our tokens for the stock themes, which have none."""
        return css_variables(self._shelf.skins[FALLBACK].colours)

    @property
    def skins(self) -> dict[str, Skin]:
        """The skins at hand, by name."""
        return self._shelf.skins

    @property
    def glyph_table(self) -> Mapping[int, str] | None:
        """The translation into the glyph set in use; None for the full set."""
        return self._look.glyphs

    @property
    def pool_name(self) -> str:
        """The pool's title, for line 1."""
        return self._look.title

    def on_mount(self) -> None:
        """Start to paint, and say what is wrong with the skins."""
        self._start_timer()
        for problem in self._first_look.problems:
            self.tell(f"Skin skipped: {problem}", "warning")
        self._tell_unknown_skin()

    def dress(
        self,
        *,
        skin: str | None = None,
        refresh_hz: float | None = None,
        glyphs: GlyphSetting | None = None,
        title: str | None = None,
        animation: bool | None = None,
    ) -> None:
        """Look as the settings say, once they are known; what the operator chose in this run stays."""
        said = {"skin": skin, "refresh_hz": refresh_hz, "glyphs": glyphs, "title": title, "animation": animation}
        left = not self.screen_stack  # the console ends while it still connects
        if left or not self._look.dress(said):
            return
        self._wear()
        self._tell_unknown_skin()
        self._start_timer()
        self.action_repaint()

    def wear(self, name: str) -> None:
        """Wear a skin that is at hand until the console ends."""
        self._look.choose_skin(name)
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

    def action_choose_skin(self) -> None:
        """Choose a skin; each is tried on while the cursor is on it."""
        before = self.theme

        def taken(name: str | None) -> None:
            if name:
                self._look.choose_skin(name)
            self.theme = name or before

        options = [(skin.name, f"{skin.title}{'  (yours)' if skin.own else ''}") for skin in self.skins.values()]
        self.push_screen(Chooser("SKIN", options, before, self._try_on, self._sample), taken)

    def follow_skins(self) -> None:
        """Take on skin files that were changed on disk; one with a mistake is named and what it was stays."""
        news = self._shelf.look()
        for problem in news.problems:
            self.tell(f"Skin not taken: {problem}", "warning")
        if not news.changed:
            return
        self._take_up(news.changed)
        if self.theme in news.changed:
            self.refresh_css(animate=False)
        elif self._wanted in news.changed and self.theme == FALLBACK:
            self._wear()

    @property
    def _wanted(self) -> str:
        if self._look.skin != AUTO:
            return self._look.skin
        return SIXTEEN if self.console.color_system == "standard" else FALLBACK

    def _take_up(self, names: Iterable[str]) -> None:
        for name in names:
            self.register_theme(self.skins[name].theme())

    def _sample(self, name: str) -> list[Line]:
        return sample(self.skins[name]) if name in self.skins else []

    def _wear(self) -> None:
        self.theme = self._wanted if self._wanted in self.skins else FALLBACK
        self.set_class(self._look.glyphs is PLAIN_TABLE, "-plain")
        self.set_class(self._look.glyphs is ASCII_TABLE, "-ascii")
        self.animation_level = "basic" if self._look.animation else "none"

    def _tell_unknown_skin(self) -> None:
        if self._wanted not in self.skins:
            known = ", ".join(self.skins)
            self.tell(f"There is no skin {self._wanted!r}; using {self.theme}. There is {known}.", "warning")

    def _try_on(self, name: str) -> None:
        self.theme = name

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_interval(1 / self._look.paint_hz, self.tick)
