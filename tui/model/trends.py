"""Trends from the projection's ten-second buckets: tokens a second, turn p95, errors a minute. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.events.state import BUCKET_S, Bucket

SPAN_S = 1200.0
"""Seconds that a trend shows."""
_SPANS = (300.0, 600.0)
RECENT_S = 60.0
"""Seconds that make up `now`."""
COMPARED_S = 300.0
"""Seconds on each side of the comparison that gives the change."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure over time: `values` oldest first, `now`, and the change in parts of one (None when unknown)."""

    values: tuple[float, ...]
    now: float
    change: float | None


@dataclass(frozen=True, slots=True)
class Trends:
    """Tokens a second, p95 of turns in seconds, errors a minute; dollars an hour; `p50` of the last minute's turns."""

    tokens: Trend
    p95: Trend
    errors: Trend
    p50: float
    cost_an_hour: float
    span: float
    """Seconds that the values cover."""


Figure = Callable[[Sequence[Bucket], float], float]


def measure(buckets: Sequence[Bucket], now: float, columns: int, span_s: float = SPAN_S, since: float = 0.0) -> Trends:
    """All trends over the last `span_s` seconds in `columns` values each; `since` is when the engine started."""
    window = [bucket for bucket in buckets if bucket.start > now - max(span_s, 3600.0)]
    make = _Maker(window, now, columns, span_s, since)
    recent = make.within(RECENT_S, 0)
    hour = make.within(600.0, 0)
    covered = min(600.0, max(60.0, now - window[0].start)) if window else 600.0
    return Trends(
        make.trend(lambda found, seconds: sum(b.tokens for b in found) / seconds),
        make.trend(lambda found, _seconds: percentile(found, 0.95)),
        make.trend(lambda found, seconds: sum(b.errors for b in found) * 60.0 / seconds),
        percentile(recent, 0.5),
        sum(b.cost for b in hour) * 3600.0 / covered,
        make.span,
    )


def span_for(age: float) -> float:
    """The window that fits what there is to see after so many seconds: a new engine's chart is not empty."""
    return next((span for span in _SPANS if span >= age), SPAN_S)


def percentile(buckets: Sequence[Bucket], part: float) -> float:
    """Percentile of the turn durations in these buckets, by nearest rank; 0 without any."""
    durations = sorted(value for bucket in buckets for value in bucket.durations)
    return durations[min(len(durations) - 1, int(part * len(durations)))] if durations else 0.0


class _Maker:
    """Cuts the window of one moment into columns."""

    def __init__(self, window: Sequence[Bucket], now: float, columns: int, span_s: float, since: float) -> None:
        self._window = window
        self._since = since
        self._columns = max(1, columns)
        # Whole buckets only, so that a column changes when its bucket does and not on every paint.
        self._end = now - now % BUCKET_S + BUCKET_S
        self._step = max(BUCKET_S, span_s / self._columns)

    @property
    def span(self) -> float:
        """Seconds that all columns cover."""
        return self._step * self._columns

    def within(self, seconds: float, ago: float) -> list[Bucket]:
        """Buckets of the `seconds` that ended `ago` seconds before now."""
        end = self._end - ago
        return [bucket for bucket in self._window if end - seconds <= bucket.start < end]

    def trend(self, figure: Figure) -> Trend:
        """The figure in every column, now, and against the time before."""
        columns = self._by_column()
        values = tuple(figure(found, self._step) for found in columns)
        return Trend(values, figure(self.within(RECENT_S, 0), RECENT_S), self._change(figure))

    def _change(self, figure: Figure) -> float | None:
        """The last minutes against as many before them; None when those were not seen whole, or were empty."""
        if self._end - 2 * COMPARED_S < self._since:
            return None
        old = figure(self.within(COMPARED_S, COMPARED_S), COMPARED_S)
        return figure(self.within(COMPARED_S, 0), COMPARED_S) / old - 1.0 if old > 0 else None

    def _by_column(self) -> list[list[Bucket]]:
        found: list[list[Bucket]] = [[] for _ in range(self._columns)]
        for bucket in self._window:
            place = self._columns - 1 - int((self._end - BUCKET_S - bucket.start) / self._step)
            if 0 <= place < self._columns:
                found[place].append(bucket)
        return found
