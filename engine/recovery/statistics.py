"""How errors, retries and recoveries went, by window: pure, fed by events, with the events' own time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from engine.base.errors import BadInput, ErrorKind
from engine.base.percentiles import Key, RollingCounter, bucket_of, percentile
from engine.events import types as ev
from engine.events.types import EventEnvelope, RequestEnding

WINDOWS = {"5m": 300.0, "1h": 3600.0, "24h": 86_400.0}
"""Seconds of each window."""
BUCKETS = 60
"""Buckets of a window: what it covers is exact to a sixtieth."""
LABELS = 500
"""Different rules, breakers or kinds that are counted apart; those that come later are one, `other`."""
OPEN_KEPT = 10_000
"""Failed requests whose end is awaited."""
MOST_ATTEMPTS = 10
"""Attempts from which on requests are counted together."""
BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the exported histogram of recovery times."""
_MINUTE = 60.0


class LatencySummary(msgspec.Struct, frozen=True):
    """Durations in seconds: exact count and mean, percentiles within 5 % of their value; zeros without any."""

    count: int = 0
    mean: float = 0.0
    p50: float = 0.0
    p95: float = 0.0


class Figures(msgspec.Struct, frozen=True):
    """One window, `seconds` of which were observed. A figure that nothing happened for is None.

    Ended requests are answered, failed, refused (no attempt was made) or cancelled (by their callers or by people).
    `excused` counts those that say nothing of the engine: cancelled, or at fault themselves (validation).
    Availability is answered / (requests - excused). `errors` are failed attempts, `failed` requests given up.
    `attempts` counts answered requests by the number that they took, `mean_attempts` is over those; `retry_success`
    is the share of tried again requests that were answered. `detect` is the session's silence before an error,
    `recover` the time from a request's first error to its answer.

    `mttr`, in seconds, is the mean time to restoration (IEC 60050-192, 192-07-23): the mean of `recover`. `mtbf`, in
    seconds, is the mean operating time between failures (192-05-13): the observed time / `failures`, which are the
    requests that saw an error, each counted once however often it was tried.
    """

    window: str
    seconds: float
    errors: int
    errors_per_minute: float
    by_type: dict[str, int]
    by_rule: dict[str, int]
    requests: int
    answered: int
    failed: int
    refused: int
    cancelled: int
    excused: int
    failures: int
    retries: int
    attempts: dict[str, int]
    mean_attempts: float | None
    retry_success: float | None
    breaker_changes: dict[str, int]
    sessions_lost: int
    detect: LatencySummary
    recover: LatencySummary
    availability: float | None
    mttr: float | None
    mtbf: float | None


