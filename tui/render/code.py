"""Source code as lines of spans: Pygments reads it, our roles colour it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.render.wrapping import TAB

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

MOST = 20_000
"""Characters of code that are coloured; longer code is shown plain, so that no source holds the console up."""
_NAMED, _SNIFFED = 40, 200
"""Characters of a language's name and of a file's."""


def code_lines(code: str, language: str = "", file: str = "") -> list[Line]:
    """One line of spans for each line of code, in the colours of `language` or of the kind of `file`."""
    code = code.replace("\r\n", "\n").expandtabs(TAB)
    lexer = lexer_for(language[:_NAMED], file[-_SNIFFED:]) if len(code) <= MOST else None
    if lexer is None:
        return [[(clean(line), "")] for line in code.split("\n")]
    lines: list[Line] = [[]]
    for kind, text in lexer.get_tokens(code):
        role = _role(str(kind))
        first, *more = text.split("\n")
        if first:
            lines[-1].append((clean(first), role))
        lines.extend([(clean(part), role)] if part else [] for part in more)
    return lines


@lru_cache(maxsize=64)
def lexer_for(language: str, file: str = "") -> Lexer | None:
    """The reader of a language, or of the kind of file; None when there is none."""
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        if language:
            return get_lexer_by_name(language, stripnl=False, ensurenl=False)
        return get_lexer_for_filename(file, stripnl=False, ensurenl=False) if file else None
    except ClassNotFound:
        return None


_ROLES = (
    ("Token.Comment", "muted"),
    ("Token.Keyword", "ask"),
    ("Token.Literal.String", "run"),
    ("Token.Literal.Number", "wait"),
    ("Token.Name.Builtin", "wait"),
    ("Token.Name.Decorator", "wait"),
    ("Token.Name.Function", "strong"),
    ("Token.Name.Class", "strong"),
    ("Token.Name.Tag", "ask"),
    ("Token.Generic.Deleted", "fail"),
    ("Token.Generic.Inserted", "run"),
    ("Token.Generic.Heading", "strong"),
    ("Token.Generic.Subheading", "muted"),
)
"""The role of each kind of token; all others are plain."""


@lru_cache(maxsize=512)
def _role(kind: str) -> str:
    return next((role for prefix, role in _ROLES if kind.startswith(prefix)), "")
