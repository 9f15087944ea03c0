"""The rows that a benchmark gives: every figure names what it was measured against, and its budget."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured number. `ratio` is to `against`; a row that was skipped has no value and is not ok."""

    name: str
    value: float | None
    unit: str
    against: str = ""
    ratio: float | None = None
    budget: str = ""
    ok: bool = True


def figure(name: str, value: float, unit: str, *, against: str = "", ratio: float | None = None) -> Figure:
    """A number without a budget."""
    return Figure(name, _short(value), unit, against, _short(ratio))


def at_most(
    name: str, value: float, unit: str, limit: float, *, against: str = "", ratio: float | None = None
) -> Figure:
    """A number that may not exceed `limit`, which has the same unit."""
    return Figure(name, _short(value), unit, against, _short(ratio), f"≤ {limit:g} {unit}", value <= limit)


def at_least(name: str, value: float, unit: str, limit: float, *, against: str = "") -> Figure:
    """A number that must reach `limit`, which has the same unit."""
    return Figure(name, _short(value), unit, against, None, f"≥ {limit:g} {unit}", value >= limit)


def ratio_at_most(name: str, value: float, unit: str, base: float, limit: float, *, against: str) -> Figure:
    """A number that may be at most `limit` times `base`."""
    ratio = value / base
    return Figure(name, _short(value), unit, against, _short(ratio), f"≤ {limit:g} times", ratio <= limit)


def ratio_at_least(name: str, value: float, unit: str, base: float, limit: float, *, against: str) -> Figure:
    """A number that must be at least `limit` times `base`."""
    ratio = value / base
    return Figure(name, _short(value), unit, against, _short(ratio), f"≥ {limit:g} times", ratio >= limit)


def skipped(name: str, why: str, budget: str = "") -> Figure:
    """A figure that could not be measured."""
    return Figure(name, None, "", f"skipped: {why}", None, budget, ok=False)


def p50(seconds: Sequence[float]) -> float:
    """The median in milliseconds."""
    return statistics.median(seconds) * 1e3


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    leases: int = 20_000
    waiters: int = 1000
    crashes: int = 20
    turns: int = 2000
    lifetimes: int = 200
    big: bool = True


FULL, QUICK = Size(), Size(leases=4000, crashes=5, turns=300, lifetimes=30, big=False)
