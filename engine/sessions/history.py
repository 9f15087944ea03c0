"""A conversation's messages from the transcript that its agent keeps on disk, read backwards in bounded pages."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Raw

from engine.base.text import one_line, tool_summary
from engine.sessions import messages as m
from engine.sessions.decoding import blocks_of, input_text
from engine.sessions.transcripts import cut, cut_input

BLOCK = 64 * 1024
"""Bytes that are read at once."""
MAX_LINE = 4 * 1024**2
"""Bytes of a line that is decoded; of a longer one only its size is reported."""
COMMAND_MARKS = ("<command-", "<local-command-")
"""How the texts begin by which the CLI notes commands of its own, as `/clear`."""
INJECTED = (*COMMAND_MARKS, "<task-notification>", "<bash-", "[Request interrupted")
"""How the texts begin that the CLI puts into a conversation by itself."""
MAX_PAGE = 4 * 1024**2
"""Bytes of the file that one page takes in at most, over its last line."""
MAX_BLOCKS = 500
"""Parts of one message that are shown; the rest is counted."""
SEARCHED = 64 * 1024**2
"""Bytes from the end in which a message is looked for."""


class HistoryEntry(msgspec.Struct, frozen=True):
    """One entry as in a live transcript; `at` is in seconds since 1970, 0 where the file does not tell."""

    at: float
    kind: str
    title: str
    text: str
    detail: str = ""
    ref: str = ""


class HistoryPage(msgspec.Struct, frozen=True):
    """Entries in order; `before` is where the page before this one ends, 0 at the conversation's begin."""

    entries: list[HistoryEntry]
    before: int


class FileLine(msgspec.Struct, frozen=True):
    """What we read of a line of the file."""

    type: str = ""
    uuid: str = ""
    timestamp: str = ""
    isMeta: bool = False  # noqa: N815 - the file's name
    isSidechain: bool = False  # noqa: N815 - the file's name
    isCompactSummary: bool = False  # noqa: N815 - the file's name
    subtype: str = ""
    rewound: bool = False
    cutUuid: str = ""  # noqa: N815 - the file's name
    content: Raw = Raw(b"null")
    message: m.Body = m.Body()


_decode = msgspec.json.Decoder(FileLine).decode


def read_page(
    path: Path, before: int | None, ref: str = "", until: float | None = None, limit: int = 200
) -> HistoryPage:
    """About `limit` entries that end at byte `before`; without it, those before the message `ref`.

    Where that is not found, and with `before`, only those written before `until`, in seconds since 1970. Raises
    OSError, also for what is no regular file.
    """
    with opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        end = min(before, size) if before is not None else _place_of(file, size, ref)
        late = until if before is not None or end == size else None
        found: list[list[HistoryEntry]] = []
        count = 0
        for start, line in _kept_lines(file, end):
            if line:
                found.append([entry for entry in entries_of(line) if late is None or entry.at < late])
                count += len(found[-1])
            if count >= limit or end - start >= MAX_PAGE:
                break
        else:
            start = 0
        return HistoryPage([entry for each in reversed(found) for entry in each], start)


