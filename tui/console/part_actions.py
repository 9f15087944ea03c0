"""The actions of keys that parts of the console carry out."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any


def _part(path: str) -> Callable[..., Any]:
    """An action of a key that a part of the console carries out."""
    find = attrgetter(path)

    def action(console: object, *arguments: Any) -> Any:
        return find(console)(*arguments)

    return action


class PartActions:
    """Of the app, by the names that the keys know."""

    action_go = _part("navigation.go")
    action_last_screen = _part("navigation.go_back")
    action_review = _part("navigation.review")
    action_help = _part("navigation.show_keys")
    action_command_palette = _part("navigation.open_palette")
    action_step = _part("time_travel.step")
    action_minute = _part("time_travel.minute")
    action_mark = _part("time_travel.mark")
    action_live = _part("time_travel.live")
    action_play = _part("time_travel.play")
    action_jump = _part("time_travel.jump")
    action_note = _part("time_travel.ask_for_note")
    action_find = _part("time_travel.find")
    action_freeze = _part("time_travel.freeze")
    action_choose_theme = _part("theming.choose_theme")
    action_repaint = _part("theming.repaint")
