"""The transcript of one session, read over the feed: forwards as it grows, backwards to the conversation's begin."""

from __future__ import annotations

import asyncio

from engine.base.errors import NotFound
from engine.operations.declared.conversations import READ_MESSAGES, Message, ReadMessages
from engine.sessions.transcripts import LivePart, TranscriptEntry
from tui.feeds.base import Feed

ENTRIES_KEPT = 20_000
CHARACTERS_KEPT = 32 * 1024 * 1024
"""What a reader keeps; at a bound it reads no further back, and the oldest go first as new ones come."""
FIRST = 200
"""Entries that are read when it is opened, the newest, and at each step back."""
_PAGES_AT_ONCE = 8


class TranscriptReader:
    """Owner of what was read of one session's transcript: its entries, and what is being written after them."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.entries: list[TranscriptEntry] = []
        self.part: LivePart | None = None
        self.dropped = 0
        self.cleared = False
        """Whether `/clear` is among the entries: the first ones are of an earlier conversation of the session."""
        self._characters = 0
        self._next: int | None = None
        self._forwards, self._backwards = asyncio.Lock(), asyncio.Lock()
        self._before: int | None = None
        self._oldest = 0
        self._seeks = 0

    def follow(self, seeks: int) -> None:
        """A recording was gone about in so often; after each time all is read again."""
        if seeks != self._seeks:
            self._seeks, self._next, self.dropped = seeks, None, 0
            self._before, self._oldest, self._characters = None, 0, 0
            self.cleared = False
            self.entries = []
            self.part = None

    @property
    def in_memory(self) -> int:
        """Entries before the first one that was read which the engine still keeps."""
        first = self.entries[0].index if self.entries else 0
        return max(0, first - self.dropped) if self._oldest == 0 else 0

    @property
    def reads_back(self) -> bool:
        """Whether earlier entries are being read."""
        return self._backwards.locked()

    @property
    def full(self) -> bool:
        """Whether there is no room for earlier entries."""
        return len(self.entries) + FIRST > ENTRIES_KEPT or self._characters > CHARACTERS_KEPT

    @property
    def at_begin(self) -> bool:
        """Whether the first entry is the first one of all."""
        return self._before == 0 and not self.in_memory

    async def pull(self, feed: Feed) -> bool:
        """Read what is new; True when something was. Raises the feed's QuarterdeckError.

        Without a session there is nothing but the conversation's own transcript.
        """
        if not self.session or self._forwards.locked():
            self._next = self._next or 0
            return False
        before, seeks = (self._next, _size(self.part)), self._seeks
        async with self._forwards:
            for _ in range(_PAGES_AT_ONCE):
                number, size = (self.part.number, len(self.part.text)) if self.part is not None else (0, 0)
                last = FIRST if self._next is None else 0
                page = await feed.transcript(self.session, self._next or 0, last=last, part=number, part_from=size)
                if seeks != self._seeks:
                    break
                self._append(page.entries)
                self._next = max(self._next or 0, page.next)
                self.dropped = page.dropped
                self._take_part(page.part)
                if not page.entries or page.part is not None:
                    break
        return (self._next, _size(self.part)) != before

    async def pull_earlier(self, feed: Feed, conversation: str) -> bool:
        """Read a page before the first entry, from the engine's memory or then from the conversation's own transcript.

        True when there may be more. Raises the feed's QuarterdeckError.
        """
        async with self._backwards:
            await self._pull_first(feed)
            if self.full or self.at_begin:
                return False
            seeks = self._seeks
            found = await (self._kept(feed) if self.in_memory else self._from_disk(feed, conversation))
            if seeks != self._seeks:
                return False
            self.entries = [*found, *self.entries]
            self._characters += sum(map(_characters, found))
            self.cleared = self.cleared or any(map(_clears, found))
            return bool(found) or not self.at_begin

    async def _pull_first(self, feed: Feed) -> None:
        """What the engine keeps is known before anything is read from disk, so that nothing comes twice."""
        async with self._forwards:  # whoever reads it now has it then
            known = self._next is not None
        if not known:
            await self.pull(feed)

    async def _kept(self, feed: Feed) -> list[TranscriptEntry]:
        first = self.entries[0].index
        after = max(self.dropped, first - FIRST)
        page = await feed.transcript(self.session, after)
        self.dropped = page.dropped
        return [entry for entry in page.entries if entry.index < first]

    async def _from_disk(self, feed: Feed, conversation: str) -> list[TranscriptEntry]:
        """Its entries count down from -1, so that each keeps its number."""
        if not conversation or self.cleared:  # after `/clear` all of the conversation is here
            self._before = 0
            return []
        known = next((entry for entry in self.entries if entry.ref), None) if self._before is None else None
        until = self.entries[0].at if self._before is None and self.entries else None
        wanted = ReadMessages(
            id=conversation, before=self._before, ref=known.ref if known is not None else "", until=until, limit=FIRST
        )
        try:
            page = (await feed.send(READ_MESSAGES, wanted)).messages
        except NotFound:
            self._before = 0
            return []
        self._before = page.before
        self._oldest -= len(page.entries)
        return [_entry(self._oldest + at, each) for at, each in enumerate(page.entries)]

    def _append(self, entries: list[TranscriptEntry]) -> None:
        self.entries += entries
        self._characters += sum(map(_characters, entries))
        self.cleared = self.cleared or any(map(_clears, entries))
        gone = max(0, len(self.entries) - ENTRIES_KEPT)
        while gone < len(self.entries) - 1 and self._characters > 2 * CHARACTERS_KEPT:
            self._characters -= _characters(self.entries[gone])
            gone += 1
        del self.entries[:gone]

    def _take_part(self, came: LivePart | None) -> None:
        """Put what came behind what was there; another block takes its place."""
        known = self.part
        if came is not None and known is not None and came.number == known.number and came.start <= len(known.text):
            came = LivePart(came.number, came.at, came.kind, came.title, 0, known.text[: came.start] + came.text)
        self.part = came


def _entry(index: int, message: Message) -> TranscriptEntry:
    return TranscriptEntry(index, message.at, message.kind, message.title, message.text, message.detail, message.ref)


def _clears(entry: TranscriptEntry) -> bool:
    return (entry.kind, entry.title) == ("note", "/clear")


def _characters(entry: TranscriptEntry) -> int:
    return len(entry.text) + len(entry.detail)


def _size(part: LivePart | None) -> tuple[int, int]:
    return (part.number, len(part.text)) if part is not None else (0, 0)
