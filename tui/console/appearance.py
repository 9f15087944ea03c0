"""How the console looks: what the settings state, and what the operator chose for this run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui.render.glyphs import GlyphSetting, glyph_table

RATES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Paints a second that `-` and `+` step through."""
BLURRED_HZ = 0.5
"""Paints a second while the terminal is not looked at."""
NAMELESS = "quarterdeck"
"""Title of a pool that has none."""
SETTINGS = ("theme", "refresh_hz", "glyphs", "title", "animation")
"""Settings of the group `console` that `apply_settings` takes."""


class Appearance:
    """Owner of theme, rate, glyphs and title. What was chosen in this run outlives what the settings state later."""

    def __init__(self, theme: str, refresh_hz: float, glyphs: GlyphSetting, title: str) -> None:
        self.theme = theme
        self.refresh_hz = refresh_hz
        self.title = title or NAMELESS
        self.glyphs = glyph_table(glyphs)
        self.animation = False
        self.focused = True
        self._chosen: set[str] = set()

    @property
    def paint_hz(self) -> float:
        """Paints a second now."""
        return self.refresh_hz if self.focused else min(self.refresh_hz, BLURRED_HZ)

    def apply_settings(self, settings: Mapping[str, Any]) -> bool:
        """Take settings by name, where None leaves a value as it is; True when that made a difference."""
        before = self._in_use()
        wanted = {name: value for name, value in settings.items() if value is not None and name not in self._chosen}
        self.theme = wanted.get("theme", self.theme)
        self.refresh_hz = wanted.get("refresh_hz", self.refresh_hz)
        self.animation = wanted.get("animation", self.animation)
        if "title" in wanted:
            self.title = wanted["title"] or NAMELESS
        if "glyphs" in wanted:
            self.glyphs = glyph_table(wanted["glyphs"])
        return self._in_use() != before

    def choose_theme(self, name: str) -> None:
        """The operator wants this theme until the console ends."""
        self.theme = name
        self._chosen.add("theme")

    def step_rate(self, step: int) -> None:
        """The operator wants to see more or fewer paints a second until the console ends."""
        nearest = min(range(len(RATES)), key=lambda i: abs(RATES[i] - self.refresh_hz))
        self.refresh_hz = RATES[max(0, min(len(RATES) - 1, nearest + step))]
        self._chosen.add("refresh_hz")

    def _in_use(self) -> tuple[object, ...]:
        return self.theme, self.refresh_hz, self.title, self.glyphs, self.animation
