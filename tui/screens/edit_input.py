"""Dialogs about an input that is edited before it is allowed: the text itself, and how it is judged then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import TextArea

from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.render.wrapping import wrap_line
from tui.screens.dialogs import Dialog, Question
from tui.widgets.plain_text_area import PlainTextArea
from tui.widgets.styled import LineBlock

MOST = 64 * 1024
"""Characters of a text that the engine takes as an edit."""


class EditInput(Dialog[str]):
    """A text of several lines to edit; ctrl+s gives it back, escape leaves it."""

    AUTO_FOCUS = "#text"

    def __init__(self, title: str, facts: Sequence[Line], text: str) -> None:
        super().__init__(title, facts, "ctrl+s judge it · esc leave it")
        self._text = text

    def compose(self) -> ComposeResult:
        """The box with the facts and the text."""
        with Container(id="box") as box:
            box.border_title = self._in_glyphs(clean(self._title).replace("[", "("))
            box.border_subtitle = self._in_glyphs(self._keys)
            yield LineBlock(id="lines")
            yield PlainTextArea(
                self._text, own_keys={"ctrl+s": self._done}, most=MOST, id="text", soft_wrap=True, tab_behavior="focus"
            )

    def on_mount(self) -> None:
        """The cursor is at the end of the text."""
        super().on_mount()
        area = self.query_one("#text", TextArea)
        area.move_cursor(area.document.end)

    def _done(self) -> None:
        """Give the text back."""
        self.dismiss(self.query_one("#text", TextArea).text)


class ReadAndConfirm(Question):
    """Lines to scroll through, and a key that agrees to them."""

    AUTO_FOCUS = "#box"
    BOX = VerticalScroll
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("A", "yes", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line], verb: str, keep: str) -> None:
        super().__init__(title, [], f"A {verb} · j k scroll · esc {keep}")
        self._whole = list(lines)

    def on_mount(self) -> None:
        """Wrap the lines to the box."""
        super().on_mount()
        self._wrap()

    @on(LineBlock.Resized)
    def _wrap(self) -> None:
        width = max(20, self.query_one("#lines", LineBlock).size.width)
        self.rewrite([part for line in self._whole for part in wrap_line(line, width)])

    def action_yes(self) -> None:
        """Agreed."""
        self.dismiss(True)

    def action_scroll(self, lines: int) -> None:
        """Down or up."""
        self.query_one("#box").scroll_relative(y=lines, animate=False)
