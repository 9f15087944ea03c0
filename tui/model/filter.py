"""The filter of a list: words and `field:value,value`, `!word`, `field>number`, `field!=value`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.events.state import SessionView
from tui.model.columns import SESSION_COLUMNS, Column

R = TypeVar("R")
Fact = str | float
Reader = Callable[[R, float], Fact]

_TERM = re.compile(
    r"(?P<no>!?)(?:(?P<field>[a-z]+)(?P<op>!=|>=|<=|[:=<>]))?"
    r"(?:\"(?P<quoted>[^\"]*)\"?|(?P<value>\S*))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([a-z%]*)", re.IGNORECASE)
_UNITS = {
    "": 1.0, "%": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "kib": 1024.0, "mib": 1024.0**2, "gib": 1024.0**3,
    "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fields(Generic[R]):
    """What can be asked of the rows of a list, by name; those of `times` are in seconds, those of `sizes` in bytes.

    `words` are searched by a bare word, `common` are named to whoever asks for one that there is not.
    """

    readers: Mapping[str, Reader[R]]
    numbers: frozenset[str]
    times: frozenset[str]
    sizes: frozenset[str]
    words: tuple[str, ...]
    common: tuple[str, ...]


def fields_of(columns: Sequence[Column[R]]) -> Fields[R]:
    """Every column is a field: its plain value."""
    texts = tuple(column.key for column in columns if not column.unit)
    return Fields(
        {column.key: _reader(column) for column in columns},
        frozenset(column.key for column in columns if column.unit),
        frozenset(column.key for column in columns if column.unit == "seconds"),
        frozenset(column.key for column in columns if column.unit == "bytes"),
        texts,
        tuple(column.key for column in columns),
    )


def _reader(column: Column[R]) -> Reader[R]:
    plain = column.plain
    if not column.unit:
        return lambda row, now: str(plain(row, now))
    return lambda row, now: float(plain(row, now) or 0.0)


_OF_COLUMNS = fields_of(SESSION_COLUMNS)
FIELDS: Mapping[str, Reader[SessionView]] = {
    **_OF_COLUMNS.readers,
    "prompt": lambda row, _now: row.prompt,
    "tenant": lambda row, _now: row.tenant,
    "backend": lambda row, _now: row.backend,
    "error": lambda row, _now: row.last_error,
    "pid": lambda row, _now: float(row.pid),
    "errors": lambda row, _now: float(row.errors),
    "for": lambda row, now: now - row.since,
}
"""The fields of sessions: their columns, and what has none."""
NUMBERS = _OF_COLUMNS.numbers | {"pid", "errors", "for"}
"""Fields of sessions that can be compared."""
COMMON_FIELDS = ("state", "user", "profile", "turns", "errors", "cost", "age")
SESSION_FIELDS = Fields(
    FIELDS,
    NUMBERS,
    _OF_COLUMNS.times | {"for"},
    _OF_COLUMNS.sizes,
    ("id", "state", "profile", "user", "conversation", "activity", "prompt", "error"),
    COMMON_FIELDS,
)


class FilterError(ValueError):
    """The filter cannot be read; the message states which part and what is allowed."""


@dataclass(frozen=True, slots=True)
class _Term(Generic[R]):
    test: Callable[[R, float], bool]
    negated: bool


@dataclass(frozen=True, slots=True)
class Filter(Generic[R]):
    """A filter that was understood: a row passes when every term holds."""

    text: str
    terms: tuple[_Term[R], ...] = ()

    def passes(self, row: R, now: float) -> bool:
        """Whether a row is shown at the moment `now`."""
        return all(term.test(row, now) is not term.negated for term in self.terms)


EVERYTHING: Filter[Any] = Filter("")


def parsed(text: str, fields: Fields[R]) -> Filter[R]:
    """Read a filter over these fields; raises FilterError naming the term that is wrong."""
    found = (match for match in _TERM.finditer(text.strip()) if match.group().strip())
    return Filter(text.strip(), tuple(_Term(_test(match, fields), bool(match["no"])) for match in found))


def _test(match: re.Match[str], fields: Fields[R]) -> Callable[[R, float], bool]:
    value = (match["quoted"] if match["quoted"] is not None else match["value"]).lower()
    if match["field"] is None:
        if not value:
            raise FilterError("`!` needs a word after it, such as !idle")
        return _word(value, fields)
    name = match["field"].lower()
    if name not in fields.readers:
        raise FilterError(f"no field {name!r}; try {_nearest(name, fields)}")
    return _compare(name, fields, match["op"], value)


def _word(value: str, fields: Fields[R]) -> Callable[[R, float], bool]:
    readers = [fields.readers[name] for name in fields.words]
    return lambda row, now: any(value in str(read(row, now)).lower() for read in readers)


def _compare(name: str, fields: Fields[R], op: str, value: str) -> Callable[[R, float], bool]:
    reader = fields.readers[name]
    if not value:
        raise FilterError(f"{name}{op} needs a value")
    if op == ":":
        wanted = [part for part in value.split(",") if part]
        return lambda row, now: any(part in _text(reader(row, now)) for part in wanted)
    if op in {"=", "!="}:
        equal = op == "="
        return lambda row, now: _equal(reader(row, now), value) is equal
    if name not in fields.numbers:
        raise FilterError(f"{name} is a text; use {name}:{value}")
    bound = _number(name, fields, op, value)
    match op:
        case ">":
            return lambda row, now: _value(reader(row, now)) > bound
        case "<":
            return lambda row, now: _value(reader(row, now)) < bound
        case ">=":
            return lambda row, now: _value(reader(row, now)) >= bound
        case _:
            return lambda row, now: _value(reader(row, now)) <= bound


def _number(name: str, fields: Fields[R], op: str, value: str) -> float:
    found = _NUMBER.fullmatch(value)
    if found is None:
        raise FilterError(f"{name}{op}{value}: {value!r} is no number")
    unit = found[2].lower()
    if name in fields.times and unit == "m":
        unit = "min"
    if name in fields.sizes and unit in {"k", "m", "g"}:
        unit += "ib"
    if unit not in _UNITS:
        raise FilterError(f"{name}{op}{value}: no unit {found[2]!r}; use k, M, G, s, m, h or d")
    return float(found[1]) * _UNITS[unit]


def _text(fact: Fact) -> str:
    return f"{fact:g}" if isinstance(fact, float) else fact.lower()


def _equal(fact: Fact, value: str) -> bool:
    return _text(fact) == value


def _value(fact: Fact) -> float:
    return fact if isinstance(fact, float) else float("nan")


def _nearest(name: str, fields: Fields[R]) -> str:
    import difflib

    return ", ".join(difflib.get_close_matches(name, fields.readers, 3, 0.5) or fields.common)
