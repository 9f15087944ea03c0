"""Server-sent events of an answer, read by httpx-sse, with a bound on the bytes of one event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import httpx
from httpx_sse import EventSource

from engine.base.errors import QuarterdeckError

MAX_EVENT = 64 * 1024 * 1024
"""Bytes of one event."""
_HEADERS = {"content-type": "text/event-stream; charset=utf-8"}


class StreamTooLong(QuarterdeckError):
    """One event of a stream is over the bound."""

    code = "stream_too_long"


class _BoundedPieces:
    """The bytes of a stream as they arrive, as long as those since the last event stay within the bound."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            if self.size > MAX_EVENT:
                raise StreamTooLong(
                    f"An event of the stream is over {MAX_EVENT} bytes.", remedy="Ask without --stream."
                )
            yield piece


def events_in(pieces: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Name and data of each event of a stream, as its bytes arrive. Raises StreamTooLong."""
    bounded = _BoundedPieces(pieces)
    for event in EventSource(httpx.Response(200, headers=_HEADERS, content=bounded)).iter_sse():
        bounded.size = 0
        if event.data:
            yield event.event, event.data
