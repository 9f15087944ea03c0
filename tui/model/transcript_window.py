"""Which entries of a long transcript are drawn: a window that grows where somebody goes."""

from __future__ import annotations

from collections.abc import Callable

from engine.sessions.transcripts import TranscriptEntry
from tui.render.spans import Line

NEAR = 200
"""Entries that are drawn on the way to a place; to one further away the window leaps."""
Place = tuple[int, int]
"""An entry's index, and a line of it."""


class TranscriptWindow:
    """Owner of the entries and of the lines of those from `first` up to `last`, which is not drawn.

    `draw` makes the lines of an entry; the window keeps them.
    """

    def __init__(self, draw: Callable[[TranscriptEntry], list[Line]]) -> None:
        self._draw = draw
        self._lines: dict[int, list[Line]] = {}
        self._places: dict[int, int] = {}
        self.entries: list[TranscriptEntry] = []
        self.flat: list[Place] = []
        self.first = self.last = 0

    @property
    def at_end(self) -> bool:
        """Whether the newest entry is drawn."""
        return self.last == len(self.entries)

    def take(self, entries: list[TranscriptEntry], height: int) -> int:
        """These entries are there now; what was drawn stays, with what came after it. Lines gone above are counted."""
        at_end, before = self.at_end, self.flat
        self.entries = entries
        self._places = {entry.index: place for place, entry in enumerate(entries)}
        for index in [index for index in self._lines if index not in self._places]:
            del self._lines[index]
        kept = [place for place in before if place[0] in self._places]
        self.first = self._places[kept[0][0]] if kept else len(entries)
        self.last = len(entries) if at_end or not kept else self._places[kept[-1][0]] + 1
        self.lay_out(height)
        return len(before) - len(kept)

    def lay_out(self, height: int) -> None:
        """Draw the window, and so much more that it has `height` lines, where there are so many."""
        self.flat = [place for at in range(self.first, self.last) for place in self._of(at)]
        while self.first > 0 and len(self.flat) < height:
            self.first -= 1
            self.flat = self._of(self.first) + self.flat
        self.grow_down(height - len(self.flat))

    def grow_up(self, lines: int) -> int:
        """Draw at least so many lines more above; how many there were."""
        more: list[Place] = []
        while self.first > 0 and len(more) < lines:
            self.first -= 1
            more = self._of(self.first) + more
        self.flat = more + self.flat if more else self.flat
        return len(more)

    def grow_down(self, lines: int) -> None:
        """Draw at least so many lines more below, where there are so many."""
        wanted = len(self.flat) + lines
        while not self.at_end and len(self.flat) < wanted:
            self.flat += self._of(self.last)
            self.last += 1

    def go_to(self, index: int, height: int) -> None:
        """Draw an entry, and what is around it."""
        at = self._places[index]
        if self.first - NEAR <= at < self.last + NEAR:
            self.first, self.last = min(self.first, at), max(self.last, at + 1)
        else:
            self.first, self.last = at, at + 1
        self.lay_out(0)
        self.grow_up(height)
        self.grow_down(height)

    def go_to_end(self, height: int) -> None:
        """Draw the last entries."""
        if not self.at_end:
            self.first = self.last = len(self.entries)
        self.lay_out(height)

    def forget(self, index: int | None = None) -> None:
        """An entry, or all of them, will be drawn otherwise."""
        if index is None:
            self._lines.clear()
        else:
            self._lines.pop(index, None)

    def lines_of(self, index: int) -> list[Line]:
        """The lines of an entry."""
        lines = self._lines.get(index)
        if lines is None:
            lines = self._lines[index] = self._draw(self.entries[self._places[index]])
        return lines

    def line_of(self, index: int) -> int:
        """The first line of an entry that is drawn."""
        return next((at for at, place in enumerate(self.flat) if place[0] == index), 0)

    def entry(self, index: int) -> TranscriptEntry | None:
        """The entry of this index."""
        place = self._places.get(index)
        return self.entries[place] if place is not None else None

    def entry_at(self, line: int) -> int:
        """The index of the entry that a line belongs to; behind the last line that of the next one."""
        if 0 <= line < len(self.flat):
            return self.flat[line][0]
        if line < 0 and self.flat:
            return self.flat[0][0]
        return self.entries[self.last - 1].index + 1 if self.last else 0

    def turn(self, line: int, step: int) -> int | None:
        """The index of the prompt before or after the one whose entry begins at `line`, or in whose answer it is."""
        here = self.entry_at(line)
        at_start = 0 <= line < len(self.flat) and self.flat[line][1] == 0
        if step > 0:
            return next((e.index for e in self.entries if e.kind == "user" and e.index > here), None)
        edge = here if at_start else here + 1
        return next((e.index for e in reversed(self.entries) if e.kind == "user" and e.index < edge), None)

    def _of(self, at: int) -> list[Place]:
        index = self.entries[at].index
        return [(index, line) for line in range(len(self.lines_of(index)))]
