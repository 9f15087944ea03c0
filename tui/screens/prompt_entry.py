"""Typing a prompt: several lines, pastes of any size, the editor of the operator's choice, drafts and history."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from engine.base.errors import QuarterdeckError
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens.dialogs import Dialog
from tui.widgets.plain_text_area import PlainTextArea
from tui.widgets.styled import LineBlock

FOLDED = 2_000
"""Characters from which on a paste is shown as one word; what is sent is the whole of it."""
PROMPTS_KEPT = 100
_HINT = "enter send · ctrl+j new line · ctrl+e editor · esc keep as draft"
_NEW_LINE = frozenset({"ctrl+j", "shift+enter", "alt+enter"})


class PromptMemory:
    """Owner of the prompts that were sent from this console, and of what was typed and not sent, by target."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.drafts: dict[str, str] = {}

    def remember(self, target: str, text: str) -> None:
        """A prompt was sent."""
        self.drafts.pop(target, None)
        self.sent = [*(each for each in self.sent if each != text), text][-PROMPTS_KEPT:]

    def keep(self, target: str, text: str) -> None:
        """The dialog was left: nothing that was typed is lost."""
        self.drafts.pop(target, None)
        if text.strip():
            self.drafts[target] = text
        for oldest in list(self.drafts)[:-PROMPTS_KEPT]:
            del self.drafts[oldest]


class Pastes:
    """Owner of what long pastes stand for: `[paste 1: 5,000 lines, 5.0M]` is one word in the text."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def folded(self, text: str) -> str:
        """What is shown for a paste."""
        if len(text) < FOLDED:
            return text
        number = text.count("\n") + 1
        lines = f"{number:,} line" if number == 1 else f"{number:,} lines"
        word = f"[paste {len(self._texts) + 1}: {lines}, {formats.size(len(text.encode()))}]"
        self._texts[word] = text
        return word

    def unfolded(self, shown: str) -> str:
        """The text with every paste in full."""
        for word, text in self._texts.items():
            shown = shown.replace(word, text)
        return shown


class PromptArea(PlainTextArea):
    """Enter sends; a long paste is one word; up and down leave the text for the prompts before and after."""

    class Sent(Message):
        """Enter was pressed."""

    class Recalled(Message):
        """Another prompt is wanted: `step` prompts on."""

        def __init__(self, step: int) -> None:
            self.step = step
            super().__init__()

    def __init__(self, text: str, pastes: Pastes) -> None:
        super().__init__(text, id="text", soft_wrap=True, tab_behavior="focus", placeholder="what should Claude do?")
        self._pastes = pastes

    async def _on_key(self, event: events.Key) -> None:
        row, last = self.cursor_location[0], self.document.line_count - 1
        if event.key == "enter":
            self._answer(event, self.Sent())
        elif event.key == "up" and row == 0:
            self._answer(event, self.Recalled(-1))
        elif event.key == "down" and row == last:
            self._answer(event, self.Recalled(1))
        elif event.key in _NEW_LINE:
            event.stop()
            event.prevent_default()
            self.insert("\n")
        else:
            await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert(self._pastes.folded(event.text.replace("\r\n", "\n").replace("\r", "\n")))

    def _answer(self, event: events.Key, message: Message) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(message)


class PromptEntry(Dialog[str]):
    """Takes a prompt for a target and gives it back whole; what is left unsent is its draft."""

    AUTO_FOCUS = "#text"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+e", "editor", "editor", show=False, priority=True)]

    def __init__(self, title: str, facts: Sequence[Line], target: str, memory: PromptMemory) -> None:
        super().__init__(title, facts, _HINT)
        self._target = target
        self._memory = memory
        self._pastes = Pastes()
        self._at = len(memory.sent)
        self._typed = ""

    def compose(self) -> ComposeResult:
        """The box with the facts and the text."""
        with Container(id="box") as box:
            box.border_title = self._in_glyphs(clean(self._title).replace("[", "("))
            box.border_subtitle = self._in_glyphs(self._keys)
            yield LineBlock(id="lines")
            yield PromptArea(self._pastes.folded(self._memory.drafts.get(self._target, "")), self._pastes)

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

    @on(PromptArea.Sent)
    def _send(self) -> None:
        if text := self.whole.strip():
            self._memory.remember(self._target, text)
            self.dismiss(text)

    @on(PromptArea.Recalled)
    def _recall(self, message: PromptArea.Recalled) -> None:
        sent = self._memory.sent
        at = max(0, min(len(sent), self._at + message.step))
        if at == self._at:
            return
        if self._at == len(sent):
            self._typed = self._area.text
        self._at = at
        self._area.load_text(self._typed if at == len(sent) else self._pastes.folded(sent[at]))
        self._end()

    def action_leave(self) -> None:
        """No prompt; what was typed stays as a draft."""
        self._memory.keep(self._target, self.whole)
        super().action_leave()

    def action_editor(self) -> None:
        """Write it in $VISUAL or $EDITOR; when that is missing or fails, the text stays as it is."""
        try:
            text = self._edited(self.whole)
        except (QuarterdeckError, OSError) as error:
            self.notify(clean(str(error)), severity="error", markup=False)
            return
        self._area.load_text(self._pastes.folded(text))
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
