"""The live transcripts: a detail stream opened on demand, under one byte bound for all sessions."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict, deque

import msgspec

from engine.base.secret_text import redact

MAX_ENTRY = 64 * 1024
"""Characters of one entry; longer ones are cut and say so."""
MAX_SESSIONS = 10_000
"""Sessions whose transcripts are remembered; of the oldest nothing stays."""
_OVERHEAD = 200


class TranscriptEntry(msgspec.Struct, frozen=True):
    """One line of a transcript; `index` counts from 0 within the session.

    `detail` is the whole input of a tool as JSON, `ref` the uuid of the message in the conversation's own transcript.
    """

    index: int
    at: float
    kind: str
    title: str
    text: str
    detail: str = ""
    ref: str = ""


class LivePart(msgspec.Struct, frozen=True):
    """The block that is being written: number `number` of its session, its `text` from character `start` on."""

    number: int
    at: float
    kind: str
    title: str
    start: int
    text: str


class Page(msgspec.Struct, frozen=True):
    """Entries in order; `dropped` counts how many before them are no longer kept, `next` where to go on.

    `part` is what is being written after all of them; None on a page that does not reach the end.
    """

    session: str
    entries: list[TranscriptEntry]
    dropped: int
    next: int
    part: LivePart | None = None


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

    def add(
        self, session: str, at: float, kind: str, title: str, text: str, *, detail: str = "", ref: str = ""
    ) -> None:
        """Write one entry to a session's transcript; it stands in for the block that was being written."""
        book = self._book(session)
        entry = TranscriptEntry(book.next, at, kind, title, cut(text), cut_input(detail), ref)
        book.entries.append(entry)
        book.next += 1
        self._bytes += _size(entry)
        self._make_room()

    def open_part(self, session: str, at: float, kind: str, title: str) -> None:
        """A block begins to be written; the one before it is gone."""
        self.close_part(session)
        book = self._book(session)
        book.parts += 1
        book.part = OpenPart(book.parts, at, kind, title)

    def grow_part(self, session: str, piece: str) -> None:
        """A piece of the block that is open; what is over MAX_ENTRY is only counted."""
        part = self._books[session].part if session in self._books else None
        if part is not None:
            self._bytes += part.write(piece)
            self._make_room()

    def close_part(self, session: str) -> LivePart | None:
        """Nothing is being written any more; what was."""
        book = self._books.get(session)
        if book is None or book.part is None:
            return None
        part, book.part = book.part, None
        self._bytes -= part.size
        return part.read(0)

    def page(
        self, session: str, after: int = 0, limit: int = 500, *, last: int = 0, part: int = 0, part_from: int = 0
    ) -> Page:
        """Up to `limit` entries of `session` from index `after` on; with `last` not more than that many from its end.

        Of the block under way comes the text from character `part_from` on, where the reader knows number `part` of it.
        """
        book = self._books.get(session)
        if book is None:
            return Page(session, [], 0, after)
        dropped = book.next - len(book.entries)
        skip = max(0, after - dropped, len(book.entries) - last if last else 0)
        entries = [book.entries[i] for i in range(skip, min(len(book.entries), skip + limit))]
        following = entries[-1].index + 1 if entries else max(after, dropped)
        live = book.part if following == book.next else None
        shown = live.read(part_from if live.number == part else 0) if live is not None else None
        return Page(session, entries, dropped, following, shown)

    def forget(self, session: str) -> None:
        """Drop a session's transcript."""
        book = self._books.pop(session, None)
        if book is not None:
            self._bytes -= sum(map(_size, book.entries)) + (book.part.size if book.part is not None else 0)

    def _make_room(self) -> None:
        while len(self._books) > MAX_SESSIONS:
            self.forget(next(iter(self._books)))
        books = iter(self._books.values())
        book = next(books)
        while self._bytes > self._max_bytes:
            while not book.entries:
                if (following := next(books, None)) is None:
                    self._cut_parts()
                    return
                book = following
            self._bytes -= _size(book.entries.popleft())

    def _cut_parts(self) -> None:
        """Only blocks under way are left: they lose their text, the least recently written first."""
        for book in self._books.values():
            if self._bytes > self._max_bytes and book.part is not None:
                self._bytes -= book.part.empty()

    def _book(self, session: str) -> TranscriptBuffer:
        book = self._books.setdefault(session, TranscriptBuffer())
        self._books.move_to_end(session)
        return book


class OpenPart:
    """Owner of the text of one block under way; the first MAX_ENTRY characters are kept."""

    def __init__(self, number: int, at: float, kind: str, title: str) -> None:
        self.number = number
        self._at, self._kind, self._title = at, kind, title
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self.size = 0

    def write(self, piece: str) -> int:
        """Keep what there is room for; the characters kept."""
        kept = piece[: max(0, MAX_ENTRY - self.size)]
        if kept:
            self._starts.append(self.size)
            self._pieces.append(kept)
            self.size += len(kept)
        return len(kept)

    def read(self, start: int) -> LivePart:
        """Its text from character `start` on."""
        start = min(start, self.size)
        first = max(0, bisect_right(self._starts, start) - 1)
        text = "".join(self._pieces[first:])
        skip = start - self._starts[first] if self._starts else 0
        return LivePart(self.number, self._at, self._kind, self._title, start, text[skip:])

    def empty(self) -> int:
        """Let its text go; the characters that were kept. What follows is kept again."""
        size, self.size = self.size, 0
        self._pieces.clear()
        self._starts.clear()
        return size


class TranscriptBuffer:
    """Entries of one session, the index that the next one gets, and the block under way."""

    def __init__(self) -> None:
        self.entries: deque[TranscriptEntry] = deque()
        self.next = 0
        self.parts = 0
        self.part: OpenPart | None = None


def cut(text: str) -> str:
    """The text as an entry keeps it: what is over MAX_ENTRY is left out and counted."""
    return text if len(text) <= MAX_ENTRY else f"{text[:MAX_ENTRY]}\n… {len(text) - MAX_ENTRY} characters more"


def cut_input(text: str) -> str:
    """The input of a tool as an entry keeps it: as `cut`, with its secrets hidden."""
    return redact(cut(text))


def _size(entry: TranscriptEntry) -> int:
    return len(entry.title) + len(entry.text) + len(entry.detail) + _OVERHEAD
