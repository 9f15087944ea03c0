"""A click on a key that is shown: the same action as the key, unless the key has only just come under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.press_guard import ARMING_S
from tui.actions.registry import KeyScope, in_scope

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost


def clicked(host: ConsoleHost, scope: str, key: str, rested: float) -> str:
    """What a click on this key runs; empty, with a notice, for an act whose key moved there within 0.4 s.

    `rested` is the time in seconds since the keys of that line moved.
    """
    offered = in_scope(scope, KeyScope.APP, actions=host.keys.actions)
    meant = next((action for action in offered if action.shown_key == key), None)
    if meant is None:
        return ""
    if meant.acts and rested < ARMING_S:
        host.notify("That key moved there just now; click it again.", severity="warning")
        return ""
    return meant.run
