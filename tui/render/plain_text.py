"""Text that a terminal shows and never obeys: the one cleaner of everything that people read."""

from __future__ import annotations

import re

_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_NOT_ASCII_LINE = re.compile(r"[^\n\x20-\x7e]")
_JOINERS = "\u200c\u200d"
"""Invisible, and needed for emoji and for some scripts."""


def clean(text: str) -> str:
    """`text` on one line with every control, escape and direction character made harmless."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_ASCII.sub(_harmless, text)


def clean_lines(text: str) -> str:
    """`text` on its lines, with its tabs, and with everything else made harmless that a terminal would obey."""
    return _NOT_ASCII.sub(_harmless_in_lines, text)


def escape_json(text: str) -> str:
    """JSON in which nothing that a terminal would obey is left as it is; it reads back as the same value."""
    return _NOT_ASCII_LINE.sub(lambda found: found[0] if found[0].isprintable() else _escaped(found[0]), text)


def _harmless(match: re.Match[str]) -> str:
    found = match.group()
    if found.isprintable():
        return found
    return " " if found.isspace() else "·"


def _harmless_in_lines(match: re.Match[str]) -> str:
    found = match.group()
    if found in "\n\t" or found in _JOINERS:
        return found
    if found == "\r":
        return ""
    return "\n" if found in "\u2028\u2029" else _harmless(match)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
