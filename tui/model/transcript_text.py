"""A transcript as a document: Markdown that reads well in a pager and in a file. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence

from engine.sessions.transcripts import TranscriptEntry
from tui.render.markdown_blocks import Fence
from tui.render.plain_text import clean, clean_lines
from tui.render.tool_lines import tool_lines

_WIDTH = 400
"""Cells at which an input is broken; a pager breaks lines itself."""
_LONGEST_TICKS = re.compile(r"`{3,}")
_CUT = "(Earlier entries are left out; `quarterdeck conversations messages` reads them all.)\n"


def document(title: str, entries: Iterable[TranscriptEntry], *, whole: bool) -> str:
    """All entries, each with its time; a note states that it is not the `whole` conversation."""
    parts = [f"# {clean(title)}\n", *([] if whole else [_CUT]), *(_part(entry) for entry in entries)]
    return "\n".join(parts)


def code_blocks(text: str) -> list[tuple[str, str]]:
    """The language and the text of each fenced block, in order; an unfinished one counts."""
    fence, found = Fence(), list[tuple[str, str]]()
    block: list[str] = []
    language = ""
    for line in text.split("\n"):
        if fence.take(line):
            if fence.mark:
                language, block = fence.language, []
            else:
                found.append((language, "\n".join(block)))
        elif fence.mark:
            block.append(line)
    return [*found, (language, "\n".join(block))] if fence.mark else found


def _part(entry: TranscriptEntry) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at)) if entry.at else ""
    text = clean_lines(entry.text)
    match entry.kind:
        case "user" | "assistant":
            return f"## {entry.kind}  {when}\n\n{text}\n"
        case "tool":
            beside, lines = tool_lines(entry.title, entry.text, entry.detail, _WIDTH)
            below = ["".join(part for part, _role in line) for line in lines]
            return f"### {clean(entry.title)} {clean(entry.text)}  {beside}  {when}\n" + _fenced(below)
        case kind:
            head = f"### {kind}  {clean(entry.title)}  {when}".rstrip()
            return f"{head}\n" + _fenced(text.split("\n") if text else [])


def _fenced(lines: Sequence[str]) -> str:
    """The lines as a block that none of them can end."""
    if not lines:
        return ""
    text = "\n".join(lines)
    ticks = "`" * (1 + max(map(len, _LONGEST_TICKS.findall(text)), default=2))
    return f"\n{ticks}\n{text}\n{ticks}\n"
