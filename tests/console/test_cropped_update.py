"""What a refresh writes: the cells that changed and no others, and the terminal shows what the console drew."""

from __future__ import annotations

import pyte
from rich.console import Console as RichConsole
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.strip import Strip

from tui.terminal.cropped_update import CroppedUpdate

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
