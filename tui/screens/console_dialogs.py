"""The console's questions, with those about an edited input; their widgets are imported when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.app import App

from tui.render.spans import Line
from tui.screens.dialogs import AppDialogs

if TYPE_CHECKING:
    from tui.model.prompt_memory import PromptMemory


class ConsoleDialogs(AppDialogs):
    """The questions of `tui.actions.host.Dialogs`."""

    def __init__(self, app: App[Any]) -> None:
        super().__init__(app)
        self._prompts: PromptMemory | None = None

    async def enter_prompt(self, title: str, facts: Sequence[Line], target: str) -> str | None:
        """The prompt that the operator wrote for a target, or None."""
        from tui.model.prompt_memory import PromptMemory
        from tui.screens.prompt_entry import PromptEntry

        self._prompts = self._prompts or PromptMemory()
        return await self._app.push_screen_wait(PromptEntry(title, facts, target, self._prompts))

    async def edit(self, title: str, facts: Sequence[Line], text: str) -> str | None:
        """The text as the operator edited it, or None."""
        from tui.screens.edit_input import EditInput

        return await self._app.push_screen_wait(EditInput(title, facts, text))

    async def read_and_confirm(self, title: str, lines: Sequence[Line], verb: str, keep: str) -> bool:
        """Whether the operator agrees to what can be scrolled through."""
        from tui.screens.edit_input import ReadAndConfirm

        agreed: bool | None = await self._app.push_screen_wait(ReadAndConfirm(title, lines, verb, keep))
        return bool(agreed)
