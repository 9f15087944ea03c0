"""A click on a key that is shown: the same action as the key, unless the key has only just come under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from engine.base.clock import Clock
from tui.actions.registry import KeyScope, in_scope
from tui.widgets.styled import LineBlock

if TYPE_CHECKING:
    from tui.console.app import Console


async def press(console: Console, screen: Screen[Any], scope: str, clicked: LineBlock.KeyClicked) -> None:
    """Do what the key does on this screen; an act whose key slid there within 0.4 s is not done, and that is said."""
    offered = in_scope(scope, KeyScope.APP, actions=console.keys.actions)
    meant = next((action for action in offered if action.shown_key == clicked.key), None)
    if meant is None:
        return
    if meant.acts and clicked.rested < ARMING_S:
        console.tell("That key has only just come there; click again.", "warning")
        return
    await console.run_action(meant.run, default_namespace=screen)


ARMING_S = 0.4
"""Seconds a card must be in sight before a key answers it."""
_STEPS = 3


class PressGuard:
    """Owner of which permission is in sight, and since when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = 0.0
        self.permission = ""

    def show(self, permission: str) -> None:
        """This card is in sight now; an empty id means none. The same card keeps its time."""
        if permission != self.permission:
            self.permission = permission
            self._since = self._clock.monotonic()

    @property
    def armed(self) -> bool:
        """Whether a key may answer the card in sight."""
        return bool(self.permission) and self._clock.monotonic() - self._since >= ARMING_S

    @property
    def bar(self) -> str:
        """How far the arming is, in three steps."""
        elapsed = self._clock.monotonic() - self._since
        filled = min(_STEPS, int(_STEPS * elapsed / ARMING_S + 1e-9))
        return "▮" * filled + "▯" * (_STEPS - filled)
