"""The order of a list: one column, up or down, ties by id so that rows never swap without a reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from tui.model.columns import Column

if TYPE_CHECKING:
    from tui.model.filter import Filter

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column, empty for the rows' own order, and whether largest first."""

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


def natural(by: Column[Any]) -> Sort:
    """The order that a column is usually wanted in: numbers from the largest, words from A."""
    return Sort(by.key, by.most_first)


def in_order(rows: Mapping[str, R], kept: Filter[R], sort: Sort, by: Column[R] | None, now: float) -> list[str]:
    """Ids of the rows that pass the filter, in the order of the column that `sort` names, or in their own without."""
    passing = [row for row in rows if not kept.terms or kept.passes(rows[row], now)]
    if by is None:
        return passing[::-1] if sort.descending else passing
    ids = sorted(passing)
    if sort.key == "id":
        return ids[::-1] if sort.descending else ids
    # A stable sort keeps equal rows by id, also when the order is reversed.
    return sorted(ids, key=lambda row: by.order(rows[row]), reverse=sort.descending)
