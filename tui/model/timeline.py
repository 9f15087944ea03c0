"""Errors over time: classes by minute, the causes beside them, and what most likely began it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.events.state import Bucket, CauseView, ErrorView, State

COLUMN_S = 60.0
"""Seconds of one column."""
_BEFORE_S = 120.0
"""A cause counts when it came at most so long before the rise."""
_MOST_OF = 0.6
_LEAST = 4


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A class of errors: how many in each column, oldest first; `change` is the last ten columns to the ten before."""

    name: str
    counts: tuple[int, ...]
    sessions: int
    change: float | None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors of one rule and profile within a cell; `recovered` counts those whose request was answered."""

    rule: str
    profile: str
    count: int
    first: float
    last: float
    sessions: int
    recovered: int
    ended: int
    strategy: str


def start_of(now: float, columns: int) -> float:
    """When the first column begins; columns are whole minutes."""
    return now - now % COLUMN_S - (columns - 1) * COLUMN_S


def rows(state: State, now: float, columns: int) -> list[TimelineRow]:
    """The classes that had errors within the window, most first."""
    start = start_of(now, columns)
    counts: dict[str, list[int]] = {}
    for found in state.buckets:
        column = int((found.start - start) // COLUMN_S)
        if 0 <= column < columns:
            _add(counts, found, column, columns)
    sessions = {name: len({e.session for e in state.errors if class_of(e) == name and e.session}) for name in counts}
    made = [TimelineRow(name, tuple(one), sessions[name], _change(one)) for name, one in counts.items()]
    return sorted(made, key=lambda row: (-row.total, row.name))


def class_of(error: ErrorView) -> str:
    """`type/category`, as the buckets count it."""
    return f"{error.type}/{error.category}"


def cell(state: State, name: str, at: float | None) -> list[ErrorView]:
    """The remembered errors of a class within the column that begins at `at`; of any time without one."""
    found = [error for error in state.errors if class_of(error) == name]
    return found if at is None else [error for error in found if at <= error.at < at + COLUMN_S]


def error_groups(errors: Sequence[ErrorView]) -> list[ErrorGroup]:
    """What the errors of a cell have in common, most first."""
    groups: dict[tuple[str, str], list[ErrorView]] = {}
    for error in errors:
        groups.setdefault((error.rule, error.profile), []).append(error)
    made = [
        ErrorGroup(
            rule,
            profile,
            len(found),
            found[0].at,
            found[-1].at,
            len({error.session for error in found}),
            sum(error.end == "answered" for error in found),
            sum(bool(error.end) for error in found),
            found[-1].strategy,
        )
        for (rule, profile), found in groups.items()
    ]
    return sorted(made, key=lambda each: -each.count)


def marks(causes: Sequence[CauseView], start: float, columns: int) -> str:
    """The axis of causes: t tuning, b breaker, r restart; the gravest where several fall into one column."""
    axis = [" "] * columns
    order = " tbr"
    for cause in causes:
        column = int((cause.at - start) // COLUMN_S)
        if 0 <= column < columns and order.index(cause.mark[0]) > order.index(axis[column]):
            axis[column] = cause.mark[0]
    return "".join(axis)


def likely_cause(state: State, row: TimelineRow, now: float) -> list[str]:
    """Sentences about where a class of errors comes from; nothing when nothing is known."""
    errors = cell(state, row.name, None)
    said = []
    if len(errors) >= _LEAST:
        for what, names in (("profile", [e.profile for e in errors]), ("session", [e.session for e in errors])):
            name, number = Counter(names).most_common(1)[0]
            if name and len(set(names)) > 1 and number >= _MOST_OF * len(errors):
                said.append(f"{number / len(errors):.0%} of them are of {what} {name}.")
    cause = rise_cause(state, row, now)
    if cause is not None:
        what = f"{cause.subject} {cause.before} → {cause.after}".rstrip(" →")
        who = f" by {cause.reason}" if cause.mark == "tuning" and cause.reason else ""
        said.append(f"They rose within two minutes of {cause.mark} {what}{who}.")
    return said


def rise_cause(state: State, row: TimelineRow, now: float) -> CauseView | None:
    """The last tuning change or restart at most two minutes before the first column of the class's last burst."""
    begins = burst_start(row, now)
    if begins is None:
        return None
    near = [
        cause
        for cause in state.causes
        if (cause.mark in {"tuning", "operator"} or (cause.mark == "restart" and cause.before))
        and begins - _BEFORE_S <= cause.at < begins + COLUMN_S
    ]
    return near[-1] if near else None


def burst_start(row: TimelineRow, now: float) -> float | None:
    """When the last run of columns with errors begins; None when there were errors from the start of the window."""
    last = max((n for n, count in enumerate(row.counts) if count), default=None)
    if last is None:
        return None
    first = last
    while first > 0 and row.counts[first - 1]:
        first -= 1
    return start_of(now, len(row.counts)) + first * COLUMN_S if first else None


def _add(counts: dict[str, list[int]], found: Bucket, column: int, columns: int) -> None:
    for name, number in found.errors_by_class.items():
        counts.setdefault(name, [0] * columns)[column] += number


def _change(counts: Sequence[int]) -> float | None:
    before, after = sum(counts[-20:-10]), sum(counts[-10:])
    return after / before - 1 if before else None
