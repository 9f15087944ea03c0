"""What was said last in the conversation under the cursor, read once the cursor rests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.base.errors import QuarterdeckError
from engine.operations.declared.conversations import ConversationRow
from tui.feeds.transcript_reader import TranscriptReader
from tui.render.entry_tail import EntryTail
from tui.render.plain_text import clean
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from tui.feeds.base import Feed

REST_S = 0.2
"""Seconds that the cursor rests before a conversation is read."""


class ConversationPage:
    """Owner of what was read of one conversation; it is read again when it was used since."""

    def __init__(self) -> None:
        self._of: tuple[str, float] = ("", 0.0)
        self._reader = TranscriptReader("")
        self._tail = EntryTail()
        self._read = False
        self._problem = ""

    def wants(self, row: ConversationRow | None) -> bool:
        """Whether this one is not the one that was read."""
        return row is not None and (row.id, row.used) != self._of

    async def read(self, row: ConversationRow, feed: Feed, is_current: Callable[[], bool]) -> bool:
        """Read its last messages; whether they are still wanted then."""
        of, reader = (row.id, row.used), TranscriptReader("")
        problem = ""
        try:
            await reader.pull_earlier(feed, row.id)
        except QuarterdeckError as error:
            problem = str(error)
        if not is_current():
            return False
        self._of, self._reader, self._tail = of, reader, EntryTail()
        self._read, self._problem = True, problem
        return True

    def lines(self, row: ConversationRow, width: int, height: int) -> list[Line]:
        """What was said last, while another one is read only the words that the list has."""
        if row.id != self._of[0] or not self._read:
            return [[(fit(clean(row.last_words), width).rstrip(), "muted")]]
        if not self._reader.entries:
            return [[(self._problem or "nothing was said yet", "fail" if self._problem else "muted")]]
        return self._tail.lines(self._reader.entries, width, height)
