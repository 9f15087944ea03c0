"""The columns of a list: key, title, width, priority, alignment, text, plain and sort value; those of sessions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.events.state import TREND_S, TREND_SLOTS, SessionView
from engine.events.types import SessionState
from tui.render import formats
from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.render.plots import area

GAP = 1
"""Cells between two columns."""
LEAD = 2
"""Cells before the first column, for the cursor and the mark."""

NEARLY_FULL = 80.0
"""Percent of a context from where it is marked: the agent compacts soon."""
_DATE = re.compile(r"-20\d{6}$")

R = TypeVar("R")
SortValue = str | float | tuple[str | float, ...]
Plain = str | int | float | bool | None
"""A value as JSON has it."""

URGENCY: dict[SessionState, int] = {
    SessionState.APPROVAL: 0,
    SessionState.FAILED: 1,
    SessionState.RETRYING: 2,
    SessionState.RUNNING: 3,
    SessionState.BACKGROUND: 4,
    SessionState.STARTING: 5,
    SessionState.STOPPING: 6,
    SessionState.IDLE: 7,
    SessionState.PARKED: 8,
    SessionState.ENDED: 9,
}


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column. The highest `priority` goes first when the width shrinks; `flex` takes what is left.

    `plain` is the value that is exported and filtered by, a number where there is a `unit`: count, seconds, bytes,
    percent or dollars. `timed` states that the text changes with time alone, and `most_first` that sorting starts with
    the largest.
    """

    key: str
    title: str
    width: int
    priority: int
    text: Callable[[R, float], str]
    order: Callable[[R], SortValue]
    plain: Callable[[R, float], Plain]
    align: str = "left"
    flex: bool = False
    timed: bool = False
    most_first: bool = False
    role: Callable[[R], str] = lambda _row: ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Layout(Generic[R]):
    """The columns that fit, each with its width, and how many did not."""

    columns: tuple[tuple[Column[R], int], ...]
    hidden: int


def _state_text(row: SessionView, _now: float) -> str:
    return f"{STATE_GLYPHS[row.state]} {row.state.value}"


_PRESSING = {SessionState.APPROVAL, SessionState.RETRYING}


def _matter(row: SessionView, _now: float) -> str:
    """What tells most about the row: why it waits or failed, else its prompt."""
    if row.state is SessionState.FAILED:
        return row.last_error or row.prompt or row.reason
    return (row.activity if row.state in _PRESSING else "") or row.prompt or row.reason


def _doing(row: SessionView, _now: float) -> str:
    """What it does, and how far it is with what it writes."""
    if not row.words or not row.activity:
        return row.activity
    return f"{row.activity}, {formats.plural(row.words, 'word')}, {formats.span(row.writing_s)}"


def _quiet_if(empty: Callable[[SessionView], bool]) -> Callable[[SessionView], str]:
    return lambda row: "muted" if empty(row) else ""


def _muted(_row: SessionView) -> str:
    return "muted"


def context_share(row: SessionView) -> float:
    """Percent of its model's window that its conversation takes; 0 where either is not known."""
    return 100.0 * row.context / row.context_window if row.context_window else 0.0


def _context_role(row: SessionView) -> str:
    return "retry" if context_share(row) >= NEARLY_FULL else "" if row.context else "muted"


