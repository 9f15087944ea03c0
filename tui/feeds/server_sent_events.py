"""Server-sent events, read from bytes: lines end at CR and LF alone, whatever a text holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.base.errors import QuarterdeckError

MAX_EVENT = 64 * 1024 * 1024
"""Bytes of one event."""
_LINE_END = re.compile(rb"\r\n|\n|\r")


class StreamTooLong(QuarterdeckError):
    """One event of a stream is over the bound."""

    code = "stream_too_long"


class EventDecoder:
    """Bytes in, events out; `feed` returns the name and the data of each event that the bytes complete."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[tuple[str, str]]:
        """The events that end in this piece. Raises StreamTooLong."""
        self._parts.append(piece)
        self._size += len(piece)
        if self._size > MAX_EVENT:
            raise StreamTooLong(f"An event of the stream is over {MAX_EVENT} bytes.", remedy="Ask without --stream.")
        if b"\n" not in piece and b"\r" not in piece:
            return []
        raw = b"".join(self._parts)
        held = b"\r" if raw.endswith(b"\r") else b""  # its LF may come with the next piece
        *lines, rest = _LINE_END.split(raw[: len(raw) - len(held)])
        self._parts, self._size = [rest + held], len(rest) + len(held)
        return [event for line in lines if (event := self._line(line.decode("utf-8", "replace"))) is not None]

    def _line(self, line: str) -> tuple[str, str] | None:
        if not line:
            name, data = self._name, self._data
            self._name, self._data = "", []
            return (name or "message", "\n".join(data)) if data else None
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        return None


def events_in(pieces: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """The events of a stream, as its bytes arrive."""
    decoder = EventDecoder()
    for piece in pieces:
        yield from decoder.feed(piece)
