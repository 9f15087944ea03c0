"""The prompts of a conversation, in order, as its agent's transcript on disk holds them. Read within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.base.text import prompt_title
from engine.sessions.decoding import blocks_of
from engine.sessions.history import INJECTED, MAX_LINE, FileLine, opened, read_line, rewound_to, text_of, time_of

MAX_READ = 256 * 1024**2
"""Bytes of a transcript in which prompts are looked for."""
MAX_PROMPTS = 10_000
"""Prompts of one conversation that are known; of a longer one the first ones."""


class KeptPrompt(msgspec.Struct, frozen=True):
    """One prompt; `number` counts from 1, `at` is in seconds since 1970, `ref` names its message."""

    number: int
    at: float
    text: str
    ref: str


def prompts_in(path: Path) -> list[KeptPrompt]:
    """The prompts that the conversation still has: what a rewind cut off is none. Raises OSError."""
    found: list[tuple[float, str, str]] = []
    with opened(path) as file:
        for line in _telling(file):
            if cut := rewound_to(line):
                at = next((n for n, (_at, _text, ref) in enumerate(found) if ref == cut), len(found))
                del found[at:]
            elif len(found) < MAX_PROMPTS and (text := _prompt(read := read_line(line))):
                found.append((time_of(read.timestamp), prompt_title(text), read.uuid))
    return [KeptPrompt(number, *each) for number, each in enumerate(found, 1)]


def _telling(file: BinaryIO) -> Iterator[bytes]:
    """The lines that may hold a prompt or a rewind."""
    left, whole = MAX_READ, True
    while left > 0 and (line := file.readline(MAX_LINE)):
        left -= len(line)
        began, whole = whole, line.endswith(b"\n")
        if began and (b'"user"' in line or b'"rewound"' in line):
            yield line


def _prompt(read: FileLine) -> str:
    """The text of a prompt; empty for every other line."""
    if read.type != "user" or not read.uuid or read.isMeta or read.isSidechain or read.isCompactSummary:
        return ""
    if any(block.type == "tool_result" for block in blocks_of(read.message)):
        return ""
    text = text_of(read.message)
    return "" if text.lstrip().startswith(INJECTED) else text
