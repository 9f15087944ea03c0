"""Notes on moments of a recording: short texts in a file beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tui.render.plain_text import clean

MAX_TEXT = 200
"""Characters of a note; what is longer is cut."""
MAX_NOTES = 500
"""Notes of one recording; no more are taken."""
MAX_BYTES = 1 << 20
"""Of a larger file nothing is read, and nothing is added to it."""


class Note(msgspec.Struct, frozen=True):
    """A text about the moment `at`, written at `written`; both in seconds since 1970."""

    at: float
    written: float
    text: str


class Notes:
    """Owner of the notes beside the segments of one recording. What cannot be read of them is left out."""

    def __init__(self, segments: Sequence[Path]) -> None:
        from engine.events.packing import segment_name

        name = segment_name(segments[0])
        self.path = segments[0].with_name(f"{name.rpartition('-')[0] or name}.notes.jsonl")
        self.notes = _read(self.path)

    def add(self, at: float, text: str) -> str:
        """Write one; the answer states why it cannot be."""
        note = Note(at, time.time(), clean(text).strip()[:MAX_TEXT])
        if len(self.notes) >= MAX_NOTES:
            return f"{self.path} holds {MAX_NOTES} notes, and no more."
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                if os.fstat(handle).st_size > MAX_BYTES:
                    return f"{self.path} is larger than {MAX_BYTES} bytes; nothing is added to it."
                file.write(msgspec.json.encode(note) + b"\n")
        except OSError as error:
            return f"{self.path} cannot be written: {error.strerror}."
        self.notes = sorted([*self.notes, note], key=lambda each: each.at)
        return ""


def _read(path: Path) -> list[Note]:
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return []
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    found = [note for line in lines if (note := _note(line)) is not None]
    return sorted(found[:MAX_NOTES], key=lambda note: note.at)


def _note(line: bytes) -> Note | None:
    try:
        note = msgspec.json.decode(line, type=Note)
    except msgspec.MsgspecError:
        return None
    return Note(note.at, note.written, clean(note.text)[:MAX_TEXT])
