"""The text area for a prompt: long pastes are one word each, and are deleted, copied and sent whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual import events
from textual.widgets.text_area import Edit, EditResult, Location

from tui.model.prompt_memory import CLOSE, OPEN, WORD, Pastes
from tui.widgets.plain_text_area import PlainTextArea, shown

NEW_LINE = frozenset({"ctrl+j", "shift+enter", "alt+enter"})
_BRACKETS = str.maketrans({OPEN: "[", CLOSE: "]"})


class PromptArea(PlainTextArea):
    """Keys that are no text are `keys`; `recall` is called where up or down leave the text.

    Every key is first given to `taken`, which states whether something beside the text takes it.
    """

    def __init__(
        self,
        text: str,
        pastes: Pastes,
        keys: Mapping[str, Callable[[], None]],
        recall: Callable[[int], None],
        taken: Callable[[str], bool] = lambda _key: False,
    ) -> None:
        super().__init__(
            text,
            own_keys=keys,
            id="text",
            soft_wrap=True,
            tab_behavior="focus",
            placeholder="what should Claude do?",
        )
        self._pastes = pastes
        self._recall = recall
        self._taken = taken

    def shown_line(self, line: str) -> str:
        """The words for pastes are in brackets."""
        return shown(line) if OPEN not in line else CLOSE.join(_parts(line)).translate(_BRACKETS)

    @property
    def selected_text(self) -> str:
        """What is copied: pastes in full."""
        return self._pastes.unfolded(super().selected_text)

    async def _on_key(self, event: events.Key) -> None:
        if self._taken(event.key):
            event.stop()
            event.prevent_default()
            return
        row, last = self.wrapped_document.location_to_offset(self.cursor_location).y, self.wrapped_document.height - 1
        if (event.key == "up" and row == 0) or (event.key == "down" and row == last):
            event.stop()
            event.prevent_default()
            self._recall(-1 if event.key == "up" else 1)
        elif event.key in NEW_LINE:
            event.stop()
            event.prevent_default()
            self.put("\n")
        elif event.character in {OPEN, CLOSE}:
            event.stop()
            event.prevent_default()
        else:
            await super()._on_key(event)

    def folded(self, text: str) -> str:
        """A long paste is one word."""
        return self._pastes.folded(text)

    def action_paste(self) -> None:
        """Put in what was copied in the console."""
        if self.app.clipboard:
            self.put(self._pastes.folded(self.app.clipboard))

    def edit(self, edit: Edit) -> EditResult:
        """A word for a paste is changed as a whole or not at all."""
        start, end = edit.top, edit.bottom
        if start == end:
            start = end = self._outside(start, 1)
        else:
            start, end = self._outside(start, 0), self._outside(end, 1)
        if (start, end) != (edit.top, edit.bottom):
            edit = Edit(edit.text, start, end, maintain_selection_offset=edit.maintain_selection_offset)
        return super().edit(edit)

    def _outside(self, at: Location, border: int) -> Location:
        """The place itself, or where the word that it is within begins (0) or ends (1)."""
        row, column = at
        for found in WORD.finditer(self.document.get_line(row)):
            if found.start() < column < found.end():
                return row, found.span()[border]
        return at


def _parts(line: str) -> list[str]:
    return [OPEN.join(shown(part) for part in parts.split(OPEN)) for parts in line.split(CLOSE)]
