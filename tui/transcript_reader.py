"""The detail stream of one session, read page by page over the feed and kept bounded."""

from __future__ import annotations

from collections import deque

from engine.sessions.transcripts import Entry
from tui.feeds.base import Feed

ENTRIES_KEPT = 1000
"""Entries that a reader keeps; the oldest go first."""
_PAGES_AT_ONCE = 8


class TranscriptReader:
    """Owner of what was read of one session's transcript."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self.dropped = 0
        self._next = 0
        self._reading = False

    async def pull(self, feed: Feed) -> bool:
        """Read what is new; True when something was. Raises the feed's QuarterdeckError."""
        if self._reading:
            return False
        self._reading = True
        before = self._next
        try:
            for _ in range(_PAGES_AT_ONCE):
                page = await feed.transcript(self.session, self._next)
                self.entries.extend(page.entries)
                self._next = max(self._next, page.next)
                if not page.entries:
                    break
                self.dropped = max(page.dropped, self.entries[0].index)
        finally:
            self._reading = False
        return self._next != before
