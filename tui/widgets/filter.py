"""The filter of a list: words and `field:value,value`, `!word`, `field>number`, `field!=value`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.events.state import SessionView

Fact = str | float
Reader = Callable[[SessionView, float], Fact]

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
_TIMED = {"age", "last", "for"}

FIELDS: Mapping[str, Reader] = {
    "id": lambda row, _now: row.id,
    "state": lambda row, _now: row.state.value,
    "profile": lambda row, _now: row.profile,
    "tenant": lambda row, _now: row.tenant,
    "backend": lambda row, _now: row.backend,
    "user": lambda row, _now: row.user,
    "conversation": lambda row, _now: row.conversation,
    "activity": lambda row, _now: row.activity,
    "prompt": lambda row, _now: row.prompt,
    "error": lambda row, _now: row.last_error,
    "pid": lambda row, _now: float(row.pid),
    "turns": lambda row, _now: float(row.turns),
    "errors": lambda row, _now: float(row.errors),
    "cpu": lambda row, _now: row.cpu,
    "mem": lambda row, _now: float(row.rss),
    "tokens": lambda row, _now: float(row.tokens_in + row.tokens_out),
    "cost": lambda row, _now: row.cost,
    "age": lambda row, now: now - row.started_at,
    "last": lambda row, now: now - row.last_used,
    "for": lambda row, now: now - row.since,
}
NUMBERS = frozenset({"pid", "turns", "errors", "cpu", "mem", "tokens", "cost", "age", "last", "for"})
"""Fields that can be compared."""
COMMON_FIELDS = ("state", "user", "profile", "turns", "errors", "cost", "age")
"""Fields that are named to whoever asks for one that there is not."""
_WORDS = ("id", "state", "profile", "user", "conversation", "activity", "prompt", "error")


class FilterError(ValueError):
    """The filter cannot be read; the message says which part and what is allowed."""


@dataclass(frozen=True, slots=True)
class _Term:
    test: Callable[[SessionView, float], bool]
    negated: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood: a row passes when every term holds."""

    text: str
    terms: tuple[_Term, ...] = ()

    def passes(self, row: SessionView, now: float) -> bool:
        """Whether a row is shown at the moment `now`."""
        return all(term.test(row, now) is not term.negated for term in self.terms)


EVERYTHING = Filter("")


def parse(text: str) -> Filter:
    """Read a filter; raises FilterError naming the term that is wrong."""
    found = (match for match in _TERM.finditer(text.strip()) if match.group().strip())
    return Filter(text.strip(), tuple(_Term(_test(match), bool(match["no"])) for match in found))


def _test(match: re.Match[str]) -> Callable[[SessionView, float], bool]:
    value = (match["quoted"] if match["quoted"] is not None else match["value"]).lower()
    if match["field"] is None:
        if not value:
            raise FilterError("`!` needs a word after it, such as !idle")
        return _word(value)
    name = match["field"].lower()
    reader = FIELDS.get(name)
    if reader is None:
        raise FilterError(f"no field {name!r}; try {_nearest(name)}")
    return _compare(name, reader, match["op"], value)


def _word(value: str) -> Callable[[SessionView, float], bool]:
    readers = [FIELDS[name] for name in _WORDS]
    return lambda row, now: any(value in str(read(row, now)).lower() for read in readers)


def _compare(name: str, reader: Reader, op: str, value: str) -> Callable[[SessionView, float], bool]:
    if not value:
        raise FilterError(f"{name}{op} needs a value")
    if op == ":":
        wanted = [part for part in value.split(",") if part]
        return lambda row, now: any(part in _text(reader(row, now)) for part in wanted)
    if op in {"=", "!="}:
        equal = op == "="
        return lambda row, now: _equal(reader(row, now), value) is equal
    if name not in NUMBERS:
        raise FilterError(f"{name} is a text; use {name}:{value}")
    bound = _number(name, op, value)
    match op:
        case ">":
            return lambda row, now: _value(reader(row, now)) > bound
        case "<":
            return lambda row, now: _value(reader(row, now)) < bound
        case ">=":
            return lambda row, now: _value(reader(row, now)) >= bound
        case _:
            return lambda row, now: _value(reader(row, now)) <= bound


def _number(name: str, op: str, value: str) -> float:
    found = _NUMBER.fullmatch(value)
    if found is None:
        raise FilterError(f"{name}{op}{value}: {value!r} is no number")
    unit = found[2].lower()
    if name in _TIMED and unit == "m":
        unit = "min"
    if name == "mem" and unit in {"k", "m", "g"}:
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


def _nearest(name: str) -> str:
    import difflib

    return ", ".join(difflib.get_close_matches(name, FIELDS, 3, 0.5) or COMMON_FIELDS)
