"""How a list stands: its filter, order, marks and cursor; rows are known by id. No widget, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from tui.model.columns import Column
from tui.model.filter import EVERYTHING, Filter, FilterError, fields_of, parsed
from tui.model.sort import Sort, in_order, natural
from tui.model.tables import Listing, Table, table_of

R = TypeVar("R")


class ListState(Generic[R]):
    """Owner of how one list is shown. `take` makes the order again, unless it is held or rows are marked."""

    def __init__(self, listing: Listing[R]) -> None:
        self.listing = listing
        self.filter: Filter[R] = EVERYTHING
        self.problem = ""
        self.sort: Sort = listing.usual
        self.held = False
        self.marks: set[str] = set()
        self.order: list[str] = []
        self.cursor = ""
        self._fields = listing.fields if listing.fields is not None else fields_of(listing.columns)
        self._rows: dict[str, R] = {}
        self.now = 0.0

    def take(self, rows: Sequence[R], now: float, *, still: bool = False) -> None:
        """The rows as they are now; `still` holds the order for this once."""
        self._rows, self.now = {self.listing.id(row): row for row in rows}, now
        self.marks &= self._rows.keys()
        fresh = self._ordered()
        if still or self.held or self.marks:
            stay = [row for row in self.order if row in self._rows]
            known = set(stay)
            fresh = stay + [row for row in fresh if row not in known]
        self._put(fresh)

    @property
    def rows(self) -> list[R]:
        """Those that pass the filter, in order."""
        return [self._rows[row] for row in self.order]

    @property
    def row(self) -> R | None:
        """The one under the cursor."""
        return self._rows.get(self.cursor)

    def __getitem__(self, row: str) -> R:
        """A row by its id. Raises KeyError."""
        return self._rows[row]

    def get(self, row: str) -> R | None:
        """A row by its id, None when it is gone."""
        return self._rows.get(row)

    @property
    def index(self) -> int:
        """Where the cursor is; 0 when it is on no row."""
        return self.order.index(self.cursor) if self.cursor in self.order else 0

    @property
    def total(self) -> int:
        """Rows before filtering."""
        return len(self._rows)

    @property
    def chosen(self) -> list[R]:
        """The marked rows in the order shown, or the one under the cursor."""
        marked = [self._rows[row] for row in (*self.order, *sorted(self.marks)) if row in self.marks]
        return list({self.listing.id(row): row for row in marked}.values()) or ([self.row] if self.row else [])

    def table(self, columns: Sequence[Column[R]] | None = None, *, chosen: bool = False) -> Table:
        """What is shown, or of that only what is chosen; with these columns, or all."""
        rows = self.chosen if chosen else self.rows
        about = {"of": self.total, "filter": self.filter.text, "sort": self.sort.said, "marked": len(self.marks)}
        return table_of(self.listing, rows, self.now, columns, **about)

    def move(self, step: int) -> None:
        """Cursor up or down."""
        self.go(self.index + step)

    def point_at(self, row: str) -> None:
        """Cursor to the row of this id, once it is there."""
        self.cursor = row

    def go(self, index: int) -> None:
        """Cursor to the row at this place."""
        if self.order:
            self.cursor = self.order[max(0, min(len(self.order) - 1, index))]

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next."""
        if self.cursor:
            self.marks ^= {self.cursor}
            self.move(1)

    def mark_all(self) -> None:
        """Mark every row that the filter shows."""
        self.marks = set(self.order)

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks = set()

    def set_filter(self, text: str) -> None:
        """Show only what passes; one that cannot be read is a `problem`, and the one before stays."""
        try:
            self.filter, self.problem = parsed(text, self._fields), ""
        except FilterError as error:
            self.problem = str(error)
        self._put(self._ordered())

    def problem_of(self, text: str) -> str:
        """Why a filter cannot be read, or an empty string."""
        try:
            parsed(text, self._fields)
        except FilterError as error:
            return str(error)
        return ""

    def sort_by(self, key: str) -> None:
        """Sort by a column, or turn its order round. Raises KeyError for a column that there is not."""
        by = self.listing.column(key)
        self.sort = self.sort.reversed() if self.sort.key == key else natural(by)
        self._put(self._ordered())

    def reverse(self) -> None:
        """Turn the order round."""
        self.sort = self.sort.reversed()
        self._put(self._ordered())

    def back(self) -> bool:
        """One level back: the filter, then the marks; False when there was neither."""
        if self.filter.text or self.problem:
            self.set_filter("")
        elif self.marks:
            self.unmark()
        else:
            return False
        return True

    def _ordered(self) -> list[str]:
        by = self.listing.column(self.sort.key) if self.sort.key else None
        return in_order(self._rows, self.filter, self.sort, by, self.now)

    def _put(self, fresh: list[str]) -> None:
        """A cursor whose row is gone goes to the one that took its place."""
        at = self.index
        self.order = fresh
        if self.cursor not in fresh:
            self.cursor = fresh[min(at, len(fresh) - 1)] if fresh else ""
