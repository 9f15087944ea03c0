"""The detail stream of one session, read page by page over the feed and kept bounded."""

from __future__ import annotations

from collections import deque

from engine.sessions.transcripts import TranscriptEntry
from tui.feeds.base import Feed

ENTRIES_KEPT = 1000
"""Entries that a reader keeps; the oldest go first."""
_PAGES_AT_ONCE = 8


class TranscriptReader:
    """Owner of what was read of one session's transcript."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.entries: deque[TranscriptEntry] = deque(maxlen=ENTRIES_KEPT)
        self.dropped = 0
        self._next = 0
        self._reading = False
        self._seeks = 0

    def follow(self, seeks: int) -> None:
        """A recording was gone about in so often; after each time all is read again."""
        if seeks != self._seeks:
            self._seeks, self._next, self.dropped = seeks, 0, 0
            self.entries.clear()

    async def pull(self, feed: Feed) -> bool:
        """Read what is new; True when something was. Raises the feed's QuarterdeckError."""
        if self._reading:
            return False
        self._reading = True
        before, seeks = self._next, self._seeks
        try:
            for _ in range(_PAGES_AT_ONCE):
                page = await feed.transcript(self.session, self._next)
                if seeks != self._seeks:
                    break
                self.entries.extend(page.entries)
                self._next = max(self._next, page.next)
                if not page.entries:
                    break
                self.dropped = max(page.dropped, self.entries[0].index)
        finally:
            self._reading = False
        return self._next != before
