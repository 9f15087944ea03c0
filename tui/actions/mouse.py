"""A click on a key that is shown: the same action as the key, unless the key has only just come under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from tui.actions.press_guard import ARMING_S
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
