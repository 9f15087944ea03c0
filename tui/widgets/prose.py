"""A transcript drawn by hand: entries are drawn when they come into sight, and what is being written grows below."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.sessions.transcripts import LivePart, TranscriptEntry
from tui.actions.keymap import CAME_ALONG, Keymap
from tui.render.entry_lines import Fold, LiveEntry, changed_cells, entry_lines, matching
from tui.render.spans import Line
from tui.widgets.styled import StyledWidget

LEAP = 4
"""What is being written moves up by a page's fourth at once: each move draws the whole page again."""
_AHEAD = 2
"""Pages above the one in sight that are laid out."""


class Prose(StyledWidget, ScrollView, can_focus=True, inherit_bindings=False):
    """The entries of a transcript, newest at the bottom. While `following`, the bottom stays in sight."""

    class TopReached(Message):
        """The first entry is in sight: earlier ones are wanted."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: list[TranscriptEntry] = []
        self._places: dict[int, int] = {}
        self._from = 0
        self._drawn_entries: dict[int, list[Line]] = {}
        self._flat: list[tuple[int, int]] = []
        self._live: LiveEntry | None = None
        self._live_lines: list[Line] = []
        self._head: Line = []
        self._shown: dict[int, Line] = {}
        self._unfolded: set[int] = set()
        self._width = 0
        self._wanted = ""
        self._found: tuple[int, int] | None = None
        self.following = True
        self.unfolded = False

    def show(self, entries: Sequence[TranscriptEntry], part: LivePart | None = None, head: Line | None = None) -> None:
        """Show these entries, what is being written, and the line `head` above all; what is shown keeps its place."""
        self._head = head or []
        changed = _ends(entries) != _ends(self._entries)
        if changed:
            self._take(list(entries))
        grown = self._grow(part)
        if self._width > 0 and (changed or grown):
            self._lay_out()
            self._settle()

    def toggle_fold(self) -> None:
        """Show long entries whole, or fold them again."""
        self.unfolded = not self.unfolded
        self._unfolded.clear()
        self._restart()

    def follow(self, on: bool) -> None:
        """Keep the bottom in sight, or let go."""
        self.following = on
        if on:
            self._settle()

    def move(self, lines: int) -> None:
        """Scroll; going up lets go of the bottom, reaching it takes hold again."""
        top = self.scroll_offset.y
        if lines < 0:
            top += self._reach(top + lines)
        self._go(top + lines)
        self.following = self.scroll_offset.y >= self._last_top

    def go_to_turn(self, step: int) -> bool:
        """The prompt before or after the first line in sight, at the top; False when there is none."""
        here = self._entry_at(self.scroll_offset.y)
        turns = [entry.index for entry in self._entries if entry.kind == "user"]
        at_top = here in turns and self._line_of(here) == self.scroll_offset.y
        found = (
            next((index for index in reversed(turns) if index < here or (index == here and not at_top)), None)
            if step < 0
            else next((index for index in turns if index > here), None)
        )
        if found is None:
            return False
        self._reveal(found, 0)
        return True

    def search(self, text: str) -> None:
        """Mark every occurrence of the text; an empty one marks nothing."""
        self._wanted, self._found = text.lower(), None
        self._refresh_changed()

    def find(self, step: int) -> bool:
        """Go to the next line that holds what is searched for, or to the one before; False when there is none."""
        if not self._wanted:
            return False
        here = self._found or self._edge(step)
        for entry in self._entries if step > 0 else self._entries[::-1]:
            if (entry.index - here[0]) * step < 0 or self._wanted not in _whole_text(entry):
                continue
            for place in self._matches(entry.index)[::step]:
                if place > here if step > 0 else place < here:
                    self._found = place
                    self._reveal(*place, above=self._height // 3)
                    return True
        return False

    def _edge(self, step: int) -> tuple[int, int]:
        """Where a search begins: just before the first line in sight, or just behind the last."""
        top = self.scroll_offset.y - self._lead
        at = top if step > 0 else top + self._height - 1
        if 0 <= at < len(self._flat):
            index, line = self._flat[at]
            return index, line - step
        return (self._entries[0].index, -1) if at < 0 and self._entries else (self._entry_at(1 << 30), 0)

    def _matches(self, index: int) -> list[tuple[int, int]]:
        """The lines of an entry, shown whole, that hold what is searched for; the first where it is broken in two."""
        if index not in self._unfolded and not self.unfolded:
            self._unfolded.add(index)
            self._drawn_entries.pop(index, None)
        lines = self._lines_of(index)
        return [(index, at) for at, line in enumerate(lines) if self._holds(line)] or [(index, 0)]

    @property
    def searched(self) -> str:
        """What is searched for."""
        return self._wanted

    @property
    def entry(self) -> TranscriptEntry | None:
        """The one that was found, or the last one that is in sight."""
        if self._found is not None and self._found[0] in self._places:
            return self._entries[self._places[self._found[0]]]
        last = min(len(self._flat), self.scroll_offset.y + self.size.height) - 1
        return self._entries[self._places[self._flat[last][0]]] if last >= 0 else None

    @property
    def entries(self) -> list[TranscriptEntry]:
        """All that there are, oldest first."""
        return self._entries

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join("".join(part for part, _role in self._line(i)) for i in range(self._total))

    def on_resize(self) -> None:
        """Another width wraps otherwise."""
        if self.size.width != self._width:
            self._width = self.size.width
            part = self._live.part if self._live is not None else None
            self._live = None
            self._grow(part)
            self._restart()
        self._settle()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines came into sight."""
        self._shown.clear()
        super().watch_scroll_y(old_value, new_value)

    def render_line(self, y: int) -> Strip:
        """One line in sight."""
        line = self._marked(self.scroll_offset.y + y)
        self._shown[y] = line
        return self.strip(line, self.size.width)

    @property
    def _height(self) -> int:
        return max(1, self.size.height)

    @property
    def _lead(self) -> int:
        """Lines above the first entry."""
        return 1 if self._head else 0

    @property
    def _total(self) -> int:
        return self._lead + len(self._flat) + len(self._live_lines)

    @property
    def _last_top(self) -> int:
        return max(0, self._total - self._height)

    @property
    def _fold(self) -> str:
        keys: Keymap = getattr(self.app, "keys", CAME_ALONG)
        return keys.shown("transcript.expand")

    def _take(self, entries: list[TranscriptEntry]) -> None:
        first = self._entries[0].index if self._entries else None
        self._entries = entries
        self._places = {entry.index: place for place, entry in enumerate(entries)}
        for index in [index for index in self._drawn_entries if index not in self._places]:
            del self._drawn_entries[index]
        kept = [index for index, _ in self._flat if index in self._places]
        if first is None or not kept:
            self._from = len(entries)
        else:
            gone = len(self._flat) - len(kept)
            self._from = self._places[kept[0]]
            if gone and not self.following:
                self._go(self.scroll_offset.y - gone)

    def _grow(self, part: LivePart | None) -> bool:
        """Whether what is being written changed."""
        if part is None:
            had, self._live, self._live_lines = self._live is not None, None, []
            return had
        if self._width <= 0:
            self._live = LiveEntry(part, 0)
            return False
        if self._live is None or self._live.part.number != part.number or self._live.width != self._width:
            self._live = LiveEntry(part, self._width)
        elif len(part.text) == len(self._live.part.text):
            return False
        self._live.grow(part)
        self._live_lines = self._live.lines(whole=self.unfolded)
        return True

    def _restart(self) -> None:
        """All is drawn again."""
        self._drawn_entries.clear()
        if self._live is not None:
            self._live_lines = self._live.lines(whole=self.unfolded)
        if self._width > 0:
            self._lay_out()
            self._settle()

    def _lay_out(self) -> None:
        """The lines from the first entry laid out on; more above it where the page is not full."""
        flat = [(entry.index, at) for entry in self._entries[self._from :] for at in range(self._number(entry.index))]
        wanted = self._height * (1 + _AHEAD)
        while self._from > 0 and len(flat) < wanted:
            self._from -= 1
            index = self._entries[self._from].index
            flat = [(index, at) for at in range(self._number(index))] + flat
        self._flat = flat
        self._fit()
        self._refresh_changed()

    def _reach(self, top: int) -> int:
        """Lay out what lies above line `top`, with pages ahead; the number of lines that came in."""
        more: list[tuple[int, int]] = []
        while self._from > 0 and top + len(more) < self._height * _AHEAD:
            self._from -= 1
            index = self._entries[self._from].index
            more = [(index, at) for at in range(self._number(index))] + more
        if more:
            self._flat = more + self._flat
            self._fit()
        if self._from == 0 and top + len(more) < self._height:
            self.post_message(self.TopReached())
        return len(more)

    def _fit(self) -> None:
        room = self.scroll_offset.y + self._height if self._leaping else 0
        self.virtual_size = Size(self._width, max(self._total, room))

    @property
    def _leaping(self) -> bool:
        return self.following and self._live is not None

    def _settle(self) -> None:
        """While following, the last line is in sight; what is being written gets room below it for the next ones."""
        if not self.following or self._width <= 0:
            return
        top = self.scroll_offset.y
        if self._live is None:
            wanted = self._last_top
        elif top < self._last_top or top > max(0, self._total - 1):
            wanted = self._last_top + self._height // LEAP if self._total > self._height else 0
        else:
            wanted = top
        self.virtual_size = Size(self._width, max(self._total, wanted + self._height))
        if wanted != top:
            self._go(wanted)

    def _go(self, top: int) -> None:
        self.scroll_to(y=max(0, top), animate=False, force=True, immediate=True)

    def _reveal(self, index: int, line: int, above: int = 0) -> None:
        """Bring a line of an entry in sight, with so many lines above it."""
        while self._from > self._places[index]:
            self._from -= 1
        self.following = False
        self._lay_out()
        self._go(self._line_of(index) + line - above)
        self._refresh_changed()

    def _line_of(self, index: int) -> int:
        return next((at for at, place in enumerate(self._flat) if place[0] == index), 0) + self._lead

    def _entry_at(self, line: int) -> int:
        """The entry of a line; one behind the last for what is being written."""
        at = max(0, line - self._lead)
        if at < len(self._flat):
            return self._flat[at][0]
        return self._entries[-1].index + 1 if self._entries else 0

    def _number(self, index: int) -> int:
        return len(self._lines_of(index))

    def _lines_of(self, index: int) -> list[Line]:
        lines = self._drawn_entries.get(index)
        if lines is None:
            fold = Fold(self.unfolded or index in self._unfolded, self._fold)
            lines = entry_lines(self._entries[self._places[index]], self._width, fold)
            self._drawn_entries[index] = lines
        return lines

    def _line(self, at: int) -> Line:
        if at < self._lead:
            return self._head
        at -= self._lead
        if at < len(self._flat):
            index, part = self._flat[at]
            return self._lines_of(index)[part]
        at -= len(self._flat)
        return self._live_lines[at] if at < len(self._live_lines) else []

    def _marked(self, at: int) -> Line:
        return matching(self._line(at), self._wanted) if self._wanted else self._line(at)

    def _holds(self, line: Line) -> bool:
        return self._wanted in "".join(text for text, _role in line).lower()

    def _refresh_changed(self) -> None:
        """Draw again what differs from what is on the screen, cell by cell."""
        regions = []
        top = self.scroll_offset.y
        for y in range(self.size.height):
            fresh = self._marked(top + y)
            if y not in self._shown:
                regions.append(Region(0, y, self.size.width, 1))
            elif cells := changed_cells(self._shown[y], fresh):
                regions.append(Region(cells[0], y, cells[1] - cells[0], 1))
            self._shown[y] = fresh
        if regions:
            self.refresh(*regions)


def _ends(entries: Sequence[TranscriptEntry]) -> tuple[int, int, int]:
    return (len(entries), entries[0].index, entries[-1].index) if entries else (0, 0, 0)


def _whole_text(entry: TranscriptEntry) -> str:
    return f"{entry.title}\n{entry.text}\n{entry.detail}".lower()
