"""The Recovery screen: breakers over time, what strategies achieve, what was done, what only a person can settle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from engine.operations.declared.breakers import CONTROL_BREAKER, ControlBreaker
from tui.actions.for_each import FAILED_TOLD, LISTED, for_each, same_as
from tui.actions.registry import KeyScope, bindings
from tui.feeds.base import Feed
from tui.model.tables import command
from tui.render import formats
from tui.render.spans import Line, columns, fit
from tui.screens import recovery_lines as draw
from tui.screens.dialogs import Confirm
from tui.screens.list_screen import ListScreen
from tui.screens.recovery_lines import BreakerRow

if TYPE_CHECKING:
    from tui.console.app import Console

_LEFT = 72
"""Cells of the left column where there are two."""
_ACTS = {
    "breaker_open": ("open", "no call passes until somebody closes it"),
    "breaker_close": ("close", "calls pass again, and its counts begin anew"),
    "breaker_disable": ("disable", "calls pass whatever happens"),
    "breaker_trip": ("trip", "it opens as after failures, and tries again by itself"),
}
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
        few = len(self.shown.order) + 1
        upper = max(3, min(few, height // 3))
        back = self.console.keys.shown("recovery.back")
        lines = [*draw.breakers(self.shown, state, now, width, upper, back), []]
        if width >= 116:
            left = draw.ladder(state, _LEFT - 2, 9)
            right = draw.people(state, now, width - _LEFT, 9)
            lines += [*columns(left, right, _LEFT, width), []]
        else:
            lines += draw.ladder(state, width, 6)
            lines += draw.people(state, now, width, 3)
        return lines + draw.recent(state.recoveries, width, max(2, height - len(lines)))

    def action_marked(self) -> None:
        """What can be done to the marked breakers, or to this one."""
        self.menu([(letter, act, f"{_ACTS[act][0]:<10}{_ACTS[act][1]}") for letter, act in _LETTERS.items()])

    def action_act(self, name: str) -> None:
        """Open, close, disable or trip the marked breakers, or the one under the cursor."""
        if self.is_roomy:
            self.act_on(name, self.shown.chosen)
        else:
            super().action_act(name)

    def act_on(self, name: str, rows: Sequence[BreakerRow]) -> None:
        """The same to these."""
        if not rows:
            self.console.tell("There is no breaker yet.")
        elif (feed := self.live_feed()) is not None:
            self.do(control(self.console, [row.name for row in rows], name, feed))


async def control(console: Console, names: Sequence[str], name: str, feed: Feed) -> str | None:
    """Ask, then do what the act `name` says to breakers; the answer says that it was done."""
    act, happens = _ACTS[name]
    live, several = console.store.live.breakers, len(names) > 1
    if several:
        facts: list[Line] = [
            [(fit(each_name, 40), "strong"), (live.get(each_name, "unknown").replace("_", " "), "")]
            for each_name in names[:LISTED]
        ]
        facts += [[(f"… and {len(names) - LISTED} more", "muted")]] if len(names) > LISTED else []
        facts.append([])
    else:
        facts = [[("now           ", "muted"), (live.get(names[0], "unknown").replace("_", " "), "")]]
    facts.append([("what happens  ", "muted"), (happens, "")])
    facts += same_as(command("breakers", act, *names), 14)
    what = f"{len(names)} BREAKERS" if several else names[0]
    verb, keep = (f"{act} {len(names)}", "leave them") if several else (act, "leave it")
    if not await console.push_screen_wait(Confirm(f"{act.upper()} {what}", facts, verb, keep)):
        return None
    done, failed = await for_each(
        names, lambda breaker: feed.send(CONTROL_BREAKER, ControlBreaker(name=breaker, act=act))
    )
    for error in failed[:FAILED_TOLD]:
        console.tell(error, "error")
    return f"{names[0] if not several else formats.plural(done, 'breaker')}: {act}." if done else None
