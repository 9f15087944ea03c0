"""The table behind a screen: a list declared once by its columns, and what it shows now as text, CSV and JSON. Pure."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from tui.model.columns import Column, Plain
from tui.model.sort import Sort
from tui.render.plain_text import clean, escape_json

if TYPE_CHECKING:
    from tui.model.filter import Fields

R = TypeVar("R")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes a text for a formula."""
_EMPTY = {"–", "·"}
BY_ID = Sort()
AS_GIVEN = Sort("")


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A list of a screen: `id` names a row, `command` is the line that shows it in the shell, `usual` its order.

    `fields` are what its filter knows, where that is not the columns alone.
    """

    name: str
    noun: str
    columns: tuple[Column[R], ...]
    id: Callable[[R], str]
    command: Callable[[R], str]
    usual: Sort = BY_ID
    fields: Fields[R] | None = None

    def column(self, key: str) -> Column[R]:
        """One by its key. Raises KeyError."""
        for column in self.columns:
            if column.key == key:
                return column
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its cells as a person reads them, and as plain values."""

    id: str
    texts: tuple[str, ...]
    plains: tuple[Plain, ...]
    command: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order shown at the moment `at`, in seconds since 1970; `of` is their number before filtering."""

    name: str
    at: float
    keys: tuple[str, ...]
    titles: tuple[str, ...]
    rows: tuple[TableRow, ...]
    of: int = 0
    filter: str = ""
    sort: str = ""
    marked: int = 0


def table_of(
    listing: Listing[R], rows: Sequence[R], now: float, columns: Sequence[Column[R]] | None = None, **about: Any
) -> Table:
    """The rows as they are at `now`, with these columns or all of the list's; `about` as Table has it."""
    shown = listing.columns if columns is None else tuple(columns)
    about.setdefault("of", len(rows))
    return Table(
        listing.name,
        now,
        tuple(column.key for column in shown),
        tuple(column.title for column in shown),
        tuple(_row(listing, row, now, shown) for row in rows),
        **about,
    )


def command(*words: str) -> str:
    """A line for the shell: `quarterdeck` with these words, quoted where that is needed."""
    return shlex.join(["quarterdeck", *(clean(word) for word in words)])


def harmless(text: str) -> str:
    """A text of several lines with nothing in it that a terminal would obey."""
    return "\n".join(clean(line.expandtabs(4)) for line in text.splitlines())


def as_texts(table: Table) -> str:
    """The rows with tabs between their cells."""
    return "\n".join("\t".join(row.texts) for row in table.rows)


def as_ids(table: Table) -> str:
    """The rows' ids, one a line."""
    return "\n".join(clean(row.id) for row in table.rows)


def as_commands(table: Table) -> str:
    """The rows' commands, one a line, none twice."""
    return "\n".join(dict.fromkeys(row.command for row in table.rows))


def as_objects(table: Table) -> str:
    """The rows as JSON: one as an object, several as an array of them."""
    objects = [_object(table, row) for row in table.rows]
    return to_json(objects[0] if len(objects) == 1 else objects)


def as_json(table: Table) -> str:
    """The whole table as JSON: what it is, when, how it was filtered and sorted, and its rows."""
    head = {"view": table.name, "at": round(table.at, 3), "filter": table.filter, "sort": table.sort, "of": table.of}
    return to_json({**head, "marked": table.marked, "rows": [_object(table, row) for row in table.rows]}) + "\n"


def as_csv(table: Table) -> str:
    """Comma-separated values after RFC 4180: numbers as they are, texts on one line, none of them a formula."""
    paper = io.StringIO()
    writer = csv.writer(paper)
    writer.writerow(table.keys)
    writer.writerows([_no_formula(plain) for plain in row.plains] for row in table.rows)
    return paper.getvalue()


def to_json(value: Any) -> str:
    """JSON in which nothing that a terminal would obey is left as it is; it reads back as the same value."""
    return escape_json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _row(listing: Listing[R], row: R, now: float, columns: Sequence[Column[R]]) -> TableRow:
    plains = tuple(column.plain(row, now) for column in columns)
    texts = tuple(_written(column, row, now, plain) for column, plain in zip(columns, plains, strict=True))
    return TableRow(listing.id(row), texts, plains, listing.command(row))


def _written(column: Column[R], row: R, now: float, plain: Plain) -> str:
    """A text is written out whole, whatever fits on the screen; a number as it stands there."""
    if isinstance(plain, str):
        return clean(plain)
    text = clean(column.text(row, now))
    return "" if text in _EMPTY else text


def _object(table: Table, row: TableRow) -> Mapping[str, Plain]:
    return dict(zip(table.keys, row.plains, strict=True))


def _no_formula(plain: Plain) -> Plain:
    if not isinstance(plain, str):
        return plain
    # What `clean` makes of a tab is a blank; a formula behind blanks is one all the same.
    text = clean(plain)
    return f"'{text}" if plain.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text
