"""A transcript drawn by hand: entries are wrapped when they come into sight, and long ones are folded."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.sessions.transcripts import TranscriptEntry
from tui.actions.keymap import CAME_ALONG, Keymap
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, fit
from tui.widgets.styled import StyledWidget

HEAD = 24
"""Cells before the text: time, glyph and kind."""
NARROW_HEAD = 13
FOLDED = {"result": 3, "think": 1, "note": 2, "tool": 2, "error": 8}
"""Lines that a folded entry of a kind shows; kinds not named show FOLDED_ELSE."""
FOLDED_ELSE = 60
UNFOLDED = 400
"""Lines that an unfolded entry shows at most."""

_GLYPHS = {
    "user": ("▸", "ask"),
    "assistant": ("●", "run"),
    "think": ("◦", "muted"),
    "tool": ("▪", "wait"),
    "result": (" ", "muted"),
    "error": ("✖", "fail"),
    "note": ("·", "muted"),
}


def entry_lines(entry: TranscriptEntry, width: int, most: int, unfold: str = "enter") -> list[Line]:
    """One entry as lines of `width` cells, at most `most` of its text; the key `unfold` shows the rest."""
    narrow = width < 100
    head = NARROW_HEAD if narrow else HEAD
    glyph, role = _GLYPHS.get(entry.kind, ("·", "muted"))
    name = "" if narrow else fit(entry.title if entry.kind == "tool" else entry.kind, head - 13)
    quiet = entry.kind in {"result", "think", "note"}
    text = _text_of(entry, narrow=narrow)
    wrapped, more = wrap(text, max(10, width - head - 1), most)
    if entry.kind == "result":
        first: Line = [(" " * head, "")]
    else:
        first = [(f" {formats.clock(entry.at)}  ", "muted"), (f"{glyph} ", role), (f"{name}", role if name else "")]
    lines: list[Line] = []
    for index, part in enumerate(wrapped):
        lead = first if index == 0 else [(" " * head, "")]
        lines.append([*lead, (part, "fail" if entry.kind == "error" else "muted" if quiet else "")])
    if more:
        lines.append([(" " * head, ""), (f"… {formats.plural(more, 'more line')}  {unfold} unfolds", "muted")])
    return lines


def wrap(text: str, width: int, most: int) -> tuple[list[str], int]:
    """The text wrapped to `width`, cut after `most` lines; the second value counts the source lines left out."""
    source = text.split("\n")
    shown: list[str] = []
    for index, line in enumerate(source):
        if len(shown) >= most:
            return shown, len(source) - index
        # Only what can be shown is wrapped: a line may be 64 KB long.
        part = clean(line.expandtabs(4))[: width * (most - len(shown)) + 1]
        shown += textwrap.wrap(part, width, break_on_hyphens=False) or [""]
    return shown[:most], 0 if len(shown) <= most else 1


def _text_of(entry: TranscriptEntry, *, narrow: bool) -> str:
    if entry.kind == "tool":
        return f"{entry.title} {entry.text}" if narrow else entry.text or entry.title
    if entry.kind in {"note", "error"} and entry.title:
        return f"{entry.title}  {entry.text}".rstrip()
    return entry.text or entry.title


class Prose(StyledWidget, ScrollView, can_focus=True, inherit_bindings=False):
    """The entries of a transcript, newest at the bottom. While `following`, the bottom stays in sight."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: list[TranscriptEntry] = []
        self._heights: list[int] = []
        self._wrapped: dict[int, list[Line]] = {}
        self._flat: list[tuple[int, int]] = []
        self._width = 0
        self.following = True
        self.unfolded = False
        self.dropped = 0

    def show(self, entries: Sequence[TranscriptEntry], dropped: int) -> None:
        """Show these entries; those already shown keep their place."""
        fresh = list(entries)
        if [e.index for e in fresh] == [e.index for e in self._entries] and dropped == self.dropped:
            return
        gone = self._entries[0].index if self._entries else 0
        self.dropped = dropped
        self._entries = fresh
        for index in [i for i in self._wrapped if fresh and (i < fresh[0].index or i < gone)]:
            del self._wrapped[index]
        self._lay_out()

    def toggle_fold(self) -> None:
        """Show long entries whole, or fold them again."""
        self.unfolded = not self.unfolded
        self._wrapped.clear()
        self._lay_out()

    def follow(self, on: bool) -> None:
        """Keep the bottom in sight, or let go."""
        self.following = on
        if on:
            self._to_end()

    def move(self, lines: int) -> None:
        """Scroll; going up lets go of the bottom, reaching it takes hold again."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True, immediate=True)
        self.following = self.scroll_offset.y >= self._last_top

    @property
    def entry(self) -> TranscriptEntry | None:
        """The last one that is in sight."""
        last = min(len(self._flat), self.scroll_offset.y + self.size.height) - 1
        at = self._flat[last][0] if last >= 0 else -1
        return self._entries[at] if at >= 0 else None

    @property
    def entries(self) -> list[TranscriptEntry]:
        """All that are shown, oldest first."""
        return self._entries

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join("".join(part for part, _role in self._line(i)) for i in range(len(self._flat)))

    def on_resize(self) -> None:
        """Another width wraps otherwise."""
        if self.size.width != self._width:
            self._width = self.size.width
            self._wrapped.clear()
            self._lay_out()
        elif self.following:
            self._to_end()

    def render_line(self, y: int) -> Strip:
        """One line in sight."""
        index = self.scroll_offset.y + y
        return self.strip(self._line(index) if index < len(self._flat) else [], self.size.width)

    @property
    def _last_top(self) -> int:
        return max(0, len(self._flat) - self.size.height)

    def _line(self, index: int) -> Line:
        entry, part = self._flat[index]
        if entry < 0:
            return [(f" … {formats.plural(self.dropped, 'earlier entry')} no longer kept", "muted")]
        return self._lines_of(entry)[part]

    @property
    def _unfold(self) -> str:
        keys: Keymap = getattr(self.app, "keys", CAME_ALONG)
        return keys.shown("transcript.expand")

    def _lines_of(self, at: int) -> list[Line]:
        entry = self._entries[at]
        lines = self._wrapped.get(entry.index)
        if lines is None:
            most = UNFOLDED if self.unfolded else FOLDED.get(entry.kind, FOLDED_ELSE)
            lines = self._wrapped[entry.index] = entry_lines(entry, self._width, most, self._unfold)
        return lines

    def _lay_out(self) -> None:
        if self._width <= 0:
            return
        flat = [(-1, 0)] if self.dropped else []
        for at in range(len(self._entries)):
            flat += [(at, part) for part in range(len(self._lines_of(at)))]
        self._flat = flat
        self.virtual_size = Size(self._width, len(flat))
        if self.following:
            self._to_end()
        self.refresh()

    def _to_end(self) -> None:
        self.scroll_to(y=self._last_top, animate=False, force=True, immediate=True)
