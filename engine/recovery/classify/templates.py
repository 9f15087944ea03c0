"""Templates mined from error texts: what varies is masked, what stays is the error (after Drain)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ANY = "<*>"
LONGEST = 40
"""Words of a line that a template looks at."""
_LINES = 12
_VARIES = re.compile(
    r"""https?://\S+ | [\w.+-]+@[\w-]+\.\S+ | "[^"]{1,120}" | (?<!\w)'[^']{1,120}'(?!\w) | `[^`]{1,120}`
    | \[[^\]]*\d[^\]]*\] | (?:~|\.{0,2})/[^\s:,;)'"]+ | \b(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?\b""",
    re.VERBOSE,
)
_EDGE = ".,:;!?()[]{}<>\"'`"
_SIMILAR = 0.7

Template = tuple[str, ...]


def template_of(line: str) -> Template:
    """The words of a line; numbers, ids, paths, hosts, addresses and quoted parts are masked."""
    words = _VARIES.sub(f" {ANY} ", line).split()[:LONGEST]
    masked = (word if word == ANY else _masked(word) for word in words)
    return tuple(word for word in masked if word)


def templates_in(text: str) -> Iterator[Template]:
    """The templates of the first and last lines of a text."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines if len(lines) <= _LINES else [*lines[: _LINES // 2], *lines[-_LINES // 2 :]]:
        if template := template_of(line):
            yield template


def fixed_words(template: Template) -> list[str]:
    """The words of a template that are always there."""
    return [word for word in template if word != ANY]


def fits(template: Template, line: Template) -> bool:
    """Whether a line's template is one of those that a (more general) template stands for."""
    return len(template) == len(line) and all(
        mine in (ANY, theirs) for mine, theirs in zip(template, line, strict=True)
    )


def generalised(one: Template, other: Template) -> Template | None:
    """The template that stands for both, or None when they are not alike."""
    if len(one) != len(other):
        return None
    merged = tuple(mine if mine == theirs else ANY for mine, theirs in zip(one, other, strict=True))
    kept = sum(mine == theirs for mine, theirs in zip(one, other, strict=True))
    return merged if kept >= _SIMILAR * len(one) and has_substance(merged) else None


def has_substance(template: Sequence[str]) -> bool:
    """Whether enough words are fixed to tell one error from others: two, of three letters at least."""
    return sum(len(word) >= 3 and word != ANY for word in template) >= 2


def _masked(word: str) -> str:
    bare = word.strip(_EDGE).lower()
    return ANY if any(letter.isdigit() for letter in bare) else bare
