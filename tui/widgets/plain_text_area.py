"""A text area that shows every character and obeys none: what it edits may have been written by an agent.

Private names of Textual used here: `TextArea._set_document`, `TextArea._build_highlight_map` and
`TextArea._rewrap_and_refresh_virtual_size`, the modules of `textual.document`, and `Document._lines` and `_newline`;
`tests/console/test_plain_text_area.py` notices when they change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rich.text import Text
from textual import events
from textual.document._document import Document, EditResult, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.widgets import TextArea

MARK = "·"
"""Stands for one character that is not printable; one for one, so that the cursor stays right."""
_NOT_ASCII = re.compile(r"[^\t\x20-\x7e]")


def shown(line: str) -> str:
    """The line as it is shown, character by character: every control, escape and direction character is a mark."""
    if line.isascii() and line.isprintable():
        return line
    return _NOT_ASCII.sub(lambda found: found[0] if found[0].isprintable() else MARK, line)


class PlainTextArea(TextArea):
    """Shows a text as it is: only `\\n` ends a line, and nothing of it reaches the terminal but what is printable.

    `own_keys` are called when they are pressed, in their order among the keys that are typed. A paste that would make
    the text longer than `most` characters is refused.
    """

    def __init__(
        self,
        text: str,
        *,
        own_keys: Mapping[str, Callable[[], None]] | None = None,
        most: int | None = None,
        **options: Any,
    ) -> None:
        self._own_keys = dict(own_keys or {})
        self._most = most
        super().__init__(text, **options)

    async def _on_paste(self, event: events.Paste) -> None:
        """Put it in with the line ends of a text; a terminal sends those of its enter key."""
        event.prevent_default()
        event.stop()
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        if self._most is not None and len(self.text) + len(text) > self._most:
            refusal = f"{len(text):,} characters are not pasted: this text may have {self._most:,}."
            self.notify(refusal, severity="warning", markup=False)
        else:
            self.put(self.folded(text))

    def folded(self, text: str) -> str:
        """What is put in for a paste."""
        return text

    def put(self, text: str) -> None:
        """Put a text in the place of what is selected, at the cursor."""
        self.replace(text, *self.selection, maintain_selection_offset=False)

    async def _on_key(self, event: events.Key) -> None:
        if (act := self._own_keys.get(event.key)) is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        act()

    def shown_line(self, line: str) -> str:
        """One line as it is shown, exactly as many characters as it has."""
        return shown(line)

    def get_line(self, line_index: int) -> Text:
        """What is drawn of a line."""
        return Text(self.shown_line(self.document.get_line(line_index)), end="", no_wrap=True)

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document("", language)
        self.document = LinesDocument(text)
        # Wrapped by what is shown: a mark takes a cell, the character that it stands for may take none.
        self.wrapped_document = WrappedDocument(_ShownDocument(self, self.document), tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()


class LinesDocument(Document):
    """A text of lines that only `\\n` ends, so that it comes back as it was given."""

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._newline = "\n"
        self._lines = text.split("\n")

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Put a text in the place of another one."""
        (top, left), (bottom, right) = sorted((start, end))
        replaced = self.get_text_range((top, left), (bottom, right))
        before = self._lines[top][:left] if top < len(self._lines) else ""
        after = self._lines[bottom][right:] if bottom < len(self._lines) else ""
        lines = text.split("\n")
        lines[0] = before + lines[0]
        last = top + len(lines) - 1, len(lines[-1])
        lines[-1] += after
        self._lines[top : bottom + 1] = lines
        return EditResult(last, replaced)


class _ShownDocument(Document):
    """What is shown of a document, for what wraps it and moves in it."""

    def __init__(self, area: PlainTextArea, document: Document) -> None:
        super().__init__("")
        self._area, self._document = area, document

    @property
    def lines(self) -> list[str]:
        """All lines as they are shown."""
        return [self._area.shown_line(line) for line in self._document.lines]

    @property
    def line_count(self) -> int:
        """As many as the document has."""
        return self._document.line_count

    def get_line(self, index: int) -> str:
        """One line as it is shown."""
        return self._area.shown_line(self._document.get_line(index))

    def __getitem__(self, line_index: int | slice) -> Any:
        """One line, or several, as they are shown."""
        if isinstance(line_index, slice):
            return [self._area.shown_line(line) for line in self._document.lines[line_index]]
        return self.get_line(line_index)
