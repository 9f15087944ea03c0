"""The approval card of a screen: the whole input, scrolled by keys, and what became of one that vanished."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.events.state import AnsweredView, PermissionView, State
from tui.actions.press_guard import ApprovalCard
from tui.actions.registry import KeyScope, in_scope
from tui.feeds.approval_reader import ApprovalReader
from tui.model.input_view import InputView
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, crop, fit
from tui.screens import approval_lines as draw

if TYPE_CHECKING:
    from tui.actions.keymap import Keymap

GONE_S = 15.0
"""Seconds for which a card that vanished shows why."""
FACTS = 3
"""Lines of risks, folder and files at most on a card."""
BESIDE_CARD = 9
"""Lines of a screen that a card leaves: the head, the line about the session, some of the page, the keys."""
_BESIDE = 4
"""Lines of a card beside its input and its facts: the blank one, the rule, the history and the keys."""


class CardReading:
    """Owner of the inputs read on one screen, and of what the operator was reading when it vanished."""

    def __init__(self) -> None:
        self.reader = ApprovalReader()
        self.on_page = False
        """Whether the keys that scroll are the page's although the card has more to read."""
        self._reading: PermissionView | None = None
        self._gone: AnsweredView | None = None
        self._answered_here: set[str] = set()
        self._read: set[str] = set()

    def view(self, permission: str) -> InputView:
        """The input of a permission."""
        return self.reader.view(permission)

    def wants(self, permission: str, *, past: bool) -> bool:
        """Whether more of an input is to be read; the past keeps no more than its summary."""
        view = self.view(permission)
        if past and view.detail is None:
            view.problem = "Only its summary is kept of the past."
        return not past and view.wants_more

    def view_known(self, permission: str) -> bool:
        """Whether all of an input was in sight."""
        if self.reader.has(permission) and self.view(permission).is_read:
            self._read.add(permission)
        return permission in self._read

    def answered_here(self, permissions: Iterable[str]) -> None:
        """This console answers these, so that no notice of who did is needed."""
        self._answered_here = set(permissions)

    def follow(self, asked: PermissionView | None, state: State, now: float) -> None:
        """This one is in sight now; the one before it may have vanished."""
        before = self._reading
        if before is not None and (asked is None or asked.id != before.id) and before.id not in state.permissions:
            mine = before.id in self._answered_here
            self._gone = None if mine else draw.last_outcome(state.answered, before.id)
        if asked is None or before is None or asked.id != before.id:
            self.on_page = False
            if asked is not None:
                self.view(asked.id).problem = ""
        self._reading = asked
        if self._gone is not None and not 0 <= now - self._gone.at < GONE_S:
            self._gone = None

    def gone(self, now: float, width: int) -> Line | None:
        """Why the card that was read is not there any more."""
        return crop(draw.outcome(self._gone, now), width) if self._gone is not None else None

    def keys_scroll_card(self, permission: str) -> bool:
        """Whether the keys that scroll are the card's."""
        return bool(permission) and not self.on_page and self.view(permission).overflows


def card_lines(
    card: ApprovalCard, reading: CardReading, now: float, width: int, height: int, keys: Keymap
) -> list[Line]:
    """The card of a session's transcript in at most `height` lines: its input has what the rest leaves."""
    asked = card.asked
    view = reading.view(asked.id)
    facts = draw.fact_lines(view, asked.risks or [asked.risk], _graves(asked), width, FACTS)
    room = max(2, height - _BESIDE - len(facts))
    most = max(2, min(room, view.rows(width) if view.detail is not None else 2))
    scroll = " ".join(keys.shown(f"transcript.{name}") for name in ("down", "up", "page_down"))
    if reading.on_page:
        scroll = f"{keys.shown('transcript.pane')} scrolls it"
    body = draw.input_lines(view, asked.summary, width, most)
    lines = [draw.input_rule(f"? {asked.tool} wants to run", view, width, card.bar, scroll)]
    return [*lines, *body, *facts, _history(card, now, width, keys), _answers(width, keys)]


def _graves(asked: PermissionView) -> int:
    return asked.grave_risks if asked.risks else int(asked.grave)


def _history(card: ApprovalCard, now: float, width: int, keys: Keymap) -> Line:
    asked = card.asked
    left = max(0.0, asked.deadline - now)
    line: Line = [(f"  asked {formats.span(now - asked.asked_at)} ago, denied in {formats.span(left)}", "muted")]
    line.append((f"   seen {asked.allowed_before}✔ {asked.denied_before}✖", "muted"))
    if card.alike > 1:
        line.append((f"   same ×{card.alike}, {keys.shown('approvals.review')} answers all", "muted"))
    line.append((f"   nearest {clean(asked.nearest) or 'no grant is like it'}", "muted"))
    return [(fit("".join(text for text, _role in line), width).rstrip(), "muted")]


def _answers(width: int, keys: Keymap) -> Line:
    line: Line = [("  ", "")]
    answers = [action for action in in_scope(KeyScope.TRANSCRIPT, actions=keys.actions) if action.answers]
    for action in sorted(answers, key=lambda each: each.footer):
        line += [(action.shown_key, "key"), (f" {action.short}   ", "")]
    return crop(line, width)
