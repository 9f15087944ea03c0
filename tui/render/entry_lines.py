"""Entries of a transcript as lines: a narrow gutter with time and glyph, then the text or the act. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.sessions.transcripts import LivePart, TranscriptEntry
from tui.render import formats
from tui.render.live_text import LiveText
from tui.render.markdown import markdown_lines
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.render.tool_lines import tool_lines
from tui.render.wrapping import wrap_line, wrap_text

GUTTER = 12
"""Cells before the text: time and glyph."""
FOLDED = {"result": 3, "think": 1, "note": 2, "tool": 9, "error": 8, "user": 20}
"""Lines that a folded entry of a kind shows; kinds not named show UNFOLDED."""
UNFOLDED = 2000
"""Lines that an unfolded entry shows at most; the pager shows all."""
_LIVE = {"think": 4, "tool": 6}
"""Last lines that are shown of a thought or an input while it is written."""
_QUIET = frozenset({"result", "think", "note"})
_GLYPHS = {
    "user": ("▸", "ask"),
    "assistant": ("●", "run"),
    "think": ("◦", "muted"),
    "tool": ("▪", "wait"),
    "result": (" ", "muted"),
    "error": ("✖", "fail"),
    "note": ("·", "muted"),
}


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "/": "/"}


@dataclass(frozen=True, slots=True)
class Fold:
    """How an entry is shown: `whole` or folded, and the key that changes it."""

    whole: bool = False
    key: str = "enter"

    def most(self, kind: str) -> int:
        """Lines that an entry of a kind shows."""
        return UNFOLDED if self.whole else FOLDED.get(kind, UNFOLDED)


def entry_lines(entry: TranscriptEntry, width: int, fold: Fold) -> list[Line]:
    """One entry as lines of `width` cells."""
    room = max(10, width - GUTTER - 1)
    text, more = _text(entry, room, fold.most(entry.kind))
    if more:
        text.append([(f"… {formats.plural(more, 'more line')}  {fold.key} unfolds", "muted")])
    return _with_gutter(text, entry.at if entry.kind != "result" else None, entry.kind)


def _text(entry: TranscriptEntry, room: int, most: int) -> tuple[list[Line], int]:
    match entry.kind:
        case "assistant":
            return _cut(markdown_lines(entry.text, room), most)
        case "tool":
            return _call(entry, room, most)
        case "user":
            return wrap_text(entry.text, room, most, "strong")
        case "note" | "error":
            note = f"{entry.title}  {entry.text}".strip() if entry.title else entry.text
            return wrap_text(note, room, most, "fail" if entry.kind == "error" else "muted")
        case _:
            return wrap_text(entry.text or entry.title, room, most, "muted")


def _call(entry: TranscriptEntry, room: int, most: int) -> tuple[list[Line], int]:
    beside, below = tool_lines(entry.title, entry.text, entry.detail, room - 2)
    first: Line = [(f"{clean(entry.title)} ", "strong"), (clean(entry.text), "")]
    head = wrap_line([*first, (f"  {beside}" if beside else "", "muted")], room)
    lines, more = _cut(below, max(0, most - len(head)))
    return [*head, *([("  ", ""), *line] for line in lines)], more


def _cut(lines: list[Line], most: int) -> tuple[list[Line], int]:
    return list(lines[:most]), max(0, len(lines) - most)


def _with_gutter(text: list[Line], at: float | None, kind: str) -> list[Line]:
    glyph, role = _GLYPHS.get(kind, ("·", "muted"))
    blank: Line = [(" " * GUTTER, "")]
    first: Line = [(f" {formats.clock(at)} ", "muted"), (f"{glyph} ", role)] if at is not None else blank
    return [[*(first if number == 0 else blank), *line] for number, line in enumerate(text or [[]])]


class LiveEntry:
    """Owner of the lines of what is being written; they look as those of the entry that it becomes."""

    def __init__(self, part: LivePart, width: int) -> None:
        self.part = part
        self.width = width
        self._text = LiveText(max(10, width - GUTTER - 1), markdown=part.kind == "assistant")
        self._size = 0
        self._begun = ""

    def grow(self, part: LivePart) -> None:
        """More of it has come; `part` holds all of it."""
        self.part = part
        piece, self._size = part.text[self._size :], len(part.text)
        self._text.grow(self._unescaped(piece) if part.kind == "tool" else piece)

    def _unescaped(self, piece: str) -> str:
        """A piece of JSON to read; an escape that goes over two pieces waits for its end."""
        piece = self._begun + piece
        end = len(piece) - (len(piece) - len(piece.rstrip("\\"))) % 2
        self._begun = piece[end:]
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), piece[:end])

    def lines(self, *, whole: bool) -> list[Line]:
        """All lines of the answer; of a thought or an input the last ones, unless the `whole` is wanted."""
        kind, text = self.part.kind, self._text.lines
        most = UNFOLDED if whole else _LIVE.get(kind, UNFOLDED)
        if kind == "tool":
            text = [[(f"{clean(self.part.title)} ", "strong"), ("…", "muted")], *text[-most:]]
        else:
            text = text[-most:]
        if kind in _QUIET:
            text = [[(part, "muted") for part, _role in line] for line in text]
        return _with_gutter(text, self.part.at, kind)


def matching(line: Line, wanted: str) -> Line:
    """The line with every occurrence of `wanted` (in lower case) marked."""
    plain = "".join(text for text, _role in line)
    lowered = plain.lower()
    if not wanted or len(lowered) != len(plain) or wanted not in lowered:
        return line
    marked: Line = []
    begin = lowered.find(wanted)
    at = 0
    for text, role in line:
        end = at + len(text)
        while at < end:
            if 0 <= begin < end and begin + len(wanted) > at:
                start, stop = max(at, begin), min(end, begin + len(wanted))
                marked += [(plain[at:start], role)] if start > at else []
                marked.append((plain[start:stop], "here"))
                at = stop
                if stop == begin + len(wanted):
                    begin = lowered.find(wanted, stop)
            else:
                marked.append((plain[at:end], role))
                at = end
    return marked
