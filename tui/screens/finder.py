"""Choose one of many, which are searched for by what is typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Input

from engine.base.errors import QuarterdeckError
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens.dialogs import Chooser

Options = Sequence[tuple[str, str]]
Search = Callable[[str], Awaitable[Options]]
REST_S = 0.15
"""Seconds without a key after which is searched."""
_EDITOR = 3


class Finder(Chooser, inherit_bindings=False):
    """A chooser with a line to type in; each search brings its own options."""

    AUTO_FOCUS: ClassVar[str | None] = "#entry"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", show=False),
        Binding("up", "step(-1)", show=False),
        Binding("escape", "leave", show=False),
    ]

    def __init__(self, title: str, options: Options, current: str, search: Search, keys: str) -> None:
        super().__init__(title, options, current, keys=keys)
        self._entry = "type to search"
        self._search = search
        self._typing: Timer | None = None
        self._problem = ""

    def action_step(self, step: int) -> None:
        """Cursor up or down, where there is anything."""
        if self._options:
            super().action_step(step)

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        if self._typing is not None:
            self._typing.stop()
        text = clean(message.value).strip()
        self._typing = self.set_timer(REST_S, lambda: self._look_for(text))

    @on(Input.Submitted)
    def _chosen(self, message: Input.Submitted) -> None:
        message.stop()
        if self._options:
            self.action_take()

    def _look_for(self, text: str) -> None:
        self.run_worker(self._found(text), group="finder", exclusive=True, exit_on_error=False)

    async def _found(self, text: str) -> None:
        try:
            self._options, self._problem = list(await self._search(text)), ""
        except QuarterdeckError as error:
            self._options, self._problem = [], str(error)
        self._at = self._top = 0
        if self.is_mounted:
            self.rewrite(self._drawn())

    @property
    def _room(self) -> int:
        return max(3, super()._room - _EDITOR)

    def _drawn(self) -> list[Line]:
        if self._options:
            return super()._drawn()
        return [[(self._problem or "nothing is like that", "fail" if self._problem else "muted")]]
