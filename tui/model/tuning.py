"""What is being tuned: the settings as rows, what is staged, and why a value is refused. No widget, no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from engine.settings import catalogue
from engine.settings.fields import BYTES, SHARE_OR_BYTES
from engine.settings.sources import read_text
from tui.model.settings_sheet import SettingChange, SettingsSheet

_ENGINE = "engine"
_SMALL = 20
SELF_SAID = frozenset({"", "seconds", BYTES, SHARE_OR_BYTES})
"""Units that a value is written with."""
_STEPS = (1.0, 2.0, 5.0)
_FIRST = ("session_pool", "circuit_breaker", "retry", "recovery", "queue", "cache", "alerts")
"""The groups that are tuned most, in this order; the others follow as the schema has them."""


@dataclass(frozen=True, slots=True)
class TuningRow:
    """One setting: its values as a person writes them; `raw` is in force, `applies` states when a change does."""

    key: str
    description: str
    unit: str
    allowed: str
    bounds: str
    current: str
    default: str
    raw: Any
    origin: str
    applies: str
    choices: tuple[str, ...]
    kind: type
    low: float | None
    high: float | None

    @property
    def group(self) -> str:
        """The part of the key before its last name."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition(".")[2]

    @property
    def suffix(self) -> str:
        """The unit where the values do not say it themselves, with a blank before it."""
        return "" if self.unit in SELF_SAID else f" {self.unit}"

    @property
    def mark(self) -> str:
        """How it came to its value: by hand since the engine started, or from a file or the like; else nothing."""
        return "»" if self.origin.startswith("live") else "·" if self.origin != "default" else " "

    @property
    def fixed(self) -> bool:
        """Whether only a new start of the engine changes it."""
        return self.applies == f"restart of {_ENGINE}"


@dataclass(frozen=True, slots=True)
class Staged:
    """A value that is proposed: its text, the value in force when it was staged, and why it is refused."""

    text: str
    base: str
    problem: str = ""


class Tuning:
    """Owner of the rows and of what is staged."""

    def __init__(self) -> None:
        self.rows: list[TuningRow] = []
        self.staged: dict[str, Staged] = {}
        self.changes: Sequence[SettingChange] = ()
        self.loaded = False

    def load(self, sheet: SettingsSheet) -> None:
        """Take in the settings as they are now, what can change first; what is staged stays until it is in force."""
        rows = [_row(key, value, sheet.origins) for key, value in sheet.values.items() if catalogue.find(key)]
        self.rows = sorted(rows, key=lambda row: (row.fixed, _rank(row.key)))
        self.changes = sheet.changes
        self.loaded = bool(self.rows)
        current = {row.key: row.current for row in self.rows}
        self.staged = {key: one for key, one in self.staged.items() if current.get(key) not in (None, one.text)}

    def row(self, key: str) -> TuningRow | None:
        """The row of a key."""
        return next((row for row in self.rows if row.key == key), None)

    def stage(self, key: str, text: str) -> None:
        """Propose a value; the one that is in force takes the proposal away."""
        row = self.row(key)
        if row is None:
            return
        if text == row.current:
            self.staged.pop(key, None)
        else:
            self.staged[key] = Staged(text, row.current)

    def refuse(self, key: str, problem: str) -> None:
        """Why the proposal cannot be."""
        if key in self.staged:
            self.staged[key] = replace(self.staged[key], problem=problem)

    def drop(self, key: str) -> None:
        """Take one proposal away."""
        self.staged.pop(key, None)

    def moved(self, key: str) -> bool:
        """Whether somebody changed the setting after it was staged here."""
        row = self.row(key)
        return row is not None and key in self.staged and self.staged[key].base != row.current

    def proposal(self, keys: Iterable[str] | None = None) -> dict[str, Any]:
        """What to send: key → value. Raises yaml.YAMLError for a text that is no value."""
        return {key: read_text(key, self.staged[key].text) for key in (self.staged if keys is None else keys)}

    def problem_of(self, key: str) -> str:
        """What is wrong with the text itself, before the engine is asked."""
        try:
            self.proposal([key])
        except yaml.YAMLError:
            return f"{self.staged[key].text!r} is no value."
        return ""

    @property
    def problems(self) -> list[str]:
        """Every refusal, one a staged key."""
        return [one.problem for one in self.staged.values() if one.problem]


def stepped(row: TuningRow, text: str, direction: int) -> str:
    """The next sensible value up or down (or the next choice), within the bounds; the same text where there is none."""
    if row.kind is bool:
        return "false" if text == "true" else "true"
    if row.choices:
        at = row.choices.index(text) if text in row.choices else 0
        return row.choices[(at + direction) % len(row.choices)]
    if row.kind not in (int, float):
        return text
    number = _number(row, text)
    if number is None:
        return text
    step = _step(row, number if direction > 0 else number * (1 - 1e-9))
    after = number + direction * step
    low, high = row.low if row.low is not None else -math.inf, row.high if row.high is not None else math.inf
    if row.unit == SHARE_OR_BYTES and number <= 1:
        high = 1.0
    after = min(max(after, low), high)
    setting = catalogue.find(row.key)
    return setting.shown(round(after) if row.kind is int else round(after, 6)) if setting is not None else text


def inverse(change: SettingChange) -> dict[str, str]:
    """What to stage to take a change back: key → text of the old value."""
    return {key: _shown(key, pair[0]) for key, pair in change.changes.items() if catalogue.find(key) is not None}


def _step(row: TuningRow, number: float) -> float:
    """An eighth in powers of two for bytes, else about a tenth, rounded to 1, 2 or 5 of its magnitude."""
    size = abs(number)
    if row.unit == BYTES or (row.unit == SHARE_OR_BYTES and number > 1):
        return float(2 ** max(20, math.floor(math.log2(size)) - 3)) if size >= 1 else 2.0**20
    if row.unit in {"ratio", SHARE_OR_BYTES}:
        return 0.05
    if row.kind is int and size < _SMALL:
        return 1.0
    if size == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(size / 10))
    return power * max(step for step in _STEPS if step * power <= size / 10 * 1.001)


def _number(row: TuningRow, text: str) -> float | None:
    from engine.settings.quantities import parse_duration, parse_share_or_size, parse_size

    try:
        if row.unit == BYTES:
            return float(parse_size(text))
        if row.unit == SHARE_OR_BYTES:
            return parse_share_or_size(text)
        return parse_duration(text) if row.unit == "seconds" and row.kind is float else float(text)
    except ValueError:
        return None


def _row(key: str, value: Any, origins: Mapping[str, str]) -> TuningRow:
    setting = catalogue.find(key)
    if setting is None:
        raise KeyError(key)
    low, high = setting.minimum, setting.maximum
    bounds = f"{setting.shown(low)}–{setting.shown(high)}" if low is not None and high is not None else ""
    return TuningRow(
        key=key,
        description=setting.description,
        unit=setting.unit,
        allowed=setting.allowed,
        bounds=bounds or "·".join(setting.choices) or ("on off" if setting.kind is bool else ""),
        current=_shown(key, value),
        default=setting.shown_default,
        raw=value,
        origin=origins.get(key, "default"),
        applies=setting.applies,
        choices=setting.choices,
        kind=setting.kind,
        low=low,
        high=high,
    )


def _rank(key: str) -> int:
    first = key.partition(".")[0]
    return _FIRST.index(first) if first in _FIRST else len(_FIRST)


def _shown(key: str, value: Any) -> str:
    setting = catalogue.find(key)
    return setting.shown(value) if setting is not None else str(value)