def lines_before(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Each line that ends at or before byte `end`, the last one first, with the byte that it begins at.

    Of a line over MAX_LINE comes only its first block. A block in which no line begins gives an empty one, with the
    byte that the reader may go on from.
    """
    held, at, dropped = b"", end, False
    while at > 0:
        given, size = False, min(BLOCK, at)
        at -= size
        file.seek(at)
        held = file.read(size) + held
        tail = len(held)
        while (newline := held.rfind(b"\n", 0, tail - 1)) >= 0:
            line = held[newline + 1 : tail]
            if line.strip():
                given = True
                yield at + newline + 1, line[:BLOCK] if dropped else line
            tail, dropped = newline + 1, False
        held = held[:tail]
        if len(held) > MAX_LINE:
            held, dropped = held[:BLOCK], True
        if not given:
            yield at + len(held), b""
    if held.strip():
        yield 0, held[:BLOCK] if dropped else held


def _kept_lines(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """The lines as `lines_before`, without what a rewind cut off: from the prompt that it names up to its own line."""
    cut, since = "", 0
    for start, line in lines_before(file, end):
        if cut and since - start > SEARCHED:
            cut = ""
        if not cut:
            cut, since = rewound_to(line), start
            if not cut:
                yield start, line
        elif cut.encode() in line and read_line(line).uuid == cut:
            cut = ""


def rewound_to(line: bytes) -> str:
    """The prompt from which on a rewind cut the conversation off; empty for any other line."""
    if b'"rewound"' not in line:
        return ""
    read = read_line(line)
    return read.cutUuid if read.rewound and read.type == "last-prompt" else ""


def read_line(line: bytes) -> FileLine:
    """A line of the file; one that cannot be read is as good as none."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return FileLine()


def opened(path: Path) -> BinaryIO:
    """A regular file, open to read: what an agent put in its place, such as a pipe or a link, is not opened."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(handle, "rb")


def entries_of(line: bytes) -> list[HistoryEntry]:
    """The entries of one line of the file; nothing for what no person reads, and a note for what cannot be read."""
    found = _entries_of(line)
    if len(found) > MAX_BLOCKS:
        more = HistoryEntry(found[0].at, "note", "cut", f"{len(found) - MAX_BLOCKS} parts more", ref=found[0].ref)
        return [*found[:MAX_BLOCKS], more]
    return found


def _entries_of(line: bytes) -> list[HistoryEntry]:
    try:
        read = _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return [HistoryEntry(0.0, "note", "unreadable", f"A line is damaged, or is over {MAX_LINE >> 20} MiB.")]
    if read.isMeta or read.isSidechain:
        return []
    at = time_of(read.timestamp)
    match read.type:
        case "assistant":
            return [_said(at, block, read.uuid) for block in blocks_of(read.message)]
        case "user" if read.isCompactSummary:
            return [HistoryEntry(at, "note", "compacted", cut(text_of(read.message)), ref=read.uuid)]
        case "user":
            return [_given(at, block, read.uuid) for block in blocks_of(read.message) if not _is_markup(block)]
        case "system" if read.subtype:
            return [HistoryEntry(at, "note", one_line(read.subtype), cut(_plain(read.content)), ref=read.uuid)]
        case _:
            return []


def _said(at: float, block: m.Block, ref: str) -> HistoryEntry:
    match block.type:
        case "tool_use":
            return HistoryEntry(
                at, "tool", one_line(block.name), tool_summary(block.input), cut_input(input_text(block)), ref
            )
        case "thinking":
            return HistoryEntry(at, "think", "", cut(block.thinking), ref=ref)
        case "text":
            return HistoryEntry(at, "assistant", "", cut(block.text), ref=ref)
        case kind:
            return HistoryEntry(at, "note", one_line(kind), "", ref=ref)


def _is_markup(block: m.Block) -> bool:
    """Whether it is how the CLI notes one of its own commands, which nobody wrote."""
    return block.type == "text" and block.text.lstrip().startswith(COMMAND_MARKS)


def _given(at: float, block: m.Block, ref: str) -> HistoryEntry:
    match block.type:
        case "tool_result":
            text = text_of(m.Body(content=block.content))
            return HistoryEntry(at, "error" if block.is_error else "result", "", cut(text), ref=ref)
        case "text":
            return HistoryEntry(at, "user", "", cut(block.text), ref=ref)
        case kind:
            return HistoryEntry(at, "note", one_line(kind), "", ref=ref)


def text_of(body: m.Body) -> str:
    """The texts of a message, one after the other."""
    return "\n".join(block.text for block in blocks_of(body))


def _plain(raw: Raw) -> str:
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(raw, type=str)
    return ""


def time_of(stamp: str) -> float:
    """A time of the file in seconds since 1970; 0 for one that cannot be read."""
    with suppress(ValueError):
        return datetime.fromisoformat(stamp).timestamp()
    return 0.0


def _place_of(file: BinaryIO, size: int, ref: str) -> int:
    """Where the line of message `ref` begins; the file's end where it is not among the last ones."""
    if ref:
        mark = ref.encode("utf-8", "replace")
        for start, line in lines_before(file, size):
            if mark in line and entries_of(line) and any(entry.ref == ref for entry in entries_of(line)):
                return start
            if size - start > SEARCHED:
                break
    return size
