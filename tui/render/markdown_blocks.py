"""Where Markdown can be cut without changing what it means: after a blank line, outside of fenced code. Pure."""

from __future__ import annotations

import re

MOST = 8000
"""Characters that are read at once: some Markdown costs its length squared."""
BRACKETS = 400
"""Opening brackets in one piece; with more it is no text that a person wrote, and is shown as it is."""
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")


class Fence:
    """Owner of whether the lines read so far stand in fenced code."""

    def __init__(self) -> None:
        self.mark = ""
        self.language = ""

    def opens(self, line: str) -> bool:
        """Whether code begins with this line."""
        return not self.mark and _FENCE.match(line) is not None

    def take(self, line: str) -> bool:
        """Read one line; whether it opens or closes the code."""
        found = _FENCE.match(line)
        if not self.mark:
            if found is None:
                return False
            self.mark, words = found[1], found[2].split()
            self.language = words[0] if words else ""
            return True
        if found and found[1][0] == self.mark[0] and len(found[1]) >= len(self.mark) and not found[2].strip():
            self.mark = self.language = ""
            return True
        return False


def pieces(text: str) -> list[str]:
    """The text in pieces of about MOST characters, cut at blank lines outside of code where there are any."""
    if len(text) <= MOST:
        return [text]
    found: list[str] = []
    lines: list[str] = []
    size, fence = 0, Fence()
    for line in text.split("\n"):
        fence.take(line)
        lines.append(line)
        size += len(line) + 1
        if size >= MOST and (not line.strip() and not fence.mark):
            found.append("\n".join(lines))
            lines, size = [], 0
    return [*found, "\n".join(lines)]


def readable(piece: str) -> bool:
    """Whether reading the piece as Markdown takes no longer than it is worth."""
    return len(piece) <= 4 * MOST and piece.count("[") <= BRACKETS