def recent_trend(row: SessionView, now: float) -> list[int]:
    """Tokens written in each of the last slots, the present one last."""
    passed = max(0, int(now // TREND_S) - row.trend_slot)
    return [*[0] * TREND_SLOTS, *row.trend, *[0] * min(TREND_SLOTS, passed)][-TREND_SLOTS:]


def short_model(name: str) -> str:
    """A model's name without its maker and its date: `sonnet-4-5` for `claude-sonnet-4-5-20250929`."""
    return _DATE.sub("", name.removeprefix("claude-"))


def folder_name(directory: str, conversation: str) -> str:
    """The last folder of where it works; `own` where the conversation has a directory for itself."""
    name = directory.rstrip("/").rpartition("/")[2]
    return "own" if conversation and name == conversation else name


SESSION_COLUMNS: tuple[Column[SessionView], ...] = (
    Column("id", "ID", 6, 0, lambda r, _: r.id, lambda r: r.id, lambda r, _: r.id),
    Column(
        "state", "STATE", 10, 1, _state_text, lambda r: URGENCY[r.state], lambda r, _: r.state.value,
        role=lambda r: STATE_ROLES[r.state],
    ),
    Column(
        "profile", "PROFILE", 9, 13, lambda r, _: r.profile, lambda r: r.profile, lambda r, _: r.profile, role=_muted
    ),
    Column(
        "user", "USER", 8, 7, lambda r, _: r.user or "–", lambda r: r.user, lambda r, _: r.user,
        role=_quiet_if(lambda r: not r.user),
    ),
    Column(
        "conversation", "CONV", 8, 17, lambda r, _: r.conversation[:8] or "–", lambda r: r.conversation,
        lambda r, _: r.conversation, role=_muted,
    ),
    Column(
        "turns", "TURNS", 5, 4, lambda r, _: str(r.turns), lambda r: r.turns, lambda r, _: r.turns, "right",
        most_first=True, unit="count",
    ),
    Column(
        "prompt", "PROMPT", 23, 2, _matter, lambda r: r.prompt.lower(), _matter, flex=True,
        role=_quiet_if(lambda r: not r.request and r.state is not SessionState.FAILED),
    ),
    Column(
        "activity", "ACTIVITY", 26, 11, lambda r, now: _doing(r, now) or "·", lambda r: r.activity.lower(),
        _doing, role=_muted,
    ),
    Column(
        "rate", "TOK/S", 5, 5, lambda r, _: f"{r.rate:.0f}" if r.rate else "·", lambda r: r.rate, lambda r, _: r.rate,
        "right", most_first=True, role=_quiet_if(lambda r: not r.rate), unit="count",
    ),
    Column(
        "cpu", "CPU%", 4, 9, lambda r, _: formats.reading(r.cpu, r.rss)[0], lambda r: r.cpu, lambda r, _: r.cpu,
        "right", most_first=True, role=_quiet_if(lambda r: r.cpu < 0.5), unit="percent",
    ),
    Column(
        "mem", "MEM", 5, 10, lambda r, _: formats.reading(r.cpu, r.rss)[1], lambda r: r.rss, lambda r, _: r.rss,
        "right", most_first=True, role=_quiet_if(lambda r: not r.rss), unit="bytes",
    ),
    Column(
        "model", "MODEL", 10, 14, lambda r, _: short_model(r.model) or "·", lambda r: r.model, lambda r, _: r.model,
        role=_muted,
    ),
    Column(
        "context", "CTX%", 4, 8, lambda r, _: formats.share(r.context, r.context_window) if r.context else "·",
        context_share, lambda r, _: round(context_share(r), 1), "right", most_first=True,
        role=_context_role, unit="percent",
    ),
    Column(
        "last", "LAST", 4, 6, lambda r, now: formats.coarse(now - r.last_used), lambda r: -r.last_used,
        lambda r, now: round(now - r.last_used, 3), "right", timed=True, most_first=True, role=_muted, unit="seconds",
    ),
    Column(
        "trend", "TREND", TREND_SLOTS, 12, lambda r, now: "".join(area(recent_trend(r, now), TREND_SLOTS, 1)),
        lambda r: float(sum(r.trend)), lambda r, now: sum(recent_trend(r, now)), timed=True, most_first=True,
        role=_muted, unit="count",
    ),
    Column(
        "folder", "FOLDER", 12, 16, lambda r, _: folder_name(r.cwd, r.conversation) or "·", lambda r: r.cwd,
        lambda r, _: r.cwd, role=_muted,
    ),
    Column(
        "age", "AGE", 4, 15, lambda r, now: formats.coarse(now - r.started_at), lambda r: -r.started_at,
        lambda r, now: round(now - r.started_at, 3), "right", timed=True, most_first=True, role=_muted, unit="seconds",
    ),
    Column(
        "tokens", "TOKENS", 6, 18, lambda r, _: formats.count(r.tokens_in + r.tokens_out) if r.turns else "·",
        lambda r: r.tokens_in + r.tokens_out, lambda r, _: r.tokens_in + r.tokens_out, "right", most_first=True,
        role=_quiet_if(lambda r: not r.turns), unit="count",
    ),
    Column(
        "cost", "COST", 6, 3, lambda r, _: formats.money(r.cost) if r.turns else "·", lambda r: r.cost,
        lambda r, _: r.cost, "right", most_first=True, role=_quiet_if(lambda r: not r.turns), unit="dollars",
    ),
)  # fmt: skip


def lay_out(columns: Sequence[Column[R]], width: int) -> Layout[R]:
    """The columns that fit into `width` cells; the flexible one takes what is left over."""
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > width:
        kept.remove(max(kept, key=lambda column: column.priority))
    spare = max(0, width - _needed(kept))
    placed = tuple((column, column.width + spare if column.flex else column.width) for column in kept)
    return Layout(placed, len(columns) - len(kept))


def _needed(columns: Sequence[Column[R]]) -> int:
    return LEAD + sum(column.width + GAP for column in columns) - GAP + 1
