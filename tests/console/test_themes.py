"""Themes: complete, readable on their own ground, and a bad file never stops the console."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from tests.support.console import NORMAL, SMALL, FakeFeed, console_fixture, plain
from tui.console.theme_library import MAX_THEMES, ThemeLibrary
from tui.render.themes import (
    FALLBACK,
    NAMES,
    READABLE,
    SIXTEEN,
    SURFACES,
    TOKENS,
    ConsoleTheme,
    contrast,
    luminance,
    package_folder,
    read_theme,
)
from tui.screens.theme_sample import sample

SHIPPED = sorted(path.stem for path in package_folder().glob("*.toml"))
EXAMPLE = Path(__file__).parents[2] / "examples/themes/lantern.toml"
FILES = [*sorted(package_folder().glob("*.toml")), EXAMPLE]
VGA = """000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa
         555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff"""
XTERM = """000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5
           7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff"""
PALETTES = {
    name: dict(zip(NAMES, (f"#{colour}" for colour in text.split()), strict=True))
    for name, text in {"vga": VGA, "xterm": XTERM}.items()
}
"""The 16 colours of the Linux console and of xterm, against which the ANSI theme is held."""
GOOD = (package_folder() / "default.toml").read_text(encoding="utf-8")


def on_real_screens(theme: ConsoleTheme) -> list[dict[str, str]]:
    """The theme's colours as #rrggbb, on each palette that they are left to."""
    if not theme.ansi:
        return [dict(theme.colours)]
    named = {token: name.removeprefix("ansi_").replace("_", "-") for token, name in theme.colours.items()}
    return [{token: palette[name] for token, name in named.items()} for palette in PALETTES.values()]


