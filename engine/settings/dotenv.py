"""A reader of `.env` files: NAME=value lines, parsed strictly so that a bad line is reported, not dropped."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

MOST_BYTES = 256 * 1024
"""Size of the largest `.env` file that is read."""
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*')\s*(?:#.*)?""")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def content_of(path: Path) -> bytes:
    """The bytes of a regular file of at most 256 KiB. Raises OSError for anything else, a pipe at once."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(handle)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        content = os.read(handle, MOST_BYTES + 1)
    finally:
        os.close(handle)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES // 1024} KiB")
    return content


def parse_dotenv(content: bytes, path: Path) -> tuple[dict[str, str], list[str]]:
    """Names and values of what was read from `path`, and one sentence for each line that is not NAME=value."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return {}, [unreadable(path, OSError(errno.EILSEQ, "it is not UTF-8 text"))]
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


def unreadable(path: Path, error: OSError) -> str:
    """What is wrong with a file that cannot be read, and what to do."""
    return f"{path} cannot be read: {error.strerror}. Make it a readable text file, or take it away."


def _value(text: str) -> str | None:
    """The value as the writer meant it, or None when a quote is never closed."""
    if not text.startswith(("'", '"')):
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    match = _QUOTED.fullmatch(text)
    if match is None:
        return None
    inner = match[1][1:-1]
    return inner if text[0] == "'" else _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), inner)
