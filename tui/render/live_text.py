"""Text that is still being written, as lines: what is complete is drawn once, only its end is drawn again. Pure."""

from __future__ import annotations

from tui.render.code import code_lines
from tui.render.markdown import CODE_EDGE, markdown_lines
from tui.render.markdown_blocks import Fence
from tui.render.spans import Line
from tui.render.wrapping import wrap_line, wrap_text

_OPEN_MOST = 1000
"""Characters of an unfinished paragraph that are drawn again with each piece; a longer one is cut at a line or word."""


class LiveText:
    """Owner of the lines of one growing text; `markdown` is False where it is not meant to be read as such."""

    def __init__(self, width: int, *, markdown: bool) -> None:
        self.width = width
        self._markdown = markdown
        self._done: list[Line] = []
        self._block = ""
        self._last = ""
        self._fence = Fence()

    def grow(self, piece: str) -> None:
        """More of the text has come."""
        *whole, self._last = (self._last + piece).split("\n")
        for line in whole:
            self._line(line)
        if len(self._block) + len(self._last) > _OPEN_MOST:
            self._cut()

    @property
    def lines(self) -> list[Line]:
        """All of it as it would be if it ended here."""
        end = self._block + self._last
        return [*self._done, *self._drawn(end)] if end else self._done

    def _line(self, line: str) -> None:
        """One line of the source is complete."""
        if not self._markdown or self._fence.mark:
            self._finish(line)
        elif self._fence.opens(line):
            self._close_block()
            self._fence.take(line)
        elif line.strip():
            self._block += line + "\n"
        elif self._block:
            self._close_block()
            self._done.append([])

    def _finish(self, line: str) -> None:
        """A line of code or of plain text, which nothing that follows can change."""
        if self._markdown and self._fence.take(line):
            self._done.append([])
        else:
            self._done += self._drawn(line)

    def _close_block(self) -> None:
        if self._block:
            self._done += self._drawn(self._block)
        self._block = ""

    def _drawn(self, text: str) -> list[Line]:
        if not self._markdown:
            return wrap_text(text, self.width, len(text) + 1)[0]
        if not self._fence.mark:
            return markdown_lines(text, self.width)
        coloured = [part for line in code_lines(text, self._fence.language) for part in wrap_line(line, self.width - 2)]
        return [[*CODE_EDGE, *part] for part in coloured]

    def _cut(self) -> None:
        """The paragraph is long: what stands before its last line, or its last word, is complete."""
        if self._block:
            self._close_block()
        else:
            at = self._last.rfind(" ")
            head, self._last = (self._last[:at], self._last[at + 1 :]) if at > 0 else (self._last, "")
            self._done += self._drawn(head)
