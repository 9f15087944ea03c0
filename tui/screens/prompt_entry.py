"""Typing a prompt: several lines, pastes of any size, the editor of the operator's choice, drafts and history."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Container

from engine.base.errors import QuarterdeckError
from tui.model.prompt_memory import PromptMemory, Recall
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens.dialogs import Dialog
from tui.widgets.prompt_area import PromptArea
from tui.widgets.styled import LineBlock

_HINT = "enter send · ctrl+j new line · ctrl+e editor · esc keep as draft"


class PromptEntry(Dialog[str]):
    """Takes a prompt for a target and gives it back whole; what is left unsent is its draft."""

    AUTO_FOCUS = "#text"

    def __init__(self, title: str, facts: Sequence[Line], target: str, memory: PromptMemory) -> None:
        super().__init__(title, facts, _HINT)
        self._target = target
        self._memory = memory
        self._pastes = memory.pastes
        self._draft = memory.drafts.get(target, "")
        self._recalled = Recall(memory.sent, self._draft)

    def compose(self) -> ComposeResult:
        """The box with the facts and the text."""
        with Container(id="box") as box:
            box.border_title = self._in_glyphs(clean(self._title).replace("[", "("))
            box.border_subtitle = self._in_glyphs(self._keys)
            yield LineBlock(id="lines")
            keys = {"enter": self._send, "ctrl+e": self._open_editor}
            yield PromptArea(self._draft, self._pastes, keys, self._recall)

    def on_mount(self) -> None:
        """The cursor is at the end of the draft."""
        super().on_mount()
        self._end()

    @property
    def _area(self) -> PromptArea:
        return self.query_one("#text", PromptArea)

    @property
    def whole(self) -> str:
        """The prompt with every paste in full."""
        return self._pastes.unfolded(self._area.text)

    def _send(self) -> None:
        shown = self._area.text
        if not (text := self.whole.strip()):
            return
        draft, others = self._recalled.sent(shown)
        self._memory.close(self._target, draft, [*others, shown])
        self.dismiss(text)

    def _recall(self, step: int) -> None:
        text = self._recalled.step(self._area.text, step)
        if text is not None:
            self._area.load_text(text)
            self._end()

    def action_leave(self) -> None:
        """No prompt; what was typed stays as a draft."""
        draft, others = self._recalled.left(self._area.text)
        self._memory.close(self._target, draft, others)
        super().action_leave()

    def _open_editor(self) -> None:
        """Write it in $VISUAL or $EDITOR; when that is missing or fails, the text stays as it is."""
        try:
            text = self._edited(self.whole)
        except (QuarterdeckError, OSError) as error:
            self.notify(clean(str(error)), severity="error", markup=False)
            return
        self._area.load_text(self._pastes.refolded(text, self._area.text))
        self._end()

    def _edited(self, text: str) -> str:
        from tui.terminal.hand_over import hand_over, program

        variable = "VISUAL" if os.environ.get("VISUAL", "").strip() else "EDITOR"
        editor = program(os.environ, variable, "vi")
        with tempfile.TemporaryDirectory(prefix="quarterdeck-prompt-") as folder:
            path = Path(folder) / "prompt.md"
            path.write_text(text, encoding="utf-8", errors="surrogatepass")
            hand_over(self.app, [*editor, str(path)])
            return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")

    def _end(self) -> None:
        self._area.move_cursor(self._area.document.end)
