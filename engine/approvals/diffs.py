"""What an edit changes, line by line, within a bound on the work. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_COMPARED = 2_000_000
"""Old times new lines that are compared one by one; a larger change is shown as all old lines, then all new ones."""
MOST_ALIKE = 30_000
"""Pairs of equal lines that are weighed; the work grows with them."""
_POPULAR_FROM = 200
"""New lines from which on difflib weighs no line that is more than a hundredth of them."""
CONTEXT = 3
"""Unchanged lines around a change."""

DiffLine = tuple[str, str]
"""What a line is (add, del, same or hunk) and its text."""


@dataclass(frozen=True, slots=True)
class Diff:
    """A change as lines, with how many it adds and removes; `compared` is False when it was too large for that."""

    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    compared: bool = True


def diff_of(old: str, new: str, first: int = 1) -> Diff:
    """The change from one text to another; `first` is the number of the old text's first line in its file."""
    before, after = _lines(old), _lines(new)
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    middle_old, middle_new = before[head : len(before) - tail], after[head : len(after) - tail]
    if len(middle_old) * len(middle_new) > MOST_COMPARED or _pairs(middle_old, middle_new) > MOST_ALIKE:
        blocks = [("replace", head, head + len(middle_old), head, head + len(middle_new))]
        compared = False
    else:
        matcher = SequenceMatcher(None, middle_old, middle_new)
        blocks = [
            (tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"
        ]
        compared = True
    lines = tuple(_drawn(before, after, blocks, first))
    added = sum(1 for kind, _text in lines if kind == "add")
    return Diff(lines, added, sum(1 for kind, _text in lines if kind == "del"), compared)


def _lines(text: str) -> list[str]:
    """The lines of a text; a line end at the very end begins no line, and a missing one is visible."""
    parts = text.split("\n")
    if parts[-1] == "":
        parts.pop()
    elif text:
        parts[-1] += " ⏎ no line end"
    return parts


def _pairs(old: Sequence[str], new: Sequence[str]) -> int:
    """How many pairs of equal lines difflib weighs at once."""
    counts = Counter(new)
    most = len(new) // 100 + 1 if len(new) >= _POPULAR_FROM else len(new)
    return sum(counts[line] for line in old if counts[line] <= most)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with alike."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)


def _drawn(
    before: Sequence[str], after: Sequence[str], blocks: Sequence[tuple[str, int, int, int, int]], first: int
) -> Iterator[DiffLine]:
    shown = 0  # the old lines before this one are drawn or left out
    for number, (_tag, start, stop, new_start, new_stop) in enumerate(blocks):
        lead = max(shown, start - CONTEXT)
        if lead > shown or not number:
            yield "hunk", f"@@ line {first + lead} @@"
        for text in before[lead:start]:
            yield "same", text
        for text in before[start:stop]:
            yield "del", text
        for text in after[new_start:new_stop]:
            yield "add", text
        following = blocks[number + 1][1] if number + 1 < len(blocks) else len(before)
        shown = min(stop + CONTEXT, following)
        for text in before[stop:shown]:
            yield "same", text
