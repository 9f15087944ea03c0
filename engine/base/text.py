"""Text for people: one line of a longer text, the summary of a tool call, the nearest known name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec

from engine.base.secret_text import redact

_TELLING = ("command", "file_path", "path", "pattern", "url", "query", "description", "prompt")
MAX_SUMMARY = 160
"""Characters of a summary."""
_LOOKED_AT = 8 * MAX_SUMMARY
MAX_TITLE = 80
"""Characters of a prompt's title."""
TAG = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""A tag of a cached answer."""


def tool_summary(raw: msgspec.Raw) -> str:
    """The part of a tool's input that tells most: the command, the path, the pattern; its secrets are hidden."""
    try:
        given = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return ""
    if not isinstance(given, dict):
        return ""
    for key in _TELLING:
        if isinstance(value := given.get(key), str) and value:
            return one_line(redact(value[:_LOOKED_AT]))
    return one_line(redact(", ".join(f"{key}={value}" for key, value in given.items())[:_LOOKED_AT]))


def prompt_title(prompt: str) -> str:
    """A prompt as lists, events and records name it: its first line, as a commit is named by its subject; no secret."""
    return one_line(redact(prompt.strip().partition("\n")[0][: 4 * MAX_TITLE]), MAX_TITLE)


def one_line(text: str, limit: int = MAX_SUMMARY) -> str:
    """`text` on one line without control characters, cut at `limit` characters with an ellipsis."""
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


LONGEST = 100
"""Characters of a name for which a near one is looked for: comparing costs the product of the lengths."""


def nearest_name(wrong: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most like `wrong`, None when none is like it; `cutoff` from 0 (any) to 1 (equal)."""
    if len(wrong) > LONGEST:
        return None
    close = difflib.get_close_matches(wrong, list(known), n=1, cutoff=cutoff)
    return close[0] if close else None
