"""The Recovery screen: breakers over time, what strategies achieve, what was done, what only a person can settle."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from tui.actions import Scope, bindings
from tui.feeds.base import Feed
from tui.screens import recovery_lines as draw
from tui.screens.board import Board
from tui.screens.dialogs import Confirm
from tui.spans import Line, columns

if TYPE_CHECKING:
    from tui.app import Console

_LEFT = 72
"""Cells of the left column where there are two."""
_ACTS = {
    "open": "no call passes until somebody closes it",
    "close": "calls pass again, and its counts begin anew",
    "disable": "calls pass whatever happens",
    "trip": "it opens as after failures, and tries again by itself",
}


class RecoveryScreen(Board):
    """The cursor is a breaker."""

    SCOPE = Scope.RECOVERY
    MODE = "recovery"
    CSS_PATH = "board.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.RECOVERY))

    def rows(self) -> list[str]:
        """The breakers."""
        return draw.ordered(self.store.state)

    def draw(self, width: int, height: int) -> list[Line]:
        """Breakers, strategies, what was done, what needs a person."""
        state, now = self.store.state, self.store.now
        few = len(state.breakers) + 1
        upper = max(3, min(few, height // 3))
        lines = [*draw.breakers(state, self.cursor, now, width, upper), []]
        if width >= 116:
            left = draw.ladder(state, _LEFT - 2, 9)
            right = draw.people(state, now, width - _LEFT, 9)
            lines += [*columns(left, right, _LEFT, width), []]
        else:
            lines += draw.ladder(state, width, 6)
            lines += draw.people(state, now, width, 3)
        return lines + draw.recent(state.recoveries, width, max(2, height - len(lines)))

    def action_act(self, name: str) -> None:
        """Open, close, disable or trip the breaker under the cursor."""
        if not self.cursor:
            self.console.tell("There is no breaker yet.")
        elif (feed := self.live_feed()) is not None:
            self.do(control(self.console, self.cursor, name.removeprefix("breaker_"), feed))


async def control(console: Console, breaker: str, act: str, feed: Feed) -> str | None:
    """Ask, then open, close, disable or trip a breaker; the answer says that it was done."""
    facts: list[Line] = [
        [("now           ", "muted"), (console.store.live.breakers.get(breaker, "unknown").replace("_", " "), "")],
        [("what happens  ", "muted"), (_ACTS[act], "")],
        [("same as       ", "muted"), (f"quarterdeck breakers {act} {breaker}", "")],
    ]
    if not await console.push_screen_wait(Confirm(f"{act.upper()} {breaker}", facts, act, "leave it")):
        return None
    await feed.control_breaker(breaker, act)
    return f"{breaker}: {act}."
