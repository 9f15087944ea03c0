"""A transcript drawn by hand: entries are drawn when they come into sight, and what is being written grows below."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.sessions.transcripts import LivePart, TranscriptEntry
from tui.actions.keymap import CAME_ALONG, Keymap
from tui.model.transcript_window import Place, TranscriptWindow
from tui.render.entry_lines import Fold, LiveEntry, entry_lines, matching
from tui.render.spans import Line, changed_cells
from tui.widgets.styled import StyledWidget

LEAP = 2
"""What is being written moves up by half a page at once: each move draws the whole page again."""
_AHEAD = 2
"""Pages beside the one in sight that are drawn."""


class Prose(StyledWidget, ScrollView, can_focus=True, inherit_bindings=False):
    """The entries of a transcript, newest at the bottom. While `following`, the bottom stays in sight."""

    class TopReached(Message):
        """The first entry is in sight: earlier ones are wanted."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._window = TranscriptWindow(self._draw)
        self._live: LiveEntry | None = None
        self._live_lines: list[Line] = []
        self._head: Line = []
        self._shown: dict[int, Line] = {}
        self._unfolded: set[int] = set()
        self._width = 0
        self._wanted = ""
        self._found: Place | None = None
        self.following = True
        self.unfolded = False

    def show(self, entries: Sequence[TranscriptEntry], part: LivePart | None = None, head: Line | None = None) -> None:
        """Show these entries, what is being written, and the line `head` above all; what is shown keeps its place."""
        new_head, self._head = (head or []) != self._head, head or []
        changed = _ends(entries) != _ends(self._window.entries)
        if changed:
            self._take(list(entries))
        if self._grow(part) or changed or new_head:
            self._settle()

    def toggle_fold(self) -> None:
        """Show long entries whole, or fold them again."""
        self.unfolded = not self.unfolded
        self._unfolded.clear()
        self._restart()

    def follow(self, on: bool) -> None:
        """Keep the bottom in sight, or let go."""
        self.following = on
        if on and self._width > 0:
            self._window.go_to_end(self._ahead)
            self._settle()

    def move(self, lines: int) -> None:
        """Scroll; going up lets go of the bottom, reaching it takes hold again."""
        top = self.scroll_offset.y
        if lines < 0:
            top += self._reach(top + lines)
        else:
            self._window.grow_down(top + lines + self._ahead - self._total)
        self._go(top + lines)
        self.following = self._window.at_end and self.scroll_offset.y >= self._last_top

    def to_top(self) -> None:
        """The first entry there is, at the top."""
        if self._window.entries and self._width > 0:
            self._reveal((self._window.entries[0].index, 0), self._lead)

    def go_to_turn(self, step: int) -> bool:
        """The prompt before or after the first line in sight, at the top; False when there is none."""
        found = self._window.turn(self.scroll_offset.y - self._lead, step)
        if found is not None:
            self._reveal((found, 0))
        return found is not None

    def search(self, text: str) -> None:
        """Mark every occurrence of the text; an empty one marks nothing."""
        self._wanted, self._found = text.lower(), None
        self._refresh_changed()

    def find(self, step: int) -> bool:
        """Go to the next line that holds what is searched for, or to the one before; False when there is none."""
        if not self._wanted:
            return False
        here = self._found or self._edge(step)
        for entry in self._window.entries if step > 0 else self._window.entries[::-1]:
            if (entry.index - here[0]) * step < 0 or self._wanted not in _whole_text(entry):
                continue
            for place in self._matches(entry.index)[::step]:
                if place > here if step > 0 else place < here:
                    self._found = place
                    self._reveal(place, self._height // 3)
                    return True
        return False

    @property
    def searched(self) -> str:
        """What is searched for."""
        return self._wanted

    @property
    def entry(self) -> TranscriptEntry | None:
        """The one that was found, or the last one that is in sight."""
        if self._found is not None and (found := self._window.entry(self._found[0])) is not None:
            return found
        last = min(len(self._window.flat), self.scroll_offset.y + self.size.height - self._lead) - 1
        return self._window.entry(self._window.flat[last][0]) if last >= 0 else None

    @property
    def entries(self) -> list[TranscriptEntry]:
        """All that there are, oldest first."""
        return self._window.entries

    @property
    def text(self) -> str:
        """All lines that are drawn as plain text."""
        return "\n".join("".join(part for part, _role in self._line(i)) for i in range(self._total))

    def on_resize(self) -> None:
        """Another width wraps otherwise."""
        if self.size.width != self._width:
            self._width = self.size.width
            part = self._live.part if self._live is not None else None
            self._live = None
            self._grow(part)
            self._restart()
        else:
            self._window.lay_out(self._ahead)
            self._settle()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines came into sight: what they have in common with those before is not drawn again."""
        if round(old_value) != round(new_value):
            self._refresh_changed()

    def render_line(self, y: int) -> Strip:
        """One line in sight."""
        line = self._marked(self.scroll_offset.y + y)
        self._shown[y] = line
        return self.strip(line, self.size.width)

    @property
    def _height(self) -> int:
        return max(1, self.size.height)

    @property
    def _ahead(self) -> int:
        return self._height * _AHEAD

    @property
    def _lead(self) -> int:
        """Lines above the first entry."""
        return 1 if self._head else 0

    @property
    def _tail(self) -> list[Line]:
        """What is being written, where the window reaches it."""
        return self._live_lines if self._window.at_end else []

    @property
    def _total(self) -> int:
        return self._lead + len(self._window.flat) + len(self._tail)

    @property
    def _last_top(self) -> int:
        return max(0, self._total - self._height)

    def _draw(self, entry: TranscriptEntry) -> list[Line]:
        keys: Keymap = getattr(self.app, "keys", CAME_ALONG)
        whole = self.unfolded or entry.index in self._unfolded
        return entry_lines(entry, self._width, Fold(whole, keys.shown("transcript.expand")))

    def _take(self, entries: list[TranscriptEntry]) -> None:
        if self._width <= 0:
            self._window.entries = entries
            return
        gone = self._window.take(entries, self._ahead)
        if self.following:
            return
        top = self.scroll_offset.y - gone
        if top < self._height:
            top += self._window.grow_up(self._ahead - top)
        self._fit()
        self._go(top)

    def _grow(self, part: LivePart | None) -> bool:
        """Whether what is being written changed."""
        if part is None:
            had, self._live, self._live_lines = self._live is not None, None, []
            return had
        if self._live is None or self._live.part.number != part.number or self._live.width != self._width:
            self._live = LiveEntry(part, self._width)
        elif len(part.text) == len(self._live.part.text):
            return False
        self._live.grow(part)
        self._live_lines = self._live.lines(whole=self.unfolded)
        return True

    def _restart(self) -> None:
        """All is drawn again."""
        if self._live is not None:
            self._live_lines = self._live.lines(whole=self.unfolded)
        if self._width > 0:
            place = self._window.entry_at(self.scroll_offset.y - self._lead)
            self._window.forget()
            self._window.take(self._window.entries, self._ahead)
            if not self.following and self._window.entry(place) is not None:
                self._reveal((place, 0))
            self._settle()

    def _reach(self, top: int) -> int:
        """Draw what is above line `top`, with pages ahead; the number of lines that came in."""
        more = self._window.grow_up(self._ahead - top)
        self._fit()
        if self._window.first == 0 and top + more < self._height:
            self.post_message(self.TopReached())
        return more

    def _fit(self, room: int = 0) -> None:
        self.virtual_size = Size(self._width, max(self._total, room))

    def _settle(self) -> None:
        """While following, the last line is in sight; what is being written gets room below it for the next ones."""
        if self._width <= 0:
            return
        top = self.scroll_offset.y
        wanted = self._followed_top(top) if self.following else top
        self._fit(wanted + self._height if self.following and self._live is not None else 0)
        if wanted != top:
            self._go(wanted)
        self._refresh_changed()

    def _followed_top(self, top: int) -> int:
        if self._live is None or self._total <= self._height:
            return self._last_top
        if self._last_top <= top < self._total:
            return top
        return self._last_top + self._height // LEAP

    def _go(self, top: int) -> None:
        self._fit(min(self.virtual_size.height, max(0, top) + self._height))
        self.scroll_to(y=max(0, top), animate=False, force=True, immediate=True)

    def _reveal(self, place: Place, above: int = 0) -> None:
        """Bring a line of an entry in sight, with so many lines above it."""
        self.following = False
        self._window.go_to(place[0], self._ahead)
        self._fit()
        self._go(self._window.line_of(place[0]) + place[1] + self._lead - above)
        self._refresh_changed()

    def _edge(self, step: int) -> Place:
        """Where a search begins: just before the first line in sight, or just behind the last."""
        top = self.scroll_offset.y - self._lead
        at = top if step > 0 else top + self._height - 1
        flat = self._window.flat
        if 0 <= at < len(flat):
            return flat[at][0], flat[at][1] - step
        return self._window.entry_at(at), -1 if at < 0 else 0

    def _matches(self, index: int) -> list[Place]:
        """The lines of an entry, shown whole, that hold what is searched for; the first where it is broken in two."""
        if index not in self._unfolded and not self.unfolded:
            self._unfolded.add(index)
            self._window.forget(index)
        lines = self._window.lines_of(index)
        return [(index, at) for at, line in enumerate(lines) if self._wanted in _plain(line)] or [(index, 0)]

    def _line(self, at: int) -> Line:
        if at < self._lead:
            return self._head
        at -= self._lead
        if at < len(self._window.flat):
            index, part = self._window.flat[at]
            return self._window.lines_of(index)[part]
        at -= len(self._window.flat)
        return self._tail[at] if at < len(self._tail) else []

    def _marked(self, at: int) -> Line:
        return matching(self._line(at), self._wanted) if self._wanted else self._line(at)

    def _refresh_changed(self) -> None:
        """Draw again what differs from what is on the screen, cell by cell."""
        regions = []
        top = self.scroll_offset.y
        for y in range(self.size.height):
            fresh = self._marked(top + y)
            if fresh is self._shown.get(y):
                continue
            if y not in self._shown:
                regions.append(Region(0, y, self.size.width, 1))
            elif cells := changed_cells(self._shown[y], fresh, self.size.width):
                regions.append(Region(cells[0], y, cells[1] - cells[0], 1))
            self._shown[y] = fresh
        if regions:
            self.refresh(*regions)


def _ends(entries: Sequence[TranscriptEntry]) -> tuple[int, int, int]:
    return (len(entries), entries[0].index, entries[-1].index) if entries else (0, 0, 0)


def _whole_text(entry: TranscriptEntry) -> str:
    return f"{entry.title}\n{entry.text}\n{entry.detail}".lower()


def _plain(line: Line) -> str:
    return "".join(text for text, _role in line).lower()
