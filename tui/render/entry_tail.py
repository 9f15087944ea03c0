"""The last entries of a transcript as a page that is not scrolled, for a pane beside a list."""

from __future__ import annotations

from collections.abc import Sequence

from engine.sessions.transcripts import TranscriptEntry
from tui.render.entry_lines import Fold, entry_lines
from tui.render.spans import Line

MOST = 40
"""Lines of one entry that such a page takes, from its end."""


class EntryTail:
    """Owner of the lines of the entries shown last: what was drawn is not drawn again while its width stays."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[int, int], list[Line]] = {}
        self._width = 0

    def lines(self, entries: Sequence[TranscriptEntry], width: int, height: int) -> list[Line]:
        """The last entries that fit into `height` lines, in order; of the first one its end where it is longer."""
        if width != self._width:
            self._drawn, self._width = {}, width
        shown: dict[tuple[int, int], list[Line]] = {}
        left = height
        for entry in reversed(entries):
            if left <= 0:
                break
            key = (entry.index, len(entry.text))
            shown[key] = self._drawn.get(key) or entry_lines(entry, width, Fold())[-MOST:]
            left -= len(shown[key])
        self._drawn = shown
        return [line for each in reversed(shown.values()) for line in each][-height:] if height > 0 else []
