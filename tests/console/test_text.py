"""Numbers, times and lines as a person reads them, whatever the value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.console.test_goldens import GOLDENS
from tests.support.console import plain
from tui.model.trends import percentile
from tui.render import formats
from tui.render.glyphs import ASCII_TABLE, PLAIN_TABLE, STATE_GLYPHS, glyph_table
from tui.render.plain_text import clean
from tui.render.plots import area, gauge, parts
from tui.render.spans import ROLES, Line, between, columns, crop, fit, padded, rule, width_of

AMOUNTS = st.floats(0, 1e15, allow_nan=False)
WIDTHS = st.integers(0, 60)
TEXTS = st.text(max_size=40)
LINES = st.lists(st.tuples(TEXTS.map(clean), st.sampled_from(["", *ROLES])), max_size=5)


@pytest.mark.parametrize(
    ("say", "value", "said"),
    [
        (formats.count, 999, "999"),
        (formats.count, 999.7, "1.0k"),
        (formats.count, 1234, "1.2k"),
        (formats.count, 31_449, "31.4k"),
        (formats.count, 999_960, "1.0M"),
        (formats.size, 0, "0B"),
        (formats.size, 11 << 20, "11M"),
        (formats.size, 1.26 * (1 << 30), "1.3G"),
        (formats.money, 0.0, "$0.00"),
        (formats.money, 41.2, "$41.20"),
        (formats.money, 1234, "$1.2k"),
        (formats.span, 48.9, "48s"),
        (formats.span, 130, "2m10s"),
        (formats.span, 14_700, "4h05m"),
        (formats.span, 3 * 86_400 + 4 * 3600, "3d04h"),
        (formats.span, -3, "0s"),
        (formats.coarse, 4, "<5s"),
        (formats.coarse, 59, "55s"),
        (formats.coarse, 200_000, "2d"),
        (formats.seconds, 3.84, "3.8s"),
        (formats.seconds, 130, "2m10s"),
        (formats.took, 3.84, "3.8s"),
        (formats.took, 0.0, "–"),
        (formats.clock, 1795183351.0, "14:02:31"),
        (formats.clock, 0.0, "--:--:--"),
    ],
)
def test_a_value_is_said_shortly(say: object, value: float, said: str) -> None:
    assert callable(say)
    assert say(value) == said


@given(AMOUNTS)
def test_counts_sizes_and_times_keep_to_their_cells(value: float) -> None:
    assert len(formats.count(value)) <= 5
    assert len(formats.size(value)) <= 5
    assert len(formats.coarse(min(value, 9e7))) <= 5
    assert len(formats.span(min(value, 8.6e7))) <= 6
    assert len(formats.money(value)) <= 6


@given(TEXTS, WIDTHS, st.sampled_from(["left", "right"]))
def test_a_fitted_text_covers_exactly_its_cells(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, align)) == width


@given(st.text(max_size=80))
def test_no_control_character_of_a_text_reaches_the_terminal(text: str) -> None:
    assert clean(text).isprintable()


def test_an_escape_sequence_is_made_harmless() -> None:
    assert clean("a\x1b]52;c;eA==\x07b\u202ec\nd") == "a·]52;c;eA==·b·c d"


@given(LINES, LINES, st.integers(1, 60))
def test_lines_are_cut_filled_and_joined_to_the_cell(left: Line, right: Line, width: int) -> None:
    assert width_of(crop(left, width)) <= width
    assert width_of(padded(left, width)) == width
    assert width_of(between(left, right, width)) <= width
    for line in columns([left], [right], width, 2 * width):
        assert width_of(line) <= 2 * width


@given(LINES, st.integers(1, 60))
def test_a_line_that_lost_something_ends_in_an_ellipsis(line: Line, width: int) -> None:
    if width_of(line) > width:
        assert plain(crop(line, width)).rstrip().endswith("…")
    else:
        assert crop(line, width) == line


def test_a_rule_has_its_title_at_the_left_and_its_note_at_the_right() -> None:
    assert plain(rule("QUEUE", 20, "drain 8s")) == "QUEUE ───── drain 8s"


@given(st.lists(st.floats(0, 1e6), max_size=50), st.integers(1, 40), st.integers(1, 8))
def test_a_chart_fills_its_box_and_shows_every_value_that_is_not_nothing(
    values: list[float], width: int, height: int
) -> None:
    rows = area(values, width, height)
    assert [len(row) for row in rows] == [width] * height
    shown = values[-width:]
    foot = rows[-1][width - len(shown) :]
    assert [char != " " for char in foot] == [value > 0 for value in shown]
    if max(shown, default=0) > 0:
        assert "█" in rows[0]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=7), st.integers(7, 120))
def test_a_bar_of_parts_is_as_wide_as_asked_and_hides_no_part(shares: list[int], width: int) -> None:
    line = parts([(float(share), chr(ord("a") + i), "") for i, share in enumerate(shares)], width)
    assert width_of(line) == width
    if any(shares):
        assert {text[0] for text, _role in line} == {chr(ord("a") + i) for i, share in enumerate(shares) if share}


@given(st.floats(-1, 3), WIDTHS)
def test_a_gauge_never_leaves_its_cells(part: float, width: int) -> None:
    assert width_of(gauge(part, width)) == width


def test_nothing_that_ran_has_no_percentile() -> None:
    assert percentile([], 0.95) == 0.0


@given(st.text(max_size=60))
def test_the_other_glyph_sets_cover_as_many_cells_and_ascii_is_ascii(text: str) -> None:
    text = clean(text)
    assert cell_len(text.translate(PLAIN_TABLE)) == cell_len(text)
    plain_ascii = text.translate(ASCII_TABLE)
    assert len(plain_ascii) == cell_len(text)
    assert plain_ascii.isascii()


@pytest.mark.parametrize(
    ("environ", "table"),
    [
        ({"LANG": "C.UTF-8"}, None),
        ({}, None),
        ({"LANG": "C.UTF-8", "TERM": "linux"}, ASCII_TABLE),
        ({"LANG": "de_DE.ISO-8859-1"}, ASCII_TABLE),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, ASCII_TABLE),
    ],
)
def test_the_glyphs_are_those_that_the_terminal_can_show(environ: dict[str, str], table: object) -> None:
    assert glyph_table("auto", environ) is table
    assert glyph_table("ascii", environ) is ASCII_TABLE


def test_no_two_states_look_alike_in_ascii() -> None:
    marks = [*STATE_GLYPHS.values(), "✔", "◆", "▌", "▸"]
    drawn = [mark.translate(ASCII_TABLE) for mark in marks]
    assert len({*drawn}) == len(drawn)


def test_every_sign_that_the_console_draws_has_a_stand_in() -> None:
    drawn = "".join(path.read_text(encoding="utf-8") for path in GOLDENS.glob("*.txt"))
    strange = {char for char in drawn if not char.isascii()}
    # The rounded corners are Textual's; dialogs have a border of their own in ASCII.
    assert {char for char in strange if ord(char) not in ASCII_TABLE} <= set("╭╮╰╯")
    assert strange >= set("●▲✖")
