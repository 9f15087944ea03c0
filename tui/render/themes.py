"""Themes: TOML files with eight tokens and three surfaces, and what makes such a file a good one."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.theme import Theme

from engine.settings.paths import config_directory

TOKENS = ("fg", "muted", "rule", "state-run", "state-wait", "state-ask", "state-retry", "state-fail")
"""What text may be coloured with."""
SURFACES = ("background", "cursor", "cursor-fg")
"""What lies behind it, and the text on the cursor row."""
FALLBACK = "default"
SIXTEEN = "ansi"
"""The theme of a terminal that has 16 colours and no more."""
AUTO = "auto"
"""Not a theme: FALLBACK, or SIXTEEN where the terminal has no more colours."""
READABLE = 4.5
"""Least contrast of a token on its background, and of the text on the cursor row."""
NAMES = tuple(f"{bright}{name}" for bright in ("", "bright-") for name in (
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"))  # fmt: skip
"""The terminal's own 16 colours, as a theme with `ansi = true` names them."""
MAX_FILE = 64 * 1024
"""Bytes of a theme file; a larger one is no theme."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class ThemeError(ValueError):
    """A file is no theme; the message states what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ConsoleTheme:
    """One theme: `title` for people, colours by token and surface: #rrggbb, or with `ansi` one of Textual's `ansi_…`.

    `own` states that it lies in the user's folder.
    """

    name: str
    title: str
    dark: bool
    colours: Mapping[str, str]
    ansi: bool = False
    own: bool = False

    def theme(self) -> Theme:
        """The theme as Textual's theme; our tokens become CSS variables."""
        of = self.colours
        return Theme(
            name=self.name,
            primary=of["state-run"],
            secondary=of["muted"],
            warning=of["state-retry"],
            error=of["state-fail"],
            success=of["state-run"],
            accent=of["state-ask"],
            foreground=of["fg"],
            background=of["background"],
            surface=of["background"],
            panel=of["background"],
            dark=self.dark,
            ansi=self.ansi,
            variables=css_variables(of),
        )

    @property
    def least_contrast(self) -> tuple[float, str]:
        """The contrast that is hardest to read and whose it is; infinite where the terminal alone knows."""
        if self.ansi:
            return math.inf, ""
        of = self.colours
        ratios = [(contrast(of[token], of["background"]), token) for token in TOKENS]
        return min([*ratios, (contrast(of["cursor-fg"], of["cursor"]), "cursor-fg")])


def css_variables(colours: Mapping[str, str]) -> dict[str, str]:
    """Our tokens, and Textual's own variables that would otherwise bring colours of their own."""
    own = {name: colours[name] for name in (*TOKENS, *SURFACES) if name != "background"}
    return {
        **own,
        "block-cursor-background": colours["cursor"],
        "block-cursor-foreground": colours["cursor-fg"],
        "block-cursor-text-style": "none",
        "input-cursor-background": colours["fg"],
        "input-cursor-foreground": colours["background"],
        "input-selection-background": colours["cursor"],
        "ansi-background": colours["background"],
        "ansi-foreground": colours["fg"],
        "scrollbar": colours["rule"],
        "scrollbar-background": colours["background"],
    }


def package_folder() -> Path:
    """Where the themes that come with Quarterdeck are."""
    import themes

    return Path(themes.__path__[0])


def user_folder(environ: Mapping[str, str]) -> Path:
    """Where the user's own themes are."""
    return config_directory(environ) / "themes"


def old_user_folder(environ: Mapping[str, str]) -> Path:
    """Where earlier versions kept them, which is still read."""
    return config_directory(environ) / "skins"


def read_theme(path: Path) -> ConsoleTheme:
    """Read one file; its name without `.toml` is the theme's. Raises ThemeError that states what is wrong with it."""
    if not _NAME.fullmatch(path.stem):
        raise ThemeError("a theme's file name has lower-case letters, digits and dashes only")
    if path.stat().st_size > MAX_FILE:
        raise ThemeError(f"larger than {MAX_FILE} bytes")
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    if unknown := sorted(data.keys() - {"title", "dark", "ansi", "tokens", "surfaces"}):
        raise ThemeError(f"unknown key {unknown[0]!r}; a theme has title, dark, ansi, [tokens] and [surfaces]")
    title, dark, ansi = data.get("title", path.stem), data.get("dark", True), data.get("ansi", False)
    if not isinstance(title, str) or not isinstance(dark, bool) or not isinstance(ansi, bool):
        raise ThemeError("title is a text, dark and ansi are true or false")
    colours = _colours(data, "tokens", TOKENS, ansi=ansi) | _colours(data, "surfaces", SURFACES, ansi=ansi)
    return ConsoleTheme(path.stem, title, dark, colours, ansi)


def _colours(data: Mapping[str, object], table: str, names: tuple[str, ...], *, ansi: bool) -> dict[str, str]:
    given = data.get(table)
    if not isinstance(given, dict):
        raise ThemeError(f"the table [{table}] is missing")
    if missing := [name for name in names if name not in given]:
        raise ThemeError(f"[{table}] lacks {', '.join(missing)}")
    if unknown := sorted(given.keys() - set(names)):
        raise ThemeError(f"[{table}] knows no {unknown[0]!r}; it has {', '.join(names)}")
    for name, value in given.items():
        if not isinstance(value, str) or not (value in NAMES if ansi else _HEX.fullmatch(value)):
            wanted = f"of the 16: {', '.join(NAMES)}" if ansi else "such as #1a2b3c"
            raise ThemeError(f"[{table}] {name} = {value!r} is no colour {wanted}")
    return {name: f"ansi_{given[name].replace('-', '_')}" if ansi else given[name].lower() for name in names}


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours after WCAG 2: 1 for equal ones, 21 for black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2, 0 for black to 1 for white."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
