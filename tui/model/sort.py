"""The order of a list: one column, up or down, ties by id so that rows never swap without a reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from engine.events.state import SessionView
from tui.model.columns import SESSION_COLUMNS, Column

if TYPE_CHECKING:
    from tui.model.filter import Filter

R = TypeVar("R")
BY_KEY: Mapping[str, Column[SessionView]] = {column.key: column for column in SESSION_COLUMNS}


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

    @property
    def said(self) -> str:
        """The order in words."""
        return f"{self.key} descending" if self.descending else self.key


def natural(key: str, columns: Iterable[Column[R]] = ()) -> Sort:
    """The order that a column is usually wanted in: numbers from the largest, words from A; sessions' by default."""
    own = next((column.most_first for column in columns if column.key == key), None)
    return Sort(key, BY_KEY[key].most_first if own is None else own)


def ordered(rows: Mapping[str, SessionView], kept: Filter[SessionView], sort: Sort, now: float) -> list[str]:
    """Ids of the sessions that pass the filter, in order."""
    return in_order(rows, kept, sort, BY_KEY[sort.key], now)


def in_order(rows: Mapping[str, R], kept: Filter[R], sort: Sort, by: Column[R], now: float) -> list[str]:
    """Ids of the rows that pass the filter, in the order of one column, which is the one that `sort` names."""
    ids = sorted(row for row in rows if not kept.terms or kept.passes(rows[row], now))
    if sort.key == "id":
        return ids[::-1] if sort.descending else ids
    # A stable sort keeps equal rows by id, also when the order is reversed.
    return sorted(ids, key=lambda row: by.order(rows[row]), reverse=sort.descending)
