"""Lines of spans broken at words, measured in cells: wide characters count twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

from tui.render.plain_text import clean
from tui.render.spans import Line, fit, width_of

_TOKEN = re.compile(r"\s+|\S+")
TAB = 4
"""Cells of a tab."""


def wrap_line(line: Line, width: int) -> list[Line]:
    """The line as lines of at most `width` cells; a word that is longer is broken, blanks at a break go."""
    width = max(1, width)
    if width_of(line) <= width:
        return [line]
    if len(line) == 1 and line[0][0].isascii():
        return [[(part, line[0][1])] for part in _wrap_ascii(line[0][0], width)]
    rows: list[Line] = []
    row: Line = []
    used = 0
    for word, size, is_blank in _words(line):
        if is_blank:
            if used + size <= width and (used or not rows):
                row, used = row + word, used + size
            continue
        if used and used + size > width:
            rows.append(_trimmed(row))
            row, used = [], 0
        if size <= width:
            row += word
            used += size
        else:
            *whole, row = _broken(word, width)
            rows += whole
            used = width_of(row)
    return [_merged(each) for each in [*rows, _trimmed(row)]]


def wrap_text(text: str, width: int, most: int, role: str = "") -> tuple[list[Line], int]:
    """The text wrapped to `width`, cut after `most` lines; the second value counts the source lines left out."""
    source = text.split("\n")
    shown: list[Line] = []
    for index, line in enumerate(source):
        if len(shown) >= most:
            return shown, len(source) - index
        # Only what can be shown is wrapped: a line may be 64 KB long.
        part = clean(line[: width * (most - len(shown)) + 1].expandtabs(TAB))
        shown += wrap_line([(part, role)], width)
    return shown[:most], 0 if len(shown) <= most else 1


def whole_lines(text: str, width: int, most: int) -> list[str]:
    """The text in as many lines of `width` cells as it needs, at most so many; the last one is cut where it must be."""
    if most < 2:
        return [fit(text, width)]
    lines, left_out = wrap_text(text, width, most)
    texts = [fit("".join(words for words, _role in line), width) for line in lines] or [fit("", width)]
    return [*texts[:-1], fit(texts[-1].rstrip() + " …", width)] if left_out else texts


def _wrap_ascii(text: str, width: int) -> list[str]:
    """The same for plain text, row by row instead of word by word."""
    rows: list[str] = []
    indent = len(text) - len(text.lstrip())
    while len(text) > width:
        cut = text.rfind(" ", 0, width + 1)
        if cut <= (indent if not rows else 0):
            cut = width
        rows.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*rows, text.rstrip() if rows else text]


def _words(line: Line) -> Iterator[tuple[Line, int, bool]]:
    """Words and the blanks between them, with their cells; a word may go over several spans."""
    word: Line = []
    size = 0
    for text, role in line:
        for token in _TOKEN.findall(text):
            cells = len(token) if token.isascii() else cell_len(token)
            if not token.isspace():
                word.append((token, role))
                size += cells
                continue
            if word:
                yield word, size, False
                word, size = [], 0
            yield [(token, role)], cells, True
    if word:
        yield word, size, False


def _broken(word: Line, width: int) -> list[Line]:
    rows: list[Line] = [[]]
    for text, role in word:
        room = width - width_of(rows[-1])
        head, _, rest = _cut(text, room)
        if head:
            rows[-1].append((head, role))
        rows += [[(part, role)] for part in chop_cells(rest, width)] if rest else []
    return rows


def _cut(text: str, room: int) -> tuple[str, int, str]:
    """What fits into `room` cells, its cells, and the rest."""
    used = 0
    for at, character in enumerate(text):
        size = cell_len(character)
        if used + size > room:
            return text[:at], used, text[at:]
        used += size
    return text, used, ""


def _trimmed(row: Line) -> Line:
    while row and not row[-1][0].strip():
        row = row[:-1]
    return row


def _merged(row: Line) -> Line:
    """Neighbours of one role become one span."""
    merged: Line = []
    for text, role in row:
        if merged and merged[-1][1] == role:
            merged[-1] = (merged[-1][0] + text, role)
        else:
            merged.append((text, role))
    return merged
