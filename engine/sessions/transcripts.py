"""The live transcripts: a detail stream opened on demand, under one byte bound for all sessions."""

from __future__ import annotations

from collections import OrderedDict, deque

import msgspec

MAX_ENTRY = 64 * 1024
"""Characters of one entry; longer ones are cut and say so."""
MAX_SESSIONS = 10_000
"""Sessions whose transcripts are remembered; of the oldest nothing stays."""
_OVERHEAD = 200


class TranscriptEntry(msgspec.Struct, frozen=True):
    """One line of a transcript; `index` counts from 0 within the session."""

    index: int
    at: float
    kind: str
    title: str
    text: str


class Page(msgspec.Struct, frozen=True):
    """Entries in order; `dropped` tells how many before them are no longer kept, `next` where to go on."""

    session: str
    entries: list[TranscriptEntry]
    dropped: int
    next: int


class Transcripts:
    """Owner of all transcripts. At the bound the least recently written session loses its oldest entries."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._books: OrderedDict[str, TranscriptBuffer] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes held, estimated from the characters kept."""
        return self._bytes

    def add(self, session: str, at: float, kind: str, title: str, text: str) -> None:
        """Write one entry to a session's transcript."""
        book = self._books.setdefault(session, TranscriptBuffer())
        self._books.move_to_end(session)
        if len(text) > MAX_ENTRY:
            text = f"{text[:MAX_ENTRY]}\n… {len(text) - MAX_ENTRY} characters more"
        entry = TranscriptEntry(book.next, at, kind, title, text)
        book.entries.append(entry)
        book.next += 1
        self._bytes += _size(entry)
        self._make_room()

    def page(self, session: str, after: int = 0, limit: int = 500) -> Page:
        """Up to `limit` entries of `session` from index `after` on."""
        book = self._books.get(session)
        if book is None:
            return Page(session, [], 0, after)
        dropped = book.next - len(book.entries)
        skip = max(0, after - dropped)
        entries = [book.entries[i] for i in range(skip, min(len(book.entries), skip + limit))]
        return Page(session, entries, dropped, entries[-1].index + 1 if entries else max(after, dropped))

    def forget(self, session: str) -> None:
        """Drop a session's transcript."""
        book = self._books.pop(session, None)
        if book is not None:
            self._bytes -= sum(map(_size, book.entries))

    def _make_room(self) -> None:
        while len(self._books) > MAX_SESSIONS:
            self.forget(next(iter(self._books)))
        books = iter(self._books.values())
        book = next(books)
        while self._bytes > self._max_bytes:
            while not book.entries:
                book = next(books)
            self._bytes -= _size(book.entries.popleft())


class TranscriptBuffer:
    """Entries of one session, and the index that the next one gets."""

    def __init__(self) -> None:
        self.entries: deque[TranscriptEntry] = deque()
        self.next = 0


def _size(entry: TranscriptEntry) -> int:
    return len(entry.title) + len(entry.text) + _OVERHEAD
