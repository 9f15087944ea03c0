"""The detail stream of one session, read page by page over the feed and kept bounded."""

from __future__ import annotations

from collections import deque

from engine.sessions.transcripts import LivePart, TranscriptEntry
from tui.feeds.base import Feed

ENTRIES_KEPT = 5000
"""Entries that a reader keeps; the oldest go first."""
FIRST = 200
"""Entries that are read when it is opened, the newest."""
_PAGES_AT_ONCE = 8


class TranscriptReader:
    """Owner of what was read of one session's transcript: its entries, and what is being written after them."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.entries: deque[TranscriptEntry] = deque(maxlen=ENTRIES_KEPT)
        self.part: LivePart | None = None
        self.dropped = 0
        self._next: int | None = None
        self._reading = False
        self._seeks = 0

    def follow(self, seeks: int) -> None:
        """A recording was gone about in so often; after each time all is read again."""
        if seeks != self._seeks:
            self._seeks, self._next, self.dropped = seeks, None, 0
            self.entries.clear()
            self.part = None

    @property
    def earlier(self) -> int:
        """Entries before the first one that was read which the engine still keeps."""
        return max(0, self.entries[0].index - self.dropped) if self.entries else 0

    async def pull(self, feed: Feed) -> bool:
        """Read what is new; True when something was. Raises the feed's QuarterdeckError."""
        if self._reading:
            return False
        self._reading = True
        before, seeks = (self._next, _size(self.part)), self._seeks
        try:
            for _ in range(_PAGES_AT_ONCE):
                number, size = (self.part.number, len(self.part.text)) if self.part is not None else (0, 0)
                last = FIRST if self._next is None else 0
                page = await feed.transcript(self.session, self._next or 0, last=last, part=number, part_from=size)
                if seeks != self._seeks:
                    break
                self.entries.extend(page.entries)
                self._next = max(self._next or 0, page.next)
                self.dropped = page.dropped
                self._take_part(page.part)
                if not page.entries or page.part is not None:
                    break
        finally:
            self._reading = False
        return (self._next, _size(self.part)) != before

    def _take_part(self, came: LivePart | None) -> None:
        """Put what came behind what was there; another block takes its place."""
        known = self.part
        if came is not None and known is not None and came.number == known.number and came.start <= len(known.text):
            came = LivePart(came.number, came.at, came.kind, came.title, 0, known.text[: came.start] + came.text)
        self.part = came


def _size(part: LivePart | None) -> tuple[int, int]:
    return (part.number, len(part.text)) if part is not None else (0, 0)
