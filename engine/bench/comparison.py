"""A figure beside the plain way's, round by round: both take turns, and are repeated until the rounds agree."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.bench.figures import Figure, ratio_at_least, ratio_at_most

LEAST = 3
"""Rounds from which on their agreement counts."""


@dataclass
class Comparison:
    """Owner of one row's rounds. `limit` bounds ours by the plain way's, from below where `more` is better."""

    name: str
    unit: str
    plain: str
    """The plain way, by name."""
    limit: float
    more: bool = False
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def add(self, ours: float, theirs: float) -> None:
        """A round in which both were measured."""
        self.ours.append(ours)
        self.theirs.append(theirs)

    @property
    def ratios(self) -> list[float]:
        """Ours by the plain way's, by round."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def settled(self) -> bool:
        """Whether enough rounds were measured, and all say the same about the limit and about which way is better."""
        ratios = self.ratios
        return len(ratios) >= LEAST and not _between(ratios, self.limit) and not _between(ratios, 1.0)

    def row(self) -> Figure:
        """The medians of the rounds; what is within noise, or worse than the plain way, says so."""
        ours, theirs, ratios = statistics.median(self.ours), statistics.median(self.theirs), self.ratios
        shown = f"{self.plain}: {theirs:.3g} {self.unit}; {len(ratios)} rounds, {min(ratios):.3g} to {max(ratios):.3g}"
        judge = ratio_at_least if self.more else ratio_at_most
        return judge(self.name, ours, self.unit, theirs, self.limit, against=f"{shown} times{self._verdict()}")

    def _verdict(self) -> str:
        ratios = self.ratios
        if _between(ratios, 1.0):
            return "; within noise"
        worse = max(ratios) < 1 if self.more else min(ratios) > 1
        return "; worse than the plain way" if worse else ""


def repeat(work: Callable[[int], None], comparisons: Sequence[Comparison], least: int, most: int) -> None:
    """Measure rounds, `least` and then more while one comparison has not settled, `most` in all."""
    for number in range(most):
        if number >= least and all(each.settled for each in comparisons):
            return
        work(number)


def _between(ratios: Sequence[float], mark: float) -> bool:
    return min(ratios) <= mark <= max(ratios)
