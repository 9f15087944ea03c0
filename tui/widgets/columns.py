"""The columns of the sessions grid: one table of key, title, width, priority, alignment, text and sort value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.events.state import SessionView
from engine.events.types import SessionState
from tui import formats
from tui.glyphs import STATE_GLYPHS, STATE_ROLES

GAP = 1
"""Cells between two columns."""
LEAD = 2
"""Cells before the first column, for the cursor and the mark."""

SortValue = str | float

URGENCY: dict[SessionState, int] = {
    SessionState.APPROVAL: 0,
    SessionState.FAILED: 1,
    SessionState.RETRYING: 2,
    SessionState.RUNNING: 3,
    SessionState.STARTING: 4,
    SessionState.STOPPING: 5,
    SessionState.IDLE: 6,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. The highest `priority` goes first when the width shrinks; `flex` takes what is left.

    `timed` says that the text changes with time alone, and `most_first` that sorting starts with the largest.
    """

    key: str
    title: str
    width: int
    priority: int
    text: Callable[[SessionView, float], str]
    order: Callable[[SessionView], SortValue]
    align: str = "left"
    flex: bool = False
    timed: bool = False
    most_first: bool = False
    role: Callable[[SessionView], str] = lambda _row: ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that fit, each with its width, and how many did not."""

    columns: tuple[tuple[Column, int], ...]
    hidden: int


def _state_text(row: SessionView, _now: float) -> str:
    return f"{STATE_GLYPHS[row.state]} {row.state.value}"


_PRESSING = {SessionState.APPROVAL, SessionState.RETRYING}


def _matter(row: SessionView, _now: float) -> str:
    """What tells most about the row: why it waits or failed, else its prompt."""
    if row.state is SessionState.FAILED:
        return row.last_error or row.prompt or row.reason
    return (row.activity if row.state in _PRESSING else "") or row.prompt or row.reason


def _quiet_if(empty: Callable[[SessionView], bool]) -> Callable[[SessionView], str]:
    return lambda row: "muted" if empty(row) else ""


def _muted(_row: SessionView) -> str:
    return "muted"


SESSION_COLUMNS: tuple[Column, ...] = (
    Column("id", "ID", 6, 0, lambda r, _: r.id, lambda r: r.id),
    Column("state", "STATE", 10, 1, _state_text, lambda r: URGENCY[r.state], role=lambda r: STATE_ROLES[r.state]),
    Column("profile", "PROFILE", 9, 8, lambda r, _: r.profile, lambda r: r.profile, role=_muted),
    Column("user", "USER", 8, 6, lambda r, _: r.user or "–", lambda r: r.user, role=_quiet_if(lambda r: not r.user)),
    Column(
        "conversation", "CONV", 8, 11, lambda r, _: r.conversation[:8] or "–", lambda r: r.conversation, role=_muted
    ),
    Column("turns", "TURNS", 5, 4, lambda r, _: str(r.turns), lambda r: r.turns, "right", most_first=True),
    Column(
        "prompt", "PROMPT", 24, 2, _matter, lambda r: r.prompt.lower(), flex=True,
        role=_quiet_if(lambda r: not r.request and r.state is not SessionState.FAILED),
    ),
    Column("activity", "ACTIVITY", 16, 9, lambda r, _: r.activity or "·", lambda r: r.activity.lower(), role=_muted),
    Column(
        "cpu", "CPU%", 4, 5, lambda r, _: formats.reading(r.cpu, r.rss)[0], lambda r: r.cpu, "right",
        most_first=True, role=_quiet_if(lambda r: r.cpu < 0.5),
    ),
    Column(
        "mem", "MEM", 5, 7, lambda r, _: formats.reading(r.cpu, r.rss)[1], lambda r: r.rss, "right",
        most_first=True, role=_quiet_if(lambda r: not r.rss),
    ),
    Column(
        "age", "AGE", 4, 10, lambda r, now: formats.coarse(now - r.started_at), lambda r: -r.started_at, "right",
        timed=True, most_first=True, role=_muted,
    ),
    Column(
        "tokens", "TOKENS", 6, 12, lambda r, _: formats.count(r.tokens_in + r.tokens_out) if r.turns else "·",
        lambda r: r.tokens_in + r.tokens_out, "right", most_first=True, role=_quiet_if(lambda r: not r.turns),
    ),
    Column(
        "cost", "COST", 6, 3, lambda r, _: formats.money(r.cost) if r.turns else "·", lambda r: r.cost, "right",
        most_first=True, role=_quiet_if(lambda r: not r.turns),
    ),
)  # fmt: skip


def lay_out(columns: Sequence[Column], width: int) -> Layout:
    """The columns that fit into `width` cells; the flexible one takes what is left over."""
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > width:
        kept.remove(max(kept, key=lambda column: column.priority))
    spare = max(0, width - _needed(kept))
    placed = tuple((column, column.width + spare if column.flex else column.width) for column in kept)
    return Layout(placed, len(columns) - len(kept))


def _needed(columns: Sequence[Column]) -> int:
    return LEAD + sum(column.width + GAP for column in columns) - GAP + 1
