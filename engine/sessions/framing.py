"""Bytes in any split to whole lines, bounded in length."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.sessions.repair import SEARCHED

MAX_LINE = 64 * 1024 * 1024
"""Longest line in bytes: the CLI writes whole replies as one line (3 MB was measured)."""


@dataclass(frozen=True, slots=True)
class OversizedLine:
    """A line longer than the limit was dropped; `size` is its length in bytes, `head` and `tail` are its ends."""

    size: int
    head: bytes = field(default=b"", compare=False, repr=False)
    tail: bytes = field(default=b"", compare=False, repr=False)


class LineSplitter:
    """Cuts a byte stream at newlines, copying each byte at most twice however it is split."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._dropped = 0
        self._head = self._tail = b""

    def feed(self, data: bytes) -> list[bytes | OversizedLine]:
        """Take bytes in; return the lines they complete, without their newline, blank ones left out."""
        head, newline, rest = data.partition(b"\n")
        if not newline:
            self._keep(data)
            return []
        self._keep(head)
        lines = self._complete()
        *whole, tail = rest.split(b"\n")
        for line in whole:
            self._keep(line)
            lines += self._complete()
        self._keep(tail)
        return lines

    def end(self) -> list[bytes | OversizedLine]:
        """The stream is over: return an unfinished last line, if there is one."""
        return self._complete()

    def _keep(self, part: bytes) -> None:
        if not part:
            return
        if self._dropped:
            self._dropped += len(part)
            self._tail = (self._tail + part[-SEARCHED:])[-SEARCHED:]
        elif self._size + len(part) > self._limit:
            self._drop(part)
        else:
            self._parts.append(part)
            self._size += len(part)

    def _drop(self, part: bytes) -> None:
        self._dropped = self._size + len(part)
        self._head = b"".join([*self._parts, part])[:SEARCHED]
        self._tail = part[-SEARCHED:]
        self._parts.clear()
        self._size = 0

    def _complete(self) -> list[bytes | OversizedLine]:
        if self._dropped:
            dropped = OversizedLine(self._dropped, self._head, self._tail)
            self._dropped, self._head, self._tail = 0, b"", b""
            return [dropped]
        line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return [line] if line.strip() else []
