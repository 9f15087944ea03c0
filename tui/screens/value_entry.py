"""Types the value of a setting; what is wrong with it is said under the field while it is typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import on
from textual.widgets import Input

from tui.model.tuning import TuningRow
from tui.render.spans import Line, fit
from tui.screens.dialogs import Dialog
from tui.screens.tuning_lines import wrapped
from tui.widgets.styled import LineBlock

Try = Callable[[str, str], Awaitable[str]]
"""Key and text to the sentence that refuses it, empty when it would be taken."""
_WIDTH = 70


class ValueEntry(Dialog[str]):
    """Enter stages the value; a refused one stays in the field."""

    def __init__(self, row: TuningRow, text: str, check: Try) -> None:
        facts: list[Line] = [
            [(fit(row.description, _WIDTH), "")],
            [("takes    ", "muted"), (fit(row.allowed, _WIDTH - 9), "")],
            [("now      ", "muted"), (row.current, "")],
            [("default  ", "muted"), (row.default, "")],
        ]
        super().__init__(row.key, facts, "enter stage · esc leave it", entry="a value")
        self._row = row
        self._text = text
        self._check = check

    def on_mount(self) -> None:
        """Begin with the value that there is."""
        super().on_mount()
        self.query_one("#box").mount(LineBlock(id="refusal"))
        entry = self.query_one("#entry", Input)
        entry.value = self._text
        entry.cursor_position = len(self._text)

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        self.run_worker(self._explain(message.value), group="check", exit_on_error=False)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        self.run_worker(self._take(message.value.strip()), group="check", exit_on_error=False)

    async def _explain(self, text: str) -> str:
        problem = await self._check(self._row.key, text.strip())
        if text.strip() != self.query_one("#entry", Input).value.strip():
            return problem  # more was typed meanwhile
        block = self.query_one("#refusal", LineBlock)
        parts = wrapped(problem, _WIDTH - 4, 3)
        block.styles.height = max(1, len(parts))
        block.show([[("✖ " if not n and problem else "  ", "fail"), (part, "")] for n, part in enumerate(parts)])
        return problem

    async def _take(self, text: str) -> None:
        if not await self._explain(text):
            self.dismiss(text)
