"""The order of a list: one column, up or down, ties by id so that rows never swap without a reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.events.state import SessionView
from tui.widgets.columns import SESSION_COLUMNS, Column
from tui.widgets.filter import Filter

BY_KEY: Mapping[str, Column] = {column.key: column for column in SESSION_COLUMNS}


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column, and whether largest first."""

    key: str = "id"
    descending: bool = False

    def reversed(self) -> Sort:
        """The same column the other way round."""
        return replace(self, descending=not self.descending)

    @property
    def mark(self) -> str:
        """The arrow shown beside the column's title."""
        return "▾" if self.descending else "▴"


def natural(key: str) -> Sort:
    """The order that a column is usually wanted in: numbers from the largest, words from A."""
    return Sort(key, BY_KEY[key].most_first)


def ordered(rows: Mapping[str, SessionView], kept: Filter, sort: Sort, now: float) -> list[str]:
    """Ids of the rows that pass the filter, in order."""
    ids = sorted(row.id for row in rows.values() if not kept.terms or kept.passes(row, now))
    if sort.key == "id":
        return ids[::-1] if sort.descending else ids
    value = BY_KEY[sort.key].order
    # A stable sort keeps equal rows by id, also when the order is reversed.
    return sorted(ids, key=lambda row: value(rows[row]), reverse=sort.descending)
