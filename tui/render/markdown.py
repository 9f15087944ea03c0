"""Markdown as lines of spans: headings, lists, quotes, code, tables. markdown-it reads it, our roles colour it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from tui.render.code import code_lines
from tui.render.markdown_blocks import pieces, readable
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.render.tables import table_lines
from tui.render.wrapping import TAB, wrap_line, wrap_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

CODE_EDGE: Line = [("│ ", "rule")]
"""Before each line of code."""
QUOTE_EDGE: Line = [("▌ ", "muted")]
_RULE = 40
_NARROWEST = 10
"""Cells that text has at least, however deep it stands."""


def markdown_lines(text: str, width: int) -> list[Line]:
    """The text as lines of at most `width` cells, without a blank line at its ends."""
    lines: list[Line] = []
    for piece in pieces(text):
        lines += _piece_lines(piece, width)
        lines.append([])
    while lines and not any(part.strip() for part, _role in lines[-1]):
        lines.pop()
    return lines


def prepare() -> None:
    """Import what reading Markdown and code takes (60 ms), before the first text is shown."""
    markdown_lines("```python\npass\n```", 80)


def _piece_lines(piece: str, width: int) -> list[Line]:
    if readable(piece):
        drawn = _Drawing(width)
        drawn.draw(_reader().parse(piece))
        if 2 * _letters("".join(text for line in drawn.lines for text, _role in line)) >= _letters(piece):
            return drawn.lines
    return wrap_text(piece, width, len(piece))[0]  # nothing of it may be lost


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class _Drawing:
    """Owner of the lines drawn so far, and of what stands before each line where the reader is now."""

    def __init__(self, width: int) -> None:
        self.lines: list[Line] = []
        self._width = width
        self._edges: list[Line] = []
        self._marker: Line = []
        self._numbers: list[int | None] = []

    def draw(self, tokens: Sequence[Token]) -> None:
        """Draw the blocks in order."""
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "table_open":
                end = _end_of(tokens, at)
                self._put_all(table_lines(_rows(tokens[at:end]), self._room))
                self._gap()
                at = end
            else:
                self._block(token, tokens[at - 1] if at else None)
            at += 1

    def _block(self, token: Token, before: Token | None) -> None:
        match token.type:
            case "inline":
                self._inline(token, before)
            case "heading_close" | "paragraph_close":
                if not token.hidden:
                    self._gap()
            case "fence" | "code_block":
                self._code(token)
            case "hr":
                self._put_all([[("─" * min(self._room, _RULE), "rule")]])
                self._gap()
            case _:
                self._nesting(token)

    def _nesting(self, token: Token) -> None:
        """Quotes and lists open and close."""
        match token.type:
            case "blockquote_open":
                self._edges.append(QUOTE_EDGE)
            case "blockquote_close":
                self._edges.pop()
                self._end_quote()
            case "bullet_list_open" | "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1) if token.type.startswith("ordered") else None)
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
                if not self._numbers:
                    self._gap()
            case "list_item_open":
                self._item()
            case "list_item_close":
                self._edges.pop()
                self._marker = []

    @property
    def _room(self) -> int:
        return max(_NARROWEST, self._width - sum(len(text) for edge in self._edges for text, _role in edge))

    def _item(self) -> None:
        number = self._numbers[-1] if self._numbers else None
        marker = "• " if number is None else f"{number}. "
        if number is not None:
            self._numbers[-1] = number + 1
        self._marker = [(marker, "muted")]
        self._edges.append([(" " * len(marker), "")])

    def _inline(self, token: Token, before: Token | None) -> None:
        heading = before is not None and before.type == "heading_open"
        base = "strong" if heading else "muted" if QUOTE_EDGE in self._edges else ""
        for number, line in enumerate(inline_lines(token.children or (), base)):
            mark = before.markup if heading and before is not None and not number else ""
            lead: Line = [(f"{mark} ", "muted")] if mark.startswith("#") else []
            self._put_all(wrap_line([*lead, *line], self._room))

    def _code(self, token: Token) -> None:
        language = token.info.split()[0] if token.info.split() else ""
        edge = CODE_EDGE
        for line in code_lines(token.content.rstrip("\n"), language):
            self._put_all([[*edge, *part] for part in wrap_line(line, self._room - 2)])
        self._gap()

    def _put_all(self, lines: Sequence[Line]) -> None:
        for line in lines:
            edges = [span for edge in self._edges for span in edge]
            if self._marker:
                edges = [*(span for edge in self._edges[:-1] for span in edge), *self._marker]
                self._marker = []
            self.lines.append([*edges, *line])

    def _end_quote(self) -> None:
        """The edge does not go on below the quote."""
        while self.lines and not "".join(text for text, _role in self.lines[-1]).strip("▌ "):
            self.lines.pop()
        self._gap()

    def _gap(self) -> None:
        """One blank line, not two."""
        if self.lines and any(part.strip() for part, _role in self.lines[-1]):
            self.lines.append(list(QUOTE_EDGE) if QUOTE_EDGE in self._edges else [])


def inline_lines(children: Sequence[Token], base: str = "") -> list[Line]:
    """The spans of a text, one list a line; a line break in the source is one on the screen."""
    lines: list[Line] = [[]]
    for text, role in _spans(children, base):
        if text == "\n":
            lines.append([])
        elif text:
            lines[-1].append((clean(text.expandtabs(TAB)), role))
    return lines


def _spans(children: Sequence[Token], base: str) -> Iterator[tuple[str, str]]:
    bold, target, shown = 0, "", ""
    for child in children:
        match child.type:
            case "text":
                shown += child.content
                yield child.content, "strong" if bold else base
            case "code_inline":
                shown += child.content
                yield child.content, "wait"
            case "softbreak" | "hardbreak":
                yield "\n", ""
            case "strong_open" | "strong_close":
                bold += 1 if child.type == "strong_open" else -1
            case "link_open":
                target, shown = str(child.attrGet("href") or ""), ""
            case "link_close":
                if target and target not in {shown, f"mailto:{shown}"}:
                    yield f" ({target})", "muted"
                target = ""
            case "image":
                yield f"[image: {child.content}] ({child.attrGet('src') or ''})", "muted"
            case "s_open" | "s_close":
                yield "~", "muted"
            case "em_open" | "em_close":
                yield "", ""
            case _:
                yield child.content, base


def _end_of(tokens: Sequence[Token], at: int) -> int:
    return next((end for end in range(at, len(tokens)) if tokens[end].type == "table_close"), len(tokens) - 1)


def _rows(tokens: Sequence[Token]) -> list[list[Line]]:
    """The cells of a table, row by row; the first row is its head."""
    rows: list[list[Line]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            cells = inline_lines(token.children or ())
            rows[-1].append([span for line in cells for span in line])
    return rows
