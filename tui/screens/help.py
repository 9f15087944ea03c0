"""The keys: those of this screen first, then those that work everywhere; made from the registry."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from textual.binding import Binding, BindingType

from engine.events.types import SessionState
from tui.actions.keymap import CAME_ALONG, Keymap
from tui.actions.registry import Action, KeyScope, in_scope
from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.render.plain_text import clean
from tui.render.spans import Line, columns, fit, rule
from tui.screens.dialogs import ScrollingDialog

COLUMN = 35
"""Cells of one column."""
TWO_COLUMNS, THREE_COLUMNS = 78, 116
"""Widths of a terminal from which there are so many columns."""
_KEY = 8
STATES = {
    SessionState.RUNNING: "runs a turn",
    SessionState.STARTING: "its process starts",
    SessionState.IDLE: "waits for a prompt",
    SessionState.PARKED: "is kept for a wake",
    SessionState.APPROVAL: "asks for an approval",
    SessionState.RETRYING: "tries a failed turn again",
    SessionState.BACKGROUND: "works by itself, no turn",
    SessionState.STOPPING: "is being stopped",
    SessionState.FAILED: "has failed",
    SessionState.ENDED: "has ended",
}
"""What the states of sessions mean."""
MARKS = (
    ("✔", "run", "done"),
    ("◦", "muted", "asleep: a prompt wakes it"),
    ("▪", "muted", "archived"),
    ("▸", "ask", "open in a terminal"),
    ("◆", "ask", "marked"),
    ("▌", "cursor", "the cursor"),
    ("⟳", "wait", "a size or setting changed"),
    ("»", "ask", "somebody did it by hand"),
)
"""Other glyphs: what is drawn, its role, what it means."""
_DIRECTION = re.compile(r"\(-?1\)$")


class Help(ScrollingDialog):
    """All keys at hand."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,question_mark", "leave", show=False)]

    def __init__(self, scope: str, keys: Keymap = CAME_ALONG) -> None:
        super().__init__("KEYS   lower case looks, UPPER CASE acts", [], "j k scroll · esc close")
        self._scope = scope
        self._keymap = keys

    def on_resize(self) -> None:
        """As many columns as fit."""
        self.rewrite(help_lines(self._scope, self.size.width, self._keymap))


def help_lines(scope: str, width: int, keys: Keymap = CAME_ALONG) -> list[Line]:
    """The keys of one screen beside those that work everywhere, in one to three columns; what keys.toml got wrong."""
    return [*_problems(keys, width), *_columns_of(scope, width, keys.actions)]


def _problems(keys: Keymap, width: int) -> list[Line]:
    if not keys.problems:
        return []
    room = max(COLUMN, min(width, 3 * COLUMN) - 8)
    said = [line for problem in keys.problems for line in textwrap.wrap(clean(problem), room)]
    return [rule("KEYS.TOML: not all could be taken", room), *([(line, "retry")] for line in said), []]


def _columns_of(scope: str, width: int, actions: Sequence[Action]) -> list[Line]:
    here = [] if scope is KeyScope.APP else in_scope(scope, actions=actions)
    looks = _block(str(scope), [action for action in here if not action.acts])
    acts = _block(f"{scope}: acts", [action for action in here if action.acts])
    everywhere = [*_block(str(KeyScope.APP), in_scope(KeyScope.APP, actions=actions)), [], *_glyphs()]
    if width < TWO_COLUMNS:
        return [*looks, [], *acts, [], *everywhere]
    if width >= THREE_COLUMNS and here:
        return columns(columns(looks, acts, COLUMN, 2 * COLUMN), everywhere, 2 * COLUMN, 3 * COLUMN)
    return columns(looks, [*acts, [], *everywhere] if acts else everywhere, COLUMN, 2 * COLUMN)


def _glyphs() -> list[Line]:
    """What the glyphs mean, in the set in use."""
    lines: list[Line] = [
        [(fit(glyph, _KEY), STATE_ROLES[state]), (fit(STATES[state], COLUMN - _KEY - 2), "")]
        for state, glyph in STATE_GLYPHS.items()
    ]
    lines += [[(fit(glyph, _KEY), role), (fit(text, COLUMN - _KEY - 2), "")] for glyph, role, text in MARKS]
    return [rule("glyphs", COLUMN - 2), *lines]


def _block(title: str, actions: Sequence[Action]) -> list[Line]:
    if not actions:
        return []
    # The two directions of one method share a line.
    lines = [_line(list(same)) for _method, same in groupby(actions, lambda a: _DIRECTION.sub("", a.run))]
    return [rule(title, COLUMN - 2), *lines]


def _line(actions: Sequence[Action]) -> Line:
    keys = " ".join(action.shown_key for action in actions)
    keys = keys if len(keys) < _KEY else "/".join(action.shown_key for action in actions).replace("/pg", "/")
    return [(fit(keys, _KEY), "strong"), (fit(", ".join(action.text for action in actions), COLUMN - _KEY - 2), "")]
