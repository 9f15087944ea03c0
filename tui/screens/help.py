"""The keys: those of this screen first, then those that work everywhere; made from the registry."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.actions import Action, Scope, in_scope
from tui.screens.dialogs import Dialog
from tui.spans import Line, columns, fit, rule

COLUMN = 36
"""Cells of one of the two columns."""


class Help(Dialog[None]):
    """All keys at hand."""

    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,question_mark", "leave", show=False)]

    def __init__(self, scope: Scope) -> None:
        super().__init__("KEYS   lower case looks, UPPER CASE acts", help_lines(scope), "esc close")


def help_lines(scope: Scope) -> list[Line]:
    """The keys of one screen beside those that work everywhere."""
    here = [] if scope is Scope.APP else _block(str(scope), in_scope(scope))
    return columns(here, _block("everywhere", in_scope(Scope.APP)), COLUMN, COLUMN * 2)


def _block(title: str, actions: list[Action]) -> list[Line]:
    looks = [_line(action) for action in actions if not action.acts]
    acts = [_line(action) for action in actions if action.acts]
    return [rule(title, COLUMN - 2), *looks, *([[], rule("acts", COLUMN - 2), *acts] if acts else [])]


def _line(action: Action) -> Line:
    return [(fit(action.shown_key, 7), "strong"), (fit(action.text, COLUMN - 9), "")]
