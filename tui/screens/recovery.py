"""The Recovery screen: breakers over time, what strategies achieve, what was done, what only a person can settle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from tui.actions.breaker_actions import BREAKER_ACTS, control
from tui.actions.registry import KeyScope, bindings
from tui.render.spans import Line, columns
from tui.screens import recovery_lines as draw
from tui.screens.list_screen import ListScreen
from tui.screens.recovery_lines import BreakerRow

_LEFT = 72
"""Cells of the left column where there are two."""
_USUAL = 12
"""Lines of strategies, next actions, people and the title of the recoveries; what is left goes to people."""
_LETTERS = {"O": "breaker_open", "C": "breaker_close", "X": "breaker_trip", "D": "breaker_disable"}


class RecoveryScreen(ListScreen[BreakerRow]):
    """The cursor is a breaker."""

    SCOPE = KeyScope.RECOVERY
    MODE = "recovery"
    CSS_PATH = "list_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.RECOVERY))

    def __init__(self) -> None:
        super().__init__(draw.BREAKERS)

    def items(self) -> Sequence[BreakerRow]:
        """The breakers."""
        return draw.breakers_of(self.store.state)

    def draw(self, width: int, height: int) -> list[Line]:
        """Breakers, strategies, what was done, what needs a person."""
        state, now = self.store.state, self.store.now
        few = len(self.shown.order) + 2
        upper = max(3, min(few, height // 3))
        back = self.console.keys.shown("recovery.back")
        lines = [*draw.breakers(self.shown, state, now, width, upper, back), draw.budget(state, width)]
        spare = max(0, height - len(lines) - _USUAL - len(state.recoveries))
        if width >= 116:
            left = draw.levels(state, _LEFT - 2, 9)
            right = draw.next_steps(state, now, width - _LEFT, 4)
            right += draw.people(state, now, width - _LEFT, 5 + spare)
            lines += [[], *columns(left, right, _LEFT, width), []]
        else:
            lines += draw.levels(state, width, 5)
            lines += draw.next_steps(state, now, width, 3)
            lines += draw.people(state, now, width, 3 + spare)
        return lines + draw.recent(state.recoveries, width, max(2, height - len(lines)))

    def action_marked(self) -> None:
        """What can be done to the marked breakers, or to this one."""
        self.menu(
            [(letter, act, f"{BREAKER_ACTS[act][0]:<10}{BREAKER_ACTS[act][1]}") for letter, act in _LETTERS.items()]
        )

    def action_act(self, name: str) -> None:
        """Open, close, disable or trip the marked breakers, or the one under the cursor."""
        if self.is_roomy:
            self.act_on(name, self.shown.chosen)
        else:
            super().action_act(name)

    def act_on(self, name: str, rows: Sequence[BreakerRow]) -> None:
        """The same to these."""
        if not rows:
            self.console.notify("There is no breaker yet.")
        elif (feed := self.live_feed()) is not None:
            self.do(control(self.console, [row.name for row in rows], name, feed))
