"""What an edit changes, line by line, within a bound on the work. Pure."""

from __future__ import annotations

from bisect import bisect_left
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

_AT_ONCE = 250_000
"""Old times new lines from which on the lines that both have once are looked for first."""
Block = tuple[int, int, int, int]
"""Old lines from, to, and the new ones in their place from, to."""
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
    if not before:
        return Diff(tuple(("add", text) for text in after), len(after), 0)
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    middle_old, middle_new = before[head : len(before) - tail], after[head : len(after) - tail]
    found, compared = _changes(middle_old, middle_new)
    blocks = [(a + head, b + head, c + head, d + head) for a, b, c, d in found]
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


def _changes(old: Sequence[str], new: Sequence[str]) -> tuple[list[Block], bool]:
    """The blocks that differ, and whether all could be compared; lines that both have once are where they meet."""
    found: list[Block] = []
    compared, at, new_at = True, 0, 0
    meeting = _meeting(old, new) if len(old) * len(new) > _AT_ONCE else []
    for stop, new_stop in [*meeting, (len(old), len(new))]:
        part, new_part = old[at:stop], new[new_at:new_stop]
        if len(part) * len(new_part) > MOST_COMPARED or _pairs(part, new_part) > MOST_ALIKE:
            found.append((at, stop, new_at, new_stop))
            compared = False
        elif part or new_part:
            codes = SequenceMatcher(None, part, new_part).get_opcodes()
            found += [(a + at, b + at, c + new_at, d + new_at) for tag, a, b, c, d in codes if tag != "equal"]
        at, new_at = stop + 1, new_stop + 1
    return found, compared


def _meeting(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The longest run, in order, of lines that both texts have exactly once: where each stands in both."""
    counts, new_counts = Counter(old), Counter(new)
    places = {line: at for at, line in enumerate(new) if new_counts[line] == 1}
    pairs = [(at, places[line]) for at, line in enumerate(old) if counts[line] == 1 and line in places]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_at, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [number]
    run, number = list[tuple[int, int]](), last[-1] if last else -1
    while number >= 0:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]


def _pairs(old: Sequence[str], new: Sequence[str]) -> int:
    """How many pairs of equal lines difflib weighs at once."""
    counts = Counter(new)
    most = len(new) // 100 + 1 if len(new) >= _POPULAR_FROM else len(new)
    return sum(counts[line] for line in old if counts[line] <= most)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with alike."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)


def _drawn(before: Sequence[str], after: Sequence[str], blocks: Sequence[Block], first: int) -> Iterator[DiffLine]:
    shown = 0  # the old lines before this one are drawn or left out
    for number, (start, stop, new_start, new_stop) in enumerate(blocks):
        lead = max(shown, start - CONTEXT)
        if lead > shown or not number:
            yield "hunk", f"@@ line {first + lead} @@"
        for text in before[lead:start]:
            yield "same", text
        for text in before[start:stop]:
            yield "del", text
        for text in after[new_start:new_stop]:
            yield "add", text
        following = blocks[number + 1][0] if number + 1 < len(blocks) else len(before)
        shown = min(stop + CONTEXT, following)
        for text in before[stop:shown]:
            yield "same", text
