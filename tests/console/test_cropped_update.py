"""What a refresh writes: the cells that changed and no others, and the terminal shows what the console drew."""

from __future__ import annotations

from typing import Any

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console as RichConsole
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.strip import Strip

from tui.terminal.cropped_update import CroppedUpdate
from tui.widgets.styled import changed_part

WIDTH = 30


def strip(text: str) -> Strip:
    half = len(text) // 2
    return Strip([Segment(text[:half], Style(bold=True)), Segment(text[half:])])


def update(text: str, *spans: tuple[int, int]) -> ChopsUpdate:
    chops: list[dict[int, Strip | None]] = [{0: strip(text[:20]), 20: strip(text[20:])}]
    return ChopsUpdate(chops, [(0, start, end) for start, end in spans], [[20, WIDTH]])


def written(made: ChopsUpdate) -> str:
    console = RichConsole(width=WIDTH, force_terminal=True, color_system="truecolor", legacy_windows=False)
    return CroppedUpdate.of(made).render_segments(console)


def test_the_private_names_are_still_there() -> None:
    assert callable(App._display)
    assert {"chops", "spans", "chop_ends"} <= set(vars(update("x" * WIDTH, (0, 1))))


def test_only_the_changed_cells_are_written() -> None:
    before, after = "abcdefghijklmnopqrstuvwxyz0123", "abcdefghiJKLmnopqrstuVWxyz012!"
    data = written(update(after, (9, 12), (21, 23), (29, 30)))
    screen = pyte.Screen(WIDTH, 2)
    stream = pyte.Stream(screen)
    stream.feed(before)
    stream.feed(data)
    assert screen.display[0] == after
    assert "abc" not in data
    assert "mno" not in data


def test_a_span_over_two_widgets_is_written_whole() -> None:
    after = "abcdefghijklmnopqrSTUVwxyz0123"
    screen = pyte.Screen(WIDTH, 2)
    stream = pyte.Stream(screen)
    stream.feed("." * WIDTH)
    stream.feed(written(update(after, (18, 22))))
    assert screen.display[0] == "." * 18 + "STUV" + "." * 8


CELLS = st.lists(st.tuples(st.text("ab 漢", max_size=8), st.sampled_from([None, Style(bold=True)])), max_size=6)


@given(CELLS, CELLS)
def test_drawing_the_changed_part_of_a_row_gives_the_new_row(before: list[Any], after: list[Any]) -> None:
    old, new = (
        Strip([Segment(*cell) for cell in cells if cell[0]]).adjust_cell_length(40) for cells in (before, after)
    )
    start, end = changed_part(old, new)
    for kept in ((0, start), (end, 40)):
        assert _drawn(old.crop(*kept)) == _drawn(new.crop(*kept))


def _drawn(strip: Strip) -> list[tuple[str, Any]]:
    return [(character, segment.style) for segment in strip for character in segment.text]
