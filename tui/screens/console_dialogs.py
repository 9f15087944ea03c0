"""The console's questions, with those about an edited input; their widgets are imported when they are needed."""

from __future__ import annotations

from collections.abc import Sequence

from tui.render.spans import Line
from tui.screens.dialogs import AppDialogs


class ConsoleDialogs(AppDialogs):
    """The questions of `tui.actions.host.Dialogs`."""

    async def edit(self, title: str, facts: Sequence[Line], text: str) -> str | None:
        """The text as the operator edited it, or None."""
        from tui.screens.edit_input import EditInput

        return await self._app.push_screen_wait(EditInput(title, facts, text))

    async def read_and_confirm(self, title: str, lines: Sequence[Line], verb: str, keep: str) -> bool:
        """Whether the operator agrees to what can be scrolled through."""
        from tui.screens.edit_input import ReadAndConfirm

        agreed: bool | None = await self._app.push_screen_wait(ReadAndConfirm(title, lines, verb, keep))
        return bool(agreed)
