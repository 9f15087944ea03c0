"""A reader of `.env` files: NAME=value lines, told apart strictly so that a bad line is reported, not dropped."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*')\s*(?:#.*)?""")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def read_dotenv(path: Path) -> tuple[dict[str, str], list[str]]:
    """Names and values of the file at `path`, and one sentence for each line that is not NAME=value.

    A missing file holds nothing. The sentences never repeat the line: it may hold a secret.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return {}, [f"{path} cannot be read: {reason}. Make it a readable text file, or take it away."]
    return _parse(text, path)


def _parse(text: str, path: Path) -> tuple[dict[str, str], list[str]]:
    values: dict[str, str] = {}
    problems: list[str] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = _value(match[2]) if match else None
        if match is None or value is None:
            problems.append(f"{path}, line {number}: this is not NAME=value; close every quote and comment with #.")
        else:
            values[match[1]] = value
    return values, problems


def _value(text: str) -> str | None:
    """The value as the writer meant it, or None when a quote is never closed."""
    if not text.startswith(("'", '"')):
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    match = _QUOTED.fullmatch(text)
    if match is None:
        return None
    inner = match[1][1:-1]
    return inner if text[0] == "'" else _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), inner)