def test_seven_themes_come_along_two_dark_two_light_and_three_for_eyes_and_terminals_that_need_them() -> None:
    found = ThemeLibrary({"HOME": "/nowhere"})
    assert found.look().problems == ()
    assert sorted(found.themes) == SHIPPED
    assert set(SHIPPED) == {"default", "ember", "paper", "harbour", "contrast", "okabe-ito", "ansi"}
    assert {name for name, theme in found.themes.items() if not theme.dark} == {"paper", "harbour"}
    assert [name for name, theme in found.themes.items() if theme.ansi] == [SIXTEEN]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_theme_has_every_token_and_all_of_it_can_be_read_on_its_ground(path: Path) -> None:
    theme = read_theme(path)
    assert set(theme.colours) == {*TOKENS, *SURFACES}
    for colours in on_real_screens(theme):
        for token in TOKENS:
            assert contrast(colours[token], colours["background"]) >= READABLE, token
        assert contrast(colours["cursor-fg"], colours["cursor"]) >= READABLE
        assert contrast(colours["cursor"], colours["background"]) >= 1.2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_three_problems_differ_in_lightness_too(path: Path) -> None:
    for colours in on_real_screens(read_theme(path)):
        shades = [luminance(colours[token]) for token in ("state-ask", "state-retry", "state-fail")]
        for one, other in combinations(shades, 2):
            dark, light = sorted((one, other))
            assert (light + 0.05) / (dark + 0.05) >= 1.15


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1.0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("Bad.toml", GOOD, "file name"),
        ("bad.toml", "title = ", "Invalid"),
        ("bad.toml", GOOD + "\n[css]\nscreen = 'red'", "unknown key 'css'"),
        ("bad.toml", GOOD.replace('fg = "#d3dae3"', "", 1), r"\[tokens\] lacks fg"),
        ("bad.toml", GOOD.replace("#d3dae3", "red", 1), "'red' is no colour"),
        ("bad.toml", GOOD.replace("dark = true", "dark = 1", 1), "dark and ansi are true or false"),
        ("bad.toml", GOOD.replace("dark = true", "dark = true\nansi = true", 1), "of the 16: black, red"),
        ("bad.toml", GOOD.replace('"#d3dae3"', '"bright-red"', 1), "no colour such as #1a2b3c"),
        ("bad.toml", GOOD.replace("[surfaces]", "[surface]", 1), "unknown key 'surface'"),
        ("bad.toml", GOOD + 'glow = "#ffffff"', r"\[surfaces\] knows no 'glow'"),
        ("bad.toml", "# " + "x" * 70_000, "larger than"),
    ],
)
def test_a_bad_file_is_named_with_the_reason_and_skipped(home: Path, name: str, text: str, said: str) -> None:
    folder = home / "config" / "quarterdeck" / "themes"
    folder.mkdir(parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_theme(folder / name)
    found = ThemeLibrary({"XDG_CONFIG_HOME": str(home / "config")})
    assert [problem for problem in found.look().problems if str(folder / name) in problem]
    assert FALLBACK in found.themes


def test_a_users_own_theme_is_found_and_wins_by_name(home: Path) -> None:
    folder = home / "config" / "quarterdeck" / "themes"
    folder.mkdir(parents=True)
    (folder / "default.toml").write_text(GOOD.replace("Quarterdeck at night", "Mine"), encoding="utf-8")
    found = ThemeLibrary({"XDG_CONFIG_HOME": str(home / "config")})
    found.look()
    assert found.themes["default"].title == "Mine"


def save(path: Path, text: str) -> None:
    """Write a file that a look at the folder must find changed."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.fixture
def own(home: Path) -> Path:
    """The folder of the operator's own themes."""
    return home / "config" / "quarterdeck" / "themes"


def test_a_look_at_the_folders_brings_what_is_new_and_keeps_what_a_bad_file_was(own: Path) -> None:
    shelf = ThemeLibrary()
    assert shelf.look().changed == set(SHIPPED)
    assert shelf.look().changed == frozenset()
    save(own / "mine.toml", GOOD)
    assert shelf.look().changed == {"mine"}
    assert shelf.themes["mine"].own
    save(own / "mine.toml", GOOD.replace("#d3dae3", "#ffffff"))
    assert shelf.look().changed == {"mine"}
    save(own / "mine.toml", "title = ")
    news = shelf.look()
    assert (news.changed, len(news.problems)) == (frozenset(), 1)
    assert shelf.themes["mine"].colours["fg"] == "#ffffff"
    assert shelf.look().problems == ()
    save(own / "default.toml", GOOD.replace("at night", "of mine"))
    assert shelf.look().changed == {"default"}
    (own / "default.toml").unlink()
    assert shelf.look().changed == {"default"}
    assert shelf.themes["default"].title == "Quarterdeck at night"


def test_of_too_many_themes_the_last_are_not_read_and_that_is_told_once(own: Path) -> None:
    for number in range(MAX_THEMES + 1):
        save(own / f"s{number:03d}.toml", GOOD)
    shelf = ThemeLibrary()
    assert any("the last are not read" in problem for problem in shelf.look().problems)
    assert len(shelf.themes) == MAX_THEMES + len(SHIPPED)
    assert shelf.look().problems == ()


def test_the_sample_says_how_well_a_theme_reads(own: Path) -> None:
    assert "hardest to read: rule, 4.9 to 1" in plain(sample(read_theme(package_folder() / "default.toml"))[-1])
    save(own / "dim.toml", GOOD.replace("#8592a3", "#303030"))
    assert sample(read_theme(own / "dim.toml"))[-1] == [(" hardest to read: muted, 1.4 to 1 (should be 4.5)", "retry")]
    assert "the terminal's own" in plain(sample(read_theme(package_folder() / "ansi.toml"))[-1])


@pytest.mark.parametrize("size", [NORMAL, SMALL])
async def test_a_theme_is_tried_on_under_the_cursor_and_esc_puts_the_old_one_back(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press("T", "j")
        tried = console.app.theme
        assert tried != "default"
        assert "SAMPLE ─" in console.text
        assert tried in console.text
        assert console.app.screen.background_colors[1].hex.lower() != "#10151c"
        await console.press("escape")
        assert console.app.theme == "default"
        await console.press("T", "j", "enter")
        assert console.app.theme == tried
        console.app.theming.apply_settings({"theme": "paper"})
        assert console.app.theme == tried


async def test_the_console_follows_a_theme_file_as_it_is_saved(feed: FakeFeed, clock: ManualClock, own: Path) -> None:
    save(own / "mine.toml", GOOD)
    async with console_fixture(feed, clock, theme="mine") as console:
        station = console.app.screen
        assert station.styles.background.hex.lower() == "#10151c"
        drawn = station.query_one("#keys")
        save(own / "mine.toml", GOOD.replace("#10151c", "#000044").replace("#d3dae3", "#eeeeff"))
        await console.settle()
        assert station.styles.background.hex.lower() == "#000044"
        assert drawn.rich_style.color is not None
        assert drawn.rich_style.color.get_truecolor().hex == "#eeeeff"
        save(own / "mine.toml", GOOD.replace("fg =", "ink =", 1))
        await console.settle()
        assert station.styles.background.hex.lower() == "#000044"
        assert f"Theme not taken: {own / 'mine.toml'}: [tokens] lacks fg" in console.told


async def test_what_is_painted_already_takes_on_the_colour_of_a_changed_token(
    feed: FakeFeed, clock: ManualClock, own: Path
) -> None:
    colour = read_theme(package_folder() / "default.toml").colours["state-run"]
    save(own / "mine.toml", GOOD)
    async with console_fixture(feed, clock, theme="mine") as console:
        assert colour in console.app.export_screenshot()
        save(own / "mine.toml", GOOD.replace(colour, "#12fe34"))
        await console.settle()
        picture = console.app.export_screenshot()
        assert "#12fe34" in picture
        assert colour not in picture


async def test_a_theme_that_is_written_while_the_console_runs_is_worn_when_it_was_asked_for(
    feed: FakeFeed, clock: ManualClock, own: Path
) -> None:
    async with console_fixture(feed, clock, theme="mine") as console:
        assert console.app.theme == FALLBACK
        save(own / "mine.toml", GOOD)
        await console.settle()
        assert console.app.theme == "mine"


@pytest.mark.parametrize(
    ("term", "worn"), [("xterm-16color", "ansi"), ("linux", "ansi"), ("xterm-256color", "default")]
)
async def test_a_terminal_with_sixteen_colours_gets_the_theme_that_is_made_of_them(
    term: str, worn: str, feed: FakeFeed, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM", raising=False)
    async with console_fixture(feed, clock, theme="auto") as console:
        assert console.app.theme == worn
        assert console.app.native_ansi_color == (worn == "ansi")


@pytest.mark.parametrize("glyphs", ["plain", "ascii"])
async def test_no_screen_leaves_the_glyph_set_in_use(glyphs: str, feed: FakeFeed, clock: ManualClock) -> None:
    allowed = set("■▒□▲√○►▼▌♦▪█░─│┌┐└┘║◄~…·–→×≥▄" if glyphs == "plain" else "")
    ways = (("2",), ("2", "d"), ("2", "K"), ("exclamation_mark",), ("T",), ("question_mark",), ("ctrl+p",), ("2", "s"))
    for keys in ways:
        async with console_fixture(FakeFeed(list(feed._waiting), feed.said), clock, SMALL, glyphs=glyphs) as console:
            console.app.notify("a – b … c ▲")
            await console.press(*keys)
            strange = {char for char in console.text if not char.isascii()}
            assert strange <= allowed, keys
