"""Typing a prompt: several lines, pastes of any size, files, templates, where it goes, drafts and history."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import TextArea

from engine.base.errors import QuarterdeckError
from engine.operations.declared.profiles import LIST_FILES, ListFiles
from tui.model.mentions import FileOffers, begun, mention
from tui.model.prompt_memory import EDITABLE, PromptMemory, Recall
from tui.model.prompt_target import PromptTarget, WrittenPrompt, landing
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.render.wrapping import wrap_line
from tui.screens.dialogs import Overlay
from tui.screens.prompt_choices import CHOICES, PromptChoices, choice_lines
from tui.widgets.prompt_area import PromptArea
from tui.widgets.styled import LineBlock

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost

_HINT = "enter send · @ file · tab more · ctrl+j line · ctrl+e edit · esc keep"
_OFFERED = 20


class PromptEntry(Overlay[WrittenPrompt]):
    """Takes a prompt and where it goes, and gives it back whole; what is left unsent is the draft of where it began."""

    AUTO_FOCUS = "#text"

    def __init__(self, console: ConsoleHost, title: str, target: PromptTarget, memory: PromptMemory) -> None:
        super().__init__(title, [], _HINT)
        self._key = target.key
        self._memory = memory
        self._pastes = memory.pastes
        self._draft = memory.drafts.get(self._key, "")
        self._recalled = Recall(memory.sent, self._draft)
        self._choices = PromptChoices(console, target)
        self._offers = FileOffers()

    @property
    def console(self) -> ConsoleHost:
        """The app, with its type."""
        return cast("ConsoleHost", self.app)

    def compose(self) -> ComposeResult:
        """The box with where it goes, the text and the files that fit."""
        with Container(id="box") as box:
            box.border_title = self._in_glyphs(clean(self._title).replace("[", "("))
            box.border_subtitle = self._in_glyphs(self._keys)
            yield LineBlock(id="lines")
            keys: dict[str, Callable[[], None]] = {
                "enter": self._send,
                "ctrl+e": self._open_editor,
                "tab": partial(self._choose, ""),
            }
            keys |= {key: partial(self._choose, what) for key, _letter, what in CHOICES}
            yield PromptArea(self._draft, self._pastes, keys, self._recall, self._take_key)
            yield LineBlock(id="offers")

    def on_mount(self) -> None:
        """The cursor is at the end of the draft."""
        super().on_mount()
        self._end()
        self.paint()
        self._wake()

    def _wake(self) -> None:
        """A prompt is expected for the conversation: let it wake while the prompt is typed."""
        self.run_worker(self._choices.wake(), group="wake", exclusive=True, exit_on_error=False)

    def paint(self) -> None:
        """Show where it goes as things are now."""
        if not self.is_mounted or not self.query("#lines"):
            return
        width = self.query_one("#lines", LineBlock).size.width
        if width <= 0:
            return
        target = self._choices.target
        lands: Line = [("goes to  ", "muted"), (landing(target, self.console.store.live), "")]
        self.rewrite([*wrap_line(lands, width), *choice_lines(target, width)])
        offers = self._offers.lines(width)
        block = self.query_one("#offers", LineBlock)
        block.display = bool(offers)
        block.styles.height = max(1, len(offers))
        block.show(offers)

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
        self._memory.close(self._key, draft, [*others, shown])
        self.dismiss(WrittenPrompt(text, self._choices.target))

    def _recall(self, step: int) -> None:
        text = self._recalled.step(self._area.text, step)
        if text is not None:
            self._area.load_text(text)
            self._end()

    def action_leave(self) -> None:
        """No prompt; what was typed stays as a draft."""
        draft, others = self._recalled.left(self._area.text)
        self._memory.close(self._key, draft, others)
        super().action_leave()

    @on(LineBlock.KeyClicked)
    def _key_clicked(self, message: LineBlock.KeyClicked) -> None:
        """A click on a key that is shown chooses what the key does."""
        message.stop()
        for key, _letter, what in CHOICES:
            if key == message.key:
                self._choose(what)

    def _choose(self, what: str) -> None:
        self.run_worker(self._chosen(what), group="choice", exclusive=True, exit_on_error=False)

    async def _chosen(self, what: str) -> None:
        try:
            what = what or await self._choices.menu() or ""
            text = await self._choices.choose(what) if what else None
        except QuarterdeckError as error:
            self.console.notify(clean(str(error)), severity="error")
            return
        if text:
            self._area.put(self._pastes.folded(text, EDITABLE, "text"))
        self.paint()
        self._wake()

    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def _follow_text(self) -> None:
        """A name after `@` is being typed, or none."""
        if self._offers.follow(self._before):
            self.run_worker(self._find(), group="files", exclusive=True, exit_on_error=False)
        self.paint()

    @property
    def _before(self) -> str:
        """The line up to the cursor."""
        row, column = self._area.cursor_location
        return self._area.document.get_line(row)[:column]

    async def _find(self) -> None:
        feed, target, wanted = self.console.feed, self._choices.target, self._offers.wanted
        if feed is None or wanted is None:
            return
        folder = "" if target.conversation else target.folder
        args = ListFiles(name=target.profile, q=wanted, cwd=folder, conversation=target.conversation, limit=_OFFERED)
        try:
            found = await feed.send(LIST_FILES, args)
        except QuarterdeckError as error:
            self._offers.refuse(str(error))
        else:
            if wanted == self._offers.wanted and found.directory:
                self._offers.take(found.files, more=found.more)
            elif not found.directory:
                self._offers.refuse("a new conversation begins with an empty folder of its own")
        self.paint()

    def _take_key(self, key: str) -> bool:
        """Whether the offered files take the key."""
        if self._offers.wanted is None or key not in {"tab", "up", "down", "escape"}:
            return False
        if key == "escape":
            self._offers.close(self._before)
        elif not self._offers.files:
            return False
        elif key == "tab":
            self._complete(self._offers.chosen)
        else:
            self._offers.move(-1 if key == "up" else 1)
        self.paint()
        return True

    def _complete(self, path: str) -> None:
        row, column = self._area.cursor_location
        if (found := begun(self._before)) is not None:
            self._area.replace(mention(path), (row, found[0]), (row, column), maintain_selection_offset=False)

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
