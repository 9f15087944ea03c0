"""The console's questions, with those about an edited input; their widgets are imported when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from tui.render.spans import Line
from tui.screens.dialogs import AppDialogs

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost, Search
    from tui.model.prompt_memory import PromptMemory
    from tui.model.prompt_target import PromptTarget, WrittenPrompt


class ConsoleDialogs(AppDialogs):
    """The questions of `tui.actions.host.Dialogs`."""

    def __init__(self, app: App[Any]) -> None:
        super().__init__(app)
        self._prompts: PromptMemory | None = None

    async def enter_prompt(self, title: str, target: PromptTarget) -> WrittenPrompt | None:
        """The prompt that the operator wrote, and where it goes, or None."""
        from tui.screens.prompt_entry import PromptEntry

        entry = PromptEntry(cast("ConsoleHost", self._app), title, target, self._memory())
        return await self._app.push_screen_wait(entry)

    def keep_prompt(self, target: PromptTarget, text: str) -> None:
        """A prompt could not be sent: it is a draft again, unless there is another one, and can be recalled."""
        from tui.model.prompt_memory import EDITABLE

        memory = self._memory()
        shown = memory.pastes.folded(text, EDITABLE, "text")
        memory.close(target.key, memory.drafts.get(target.key, "") or shown)

    async def follow_prompt(self, request: str) -> str | None:
        """The session to go to, an empty string for another prompt, or None to stay."""
        from tui.screens.prompt_sent import PromptSent

        return await self._app.push_screen_wait(PromptSent(request))

    async def find(
        self, title: str, options: Sequence[tuple[str, str]], current: str, search: Search, *, keys: str
    ) -> str | None:
        """One of the options, or of those that `search` brings for what is typed; None for none."""
        from tui.screens.finder import Finder

        return await self._app.push_screen_wait(Finder(title, options, current, search, keys))

    def _memory(self) -> PromptMemory:
        from tui.model.prompt_memory import PromptMemory

        self._prompts = self._prompts or PromptMemory()
        return self._prompts

    async def edit(self, title: str, facts: Sequence[Line], text: str) -> str | None:
        """The text as the operator edited it, or None."""
        from tui.screens.edit_input import EditInput

        return await self._app.push_screen_wait(EditInput(title, facts, text))

    async def read_and_confirm(self, title: str, lines: Sequence[Line], verb: str, keep: str) -> bool:
        """Whether the operator agrees to what can be scrolled through."""
        from tui.screens.edit_input import ReadAndConfirm

        agreed: bool | None = await self._app.push_screen_wait(ReadAndConfirm(title, lines, verb, keep))
        return bool(agreed)
