"""Skins: complete, readable on their own ground, and a bad file never stops the console."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from tui.skins import (
    FALLBACK,
    PROBLEM_TOKENS,
    SURFACES,
    TOKENS,
    contrast,
    load_skins,
    luminance,
    package_folder,
    read_skin,
)

TEXT_CONTRAST, GLYPH_CONTRAST = 4.5, 3.0
SHIPPED = sorted(path.stem for path in package_folder().glob("*.toml"))
GOOD = (package_folder() / "default.toml").read_text(encoding="utf-8")


def test_the_skins_that_come_along_all_load() -> None:
    found = load_skins({"HOME": "/nowhere"})
    assert found.problems == []
    assert sorted(found.skins) == SHIPPED
    assert {"default", "paper", "contrast", "okabe-ito", "ember"} <= set(SHIPPED)
    assert {skin.dark for skin in found.skins.values()} == {True, False}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_skin_has_every_token_and_text_can_be_read_on_its_ground(name: str) -> None:
    colours = read_skin(package_folder() / f"{name}.toml").colours
    assert set(colours) == {*TOKENS, *SURFACES}
    for token in TOKENS:
        least = GLYPH_CONTRAST if token == "rule" else TEXT_CONTRAST
        assert contrast(colours[token], colours["background"]) >= least, token
    assert contrast(colours["cursor-fg"], colours["cursor"]) >= TEXT_CONTRAST


@pytest.mark.parametrize("name", SHIPPED)
def test_the_three_problems_differ_in_lightness_too(name: str) -> None:
    colours = read_skin(package_folder() / f"{name}.toml").colours
    shades = [luminance(colours[token]) for token in PROBLEM_TOKENS]
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
        ("bad.toml", GOOD.replace("dark = true", "dark = 1", 1), "dark is true or false"),
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
        read_skin(folder / name)
    found = load_skins({"XDG_CONFIG_HOME": str(home / "config")})
    assert [problem for problem in found.problems if str(folder / name) in problem]
    assert FALLBACK in found.skins


def test_a_users_own_skin_is_found_and_wins_by_name(home: Path) -> None:
    folder = home / "config" / "quarterdeck" / "themes"
    folder.mkdir(parents=True)
    (folder / "default.toml").write_text(GOOD.replace("Quarterdeck at night", "Mine"), encoding="utf-8")
    assert load_skins({"XDG_CONFIG_HOME": str(home / "config")}).skins["default"].title == "Mine"
