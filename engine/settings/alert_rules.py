"""The rules as the settings hold them: rows of texts, checked and made into rules; and those that are shipped."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from engine.events.types import AnyEvent, Severity
from engine.settings.alert_conditions import AlertCondition, parse
from engine.settings.quantities import format_duration, parse_duration

COLUMNS = ("name", "when", "for", "severity", "remedy")
"""What a row may say; `name` and `when` it must."""
MOST = 100
"""Rules in the settings."""
LONGEST_HOLD = 86_400.0
"""Seconds that a condition may have to hold."""
EVENTS = frozenset(
    str(kind.__struct_config__.tag) for kind in get_args(AnyEvent) if not kind.__name__.startswith("Alert")
)
"""Events that a rule may wait for; those of the alerts themselves would answer each other."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LONGEST_REMEDY = 300

AlertRuleRow = dict[str, str]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When to alert: `condition` must hold for `hold` seconds."""

    name: str
    condition: AlertCondition
    hold: float = 0.0
    severity: Severity = Severity.WARNING
    remedy: str = ""


def read_rows(given: object) -> tuple[AlertRuleRow, ...]:
    """The rows, each whole and in one form; ValueError names the rule and what is wrong with it."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError(f"a list of rules, each with {', '.join(COLUMNS)}")  # noqa: TRY004 - for pydantic
    if len(given) > MOST:
        raise ValueError(f"a list of at most {MOST} rules")
    rows: list[AlertRuleRow] = []
    for number, row in enumerate(given, 1):
        try:
            rows.append(_row(row))
        except ValueError as error:
            raise ValueError(f"a list of right rules; rule {_called(row, number)}: {error}") from None
        if any(rows[-1]["name"] == other["name"] for other in rows[:-1]):
            raise ValueError(f"a list of rules with different names; {rows[-1]['name']} is there twice")
    return tuple(rows)


def rules_of(rows: Sequence[AlertRuleRow]) -> tuple[AlertRule, ...]:
    """The rules of rows that `read_rows` gave."""
    return tuple(
        AlertRule(
            name=row["name"],
            condition=parse(row["when"], EVENTS),
            hold=parse_duration(row["for"]),
            severity=Severity(row["severity"]),
            remedy=row["remedy"],
        )
        for row in rows
    )


def _row(given: object) -> AlertRuleRow:
    if not isinstance(given, Mapping):
        raise ValueError(f"it has no {', '.join(COLUMNS)}")  # noqa: TRY004 - for pydantic
    if unknown := sorted(map(str, given.keys() - set(COLUMNS))):
        raise ValueError(f"there is no {unknown[0]!r}{_nearest(unknown[0], COLUMNS)}")
    name, when = str(given.get("name", "")), str(given.get("when", ""))
    if not _NAME.fullmatch(name):
        raise ValueError("its name must be 1 to 64 small letters, digits, - and _")
    condition = parse(when, EVENTS)
    hold = parse_duration(given.get("for", 0.0))
    if hold > LONGEST_HOLD:
        raise ValueError(f"`for` is over {format_duration(LONGEST_HOLD)}")
    if condition.event and hold:
        raise ValueError("an event does not last; leave `for` out")
    return {
        "name": name,
        "when": condition.text,
        "for": format_duration(hold),
        "severity": _severity(given.get("severity", Severity.WARNING.value)),
        "remedy": _remedy(given.get("remedy", "")),
    }


def _severity(given: Any) -> str:
    words = [each.value for each in Severity]
    if given not in words:
        raise ValueError(f"there is no severity {str(given)!r}{_nearest(str(given), words)}")
    return str(given)


def _remedy(given: Any) -> str:
    text = " ".join(str(given).split())
    if len(text) > _LONGEST_REMEDY:
        raise ValueError(f"its remedy is over {_LONGEST_REMEDY} characters")
    return text


def _called(row: object, number: int) -> str:
    name = str(row.get("name", "")) if isinstance(row, Mapping) else ""
    return name if _NAME.fullmatch(name) else str(number)


def _nearest(wrong: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.4)
    return f"; the nearest is {close[0]}" if close else f"; there are {', '.join(known)}"


SHIPPED: tuple[AlertRuleRow, ...] = read_rows(
    [
        {
            "name": "availability-low",
            "when": "availability < 0.99 and requests >= 20",
            "for": "1m",
            "severity": "critical",
            "remedy": "`quarterdeck errors statistics` states what fails, `quarterdeck errors` where.",
        },
        {
            "name": "errors-many",
            "when": "errors_per_minute > 30",
            "for": "1m",
            "remedy": "`quarterdeck errors statistics --window 5m` states which type and rule.",
        },
        {
            "name": "breaker-open",
            "when": "breaker_open >= 1",
            "remedy": "`quarterdeck breakers` states why; it tries again by itself unless it was opened by hand.",
        },
        {
            "name": "recovery-slow",
            "when": "p95_recover > 30",
            "for": "5m",
            "remedy": "Lower `retry.max_delay`, or see what fails with `quarterdeck errors`.",
        },
        {
            "name": "sessions-crash",
            "when": "sessions_lost >= 10",
            "remedy": "`quarterdeck sessions list --ended` states how they ended.",
        },
        {
            "name": "queue-long",
            "when": "queue_waiting > 100",
            "for": "1m",
            "remedy": "Raise `session_pool.max_size`, or send less.",
        },
        {
            "name": "approval-waits",
            "when": "oldest_approval > 60",
            "remedy": "Answer it: `!` in the console, or `quarterdeck permissions`; unanswered it is denied.",
        },
        {
            "name": "memory-high",
            "when": "memory_used > 0.95",
            "for": "1m",
            "severity": "critical",
            "remedy": "Lower `session_pool.max_size` or `session_pool.limits.memory_soft`.",
        },
        {
            "name": "orphans-reaped",
            "when": "event:orphans_reaped",
            "severity": "info",
            "remedy": "An engine had died without stopping; its last log states why.",
        },
    ]
)
"""The rules without any in the settings."""
