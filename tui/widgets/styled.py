"""What hand-drawn widgets share: roles become styles of the theme, glyphs become the set in use.

Private name of Textual used here: `StylesCache.get_inner_outer`, an `lru_cache` whose keys are the caches of as many as
1,024 widgets with all lines that they drew last, also of closed ones; tests/console/test_closed_screens.py notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._styles_cache import StylesCache
from textual.await_complete import AwaitComplete
from textual.geometry import Region
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from engine.base.clock import Clock, SystemClock
from tui.render.plain_text import clean
from tui.render.spans import ROLES, Line, changed_cells, common_start, key_at, keys_of, padded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Answer = TypeVar("Answer")

REAL = SystemClock()


class StyledScreen(Screen[Answer]):
    """A screen with the colours of what is drawn on it: the component classes `ink--ROLE` of console.tcss.

    They are here and not in each widget, because Textual works every one of them out again wherever it is declared.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"ink--{role}" for role in ROLES}

    def on_unmount(self) -> None:
        """What was drawn of it is not kept."""
        StylesCache.get_inner_outer.cache_clear()

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close it with a result while it is the one on top: a second call would close what lies below it."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


class StyledWidget(Widget):
    """A widget that draws spans, in the inks of its screen on its own ground."""

    _inks: dict[str, Style] | None = None

    def ink(self, role: str) -> Style:
        """The style of a role under the theme in force."""
        if self._inks is None:
            self._inks = {"": self.rich_style}
        if role not in self._inks:
            own = self.screen.get_component_rich_style(f"ink--{role}", partial=True)
            self._inks[role] = self._inks[""] + own
        return self._inks[role]

    def notify_style_update(self) -> None:
        """The theme changed: all is drawn again."""
        self._inks = None
        super().notify_style_update()

    @property
    def glyph_table(self) -> Mapping[int, str] | None:
        """The translation into the glyph set in use; None for the full set."""
        table: Mapping[int, str] | None = getattr(self.app, "glyph_table", None)
        return table

    def strip(self, line: Line, width: int, *, bold: bool = False) -> Strip:
        """Draw one line, filled to `width` cells."""
        table = self.glyph_table
        segments = []
        for text, role in padded([(clean(text), role) for text, role in line], width):
            style = self.ink(role)
            if bold:
                style += Style(bold=True)
            segments.append(Segment(text.translate(table) if table is not None else text, style))
        return Strip(segments, width).simplify()


def changed_part(before: Strip, after: Strip) -> tuple[int, int]:
    """The cells from the first to behind the last in which two strips of one width differ."""
    old, new = list(before), list(after)
    start, end, at = 0, after.cell_length, 0
    while at < min(len(old), len(new)) and old[at] == new[at]:
        start += cell_len(new[at].text)
        at += 1
    if at < min(len(old), len(new)) and old[at].style == new[at].style:
        start += common_start(old[at].text, new[at].text)
    back = 1
    while back <= min(len(old), len(new)) - at and old[-back] == new[-back]:
        end -= cell_len(new[-back].text)
        back += 1
    return start, max(start + 1, end)


class LineBlock(StyledWidget):
    """A block of lines given by `show`; only the lines that changed are drawn again."""

    class Resized(Message):
        """The block has another size, so its lines must be composed again."""

    class KeyClicked(Message):
        """A key that the block shows was clicked, or what stands beside it."""

        def __init__(self, key: str, rested: float) -> None:
            self.key = key
            self.rested = rested
            """Seconds since the keys of this line were elsewhere: what slides under a finger was not meant."""
            super().__init__()

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(name=name, id=id, classes=classes)
        self._lines: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._strip_width = 0
        self._moved: dict[int, float] = {}

    @property
    def lines(self) -> list[Line]:
        """What is shown now."""
        return self._lines

    def show(self, lines: Iterable[Line]) -> None:
        """Show these lines, top to bottom."""
        fresh = list(lines)
        old, self._lines = self._lines, fresh
        regions: list[Region] = []
        if fresh == old:
            return
        width = self.size.width
        for y in range(max(len(old), len(fresh))):
            before, after = old[y] if y < len(old) else [], fresh[y] if y < len(fresh) else []
            if (cells := changed_cells(before, after, width)) is None:
                continue
            self._strips.pop(y, None)
            regions.append(Region(cells[0], y, cells[1] - cells[0], 1))
            if keys_of(before) != keys_of(after):
                self._moved[y] = self._monotonic()
        if regions:
            self.refresh(*regions)

    class Clicked(Message):
        """The block was clicked at a cell where there is no key."""

        def __init__(self, block: LineBlock, x: int, y: int) -> None:
            self.block, self.x, self.y = block, x, y
            super().__init__()

        @property
        def control(self) -> LineBlock:
            """The block."""
            return self.block

    def _monotonic(self) -> float:
        clock: Clock = getattr(self.app, "clock", REAL)
        return clock.monotonic()

    def on_click(self, event: events.Click) -> None:
        """A click on a key is that key."""
        if 0 <= event.y < len(self._lines) and (key := key_at(self._lines[event.y], event.x)):
            event.stop()
            self.post_message(self.KeyClicked(key, self._monotonic() - self._moved.get(event.y, 0.0)))
        else:
            self.post_message(self.Clicked(self, event.x, event.y))

    def on_resize(self) -> None:
        """Ask for lines that fit."""
        self.post_message(self.Resized())

    def notify_style_update(self) -> None:
        """The theme changed: all is drawn again."""
        self._strips.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """One line of the block."""
        width = self.size.width
        if width != self._strip_width:
            self._strips.clear()
            self._strip_width = width
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self.strip(self._lines[y] if y < len(self._lines) else [], width)
        return strip
