"""Conditions of alerts as people write them: `availability < 0.99 and requests >= 20`, or `event:orphans_reaped`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from engine.base.text import nearest_name

Readings = Mapping[str, Mapping[str, float]]
"""Figure → subject → value; the subject is empty where the figure is of the engine as a whole."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a condition may name; a threshold lies from `low` to `high`."""

    text: str
    low: float = 0.0
    high: float = 1e9


_RATIO = 1.0
_DAY = 86_400.0
FIGURES: dict[str, Figure] = {
    "availability": Figure("answered / (requests - excused) of the last 5 minutes", high=_RATIO),
    "requests": Figure("requests that ended in the last 5 minutes"),
    "failed": Figure("requests given up in the last 5 minutes"),
    "errors": Figure("failed attempts of the last 5 minutes"),
    "errors_per_minute": Figure("failed attempts a minute, of the last 5 minutes"),
    "retries": Figure("retries of the last 5 minutes"),
    "retry_success": Figure("share of retried requests that were answered, of the last 5 minutes", high=_RATIO),
    "p95_detect": Figure("seconds within which 95 % of the errors were found", high=_DAY),
    "p50_recover": Figure("seconds within which half of the failed requests were answered after all", high=_DAY),
    "p95_recover": Figure("seconds within which 95 % of them were", high=_DAY),
    "mttr": Figure("mean seconds from a request's first error to its answer", high=_DAY),
    "mtbf": Figure("mean seconds between failures", high=_DAY),
    "sessions_lost": Figure("sessions whose process ended by an error in the last 5 minutes"),
    "breaker_changes": Figure("changes of breakers in the last 5 minutes"),
    "breakers_open": Figure("breakers that let nothing through"),
    "breaker_open": Figure("1 for each breaker that lets nothing through; the breaker is the subject", high=_RATIO),
    "queue_waiting": Figure("requests that wait for a session"),
    "oldest_wait": Figure("seconds that the oldest of them waits", high=_DAY),
    "permissions_waiting": Figure("permissions that wait for an answer"),
    "oldest_approval": Figure("seconds that the oldest of them waits for its answer", high=_DAY),
    "sessions": Figure("sessions in the pool"),
    "utilisation": Figure("(leased + waiting) / sessions", high=1e6),
    "memory_used": Figure("share of the machine's memory that is used", high=_RATIO),
    "cpu_used": Figure("share of the machine's CPU that is used", high=_RATIO),
}
"""What a condition may name."""


def in_words(name: str, value: float) -> str:
    """A figure with its value in its unit: `availability is 98.2 %`, `oldest approval is 60 s`."""
    most = FIGURES[name].high
    shown = f"{100 * value:.3g} %" if most == _RATIO else f"{value:.0f} s" if most == _DAY else f"{value:.4g}"
    return f"{name.replace('_', ' ')} is {shown}"


BY_SUBJECT = frozenset({"breaker_open"})
"""Figures that are read for each subject apart."""
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
"""What a condition may compare with."""
EVENT = "event:"
LONGEST = 300
"""Characters of a condition."""
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_TERM = re.compile(r"([A-Za-z_]\w*)\s*([^\w\s.+-]+)\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison."""

    figure: str
    operator: str
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether it is true of a reading."""
        return OPERATORS[self.operator](value, self.threshold)


@dataclass(frozen=True, slots=True)
class AlertCondition:
    """Terms that must all hold, or an event that must happen; `text` as it was written."""

    text: str
    terms: tuple[Term, ...] = ()
    event: str = ""

    @property
    def lead(self) -> Term | None:
        """The term whose reading is shown: the one by subject, else the first."""
        return next((term for term in self.terms if term.figure in BY_SUBJECT), next(iter(self.terms), None))

    def holding(self, readings: Readings) -> dict[str, float]:
        """The subjects that it holds for, with the lead's reading; a figure without a reading does not hold."""
        lead = self.lead
        if lead is None:
            return {}
        return {
            subject: value
            for subject, value in readings.get(lead.figure, {}).items()
            if all(_holds(term, readings, subject) for term in self.terms)
        }


def parse(text: str, events: Collection[str] = ()) -> AlertCondition:
    """The condition of a text; `events` are the names an `event:` may have. ValueError states what is wrong with it."""
    written = " ".join(text.split())
    if len(written) > LONGEST:
        raise ValueError(f"the condition is over {LONGEST} characters")
    if written.startswith(EVENT):
        name = written.removeprefix(EVENT).strip()
        if name not in events:
            raise ValueError(f"there is no event {name!r}{_nearest(name, events)}")
        return AlertCondition(written, event=name)
    return AlertCondition(written, tuple(_term(part) for part in _AND.split(written)))


def _term(text: str) -> Term:
    match = _TERM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no comparison such as `availability < 0.99`, nor `event:` and a name")
    name, sign, number = match[1], match[2], float(match[3])
    figure = FIGURES.get(name)
    if figure is None:
        raise ValueError(f"there is no figure {name!r}{_nearest(name, FIGURES)}")
    if sign not in OPERATORS:
        meant = [sign[::-1]] if sign[::-1] in OPERATORS else OPERATORS
        raise ValueError(f"there is no operator {sign!r}{_nearest(sign, meant)}")
    if not figure.low <= number <= figure.high:
        raise ValueError(f"{match[3]} is out of range: {name} lies from {figure.low:g} to {figure.high:g}")
    return Term(name, sign, number)


def _holds(term: Term, readings: Readings, subject: str) -> bool:
    known = readings.get(term.figure, {})
    value = known.get(subject if term.figure in BY_SUBJECT else "")
    return value is not None and term.holds(value)


def _nearest(wrong: str, known: Collection[str]) -> str:
    near = nearest_name(wrong, known, 0.4)
    return f"; the nearest is {near}" if near else f"; known are {', '.join(sorted(known))}"