class RecoveryStatistics:
    """Owner of the counts by window and since the start; changed only by `apply`, in constant time an event."""

    def __init__(self) -> None:
        self._windows = {name: RollingCounter(seconds, BUCKETS) for name, seconds in WINDOWS.items()}
        self._open: OrderedDict[str, float] = OrderedDict()
        self._labels: dict[str, set[str]] = {}
        self._began: float | None = None
        self._takes: dict[type[ev.Event], Callable[[Any, float], None]] = {
            ev.ErrorSeen: self._error_seen,
            ev.RequestRetrying: self._retrying,
            ev.RequestEnded: self._request_ended,
            ev.BreakerChanged: self._breaker_changed,
            ev.SessionEnded: self._session_ended,
        }
        self.totals: dict[Key, float] = {}
        """Counts since the start, by what and label."""

    def apply(self, stamped: EventEnvelope) -> None:
        """Take one event in; those that tell nothing of errors only move the time on."""
        if self._began is None:
            self._began = stamped.at
        if (take := self._takes.get(type(stamped.event))) is not None:
            take(stamped.event, stamped.at)

    def figures(self, window: str, now: float) -> Figures:
        """The figures of a window that ends at `now`, in seconds since 1970. Raises BadInput for no such window."""
        rolling = self._windows.get(window)
        if rolling is None:
            remedy = f"Use one of {', '.join(WINDOWS)}."
            raise BadInput(f"There is no window {window!r}.", field="window", remedy=remedy)
        rolling.advance(now)
        observed = min(WINDOWS[window], max(0.0, now - self._began)) if self._began is not None else 0.0
        return _figures(window, observed, rolling.total)

    def _error_seen(self, event: ev.ErrorSeen, at: float) -> None:
        self._count(at, "error", event.kind)
        self._count(at, "rule", event.rule or event.code)
        if event.session:
            self._count_time(at, "detect", event.silent)
        if event.request and event.kind != ErrorKind.VALIDATION and event.request not in self._open:
            self._count(at, "failure")
            self._open[event.request] = at
            if len(self._open) > OPEN_KEPT:
                self._open.popitem(last=False)

    def _retrying(self, _event: ev.RequestRetrying, at: float) -> None:
        self._count(at, "retry")

    def _request_ended(self, event: ev.RequestEnded, at: float) -> None:
        failed_at = self._open.pop(event.request, None)
        self._count(at, event.outcome.value)
        if event.excused:
            self._count(at, "excused", event.outcome.value)
        if event.ok and not event.cached:
            self._count(at, "attempts", str(event.attempts) if event.attempts < MOST_ATTEMPTS else f"{MOST_ATTEMPTS}+")
            self._add(at, ("attempts_sum", ""), event.attempts)
        if event.attempts > 1 and not event.excused:
            self._count(at, "retried")
            if event.ok:
                self._count(at, "retried_ok")
        if event.ok and failed_at is not None:
            took = max(0.0, at - failed_at)
            self._count_time(at, "recover", took)
            bound = next((str(bound) for bound in BOUNDS_S if took <= bound), "+Inf")
            self.totals["recover_within", bound] = self.totals.get(("recover_within", bound), 0) + 1

    def _breaker_changed(self, event: ev.BreakerChanged, at: float) -> None:
        breaker = breaker_label(event.breaker)
        self._count(at, "breaker", breaker)
        key = "breaker_to", f"{self._known('breaker', breaker)} {event.new}"
        self.totals[key] = self.totals.get(key, 0) + 1

    def _session_ended(self, event: ev.SessionEnded, at: float) -> None:
        if event.error:
            self._count(at, "session_lost")

    def _count(self, at: float, what: str, label: str = "") -> None:
        self._add(at, (what, self._known(what, label)), 1)

    def _count_time(self, at: float, what: str, seconds: float) -> None:
        self._add(at, (what, bucket_of(seconds)), 1)
        self._add(at, (f"{what}_ms", ""), round(max(0.0, seconds) * 1000))

    def _add(self, at: float, key: Key, amount: float) -> None:
        for rolling in self._windows.values():
            rolling.add(at, key, amount)
        self.totals[key] = self.totals.get(key, 0) + amount

    def _known(self, what: str, label: str) -> str:
        """The label, or `other` for one too many."""
        known = self._labels.setdefault(what, set())
        if label not in known and len(known) >= LABELS:
            return "other"
        known.add(label)
        return label


def breaker_label(name: str) -> str:
    """A breaker's name as it is counted: sessions come and go, so theirs are one."""
    return "session:*" if name.startswith("session:") else name


def by_label(counts: dict[Key, float], what: str) -> dict[str, int]:
    """The counts of one thing by label, most first."""
    found = {label: int(amount) for (kind, label), amount in counts.items() if kind == what}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _figures(window: str, observed: float, counts: dict[Key, float]) -> Figures:
    def count(what: str) -> int:
        return int(counts.get((what, ""), 0))

    ended = {ending.value: count(ending.value) for ending in RequestEnding}
    excused, requests = sum(by_label(counts, "excused").values()), sum(ended.values())
    by_type, attempts = by_label(counts, "error"), by_label(counts, "attempts")
    errors, recover = sum(by_type.values()), _spread(counts, "recover")
    return Figures(
        window=window,
        seconds=round(observed, 1),
        errors=errors,
        errors_per_minute=errors * _MINUTE / max(_MINUTE, observed),
        by_type=by_type,
        by_rule=by_label(counts, "rule"),
        requests=requests,
        **ended,
        excused=excused,
        failures=count("failure"),
        retries=count("retry"),
        attempts=attempts,
        mean_attempts=_ratio(count("attempts_sum"), sum(attempts.values())),
        retry_success=_ratio(count("retried_ok"), count("retried")),
        breaker_changes=by_label(counts, "breaker"),
        sessions_lost=count("session_lost"),
        detect=_spread(counts, "detect"),
        recover=recover,
        availability=_ratio(ended["answered"], requests - excused),
        mttr=recover.mean if recover.count else None,
        mtbf=_ratio(observed, count("failure")),
    )


def _spread(counts: dict[Key, float], what: str) -> LatencySummary:
    slots = {label: amount for (kind, label), amount in counts.items() if kind == what}
    number = int(sum(slots.values()))
    if not number:
        return LatencySummary()
    mean = counts.get((f"{what}_ms", ""), 0) / 1000 / number
    return LatencySummary(number, mean, percentile(slots, 0.5), percentile(slots, 0.95))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
