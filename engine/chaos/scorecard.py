"""From the records of requests, strikes and events to the figures of a drill: pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile

import msgspec

from engine.chaos.calls import Load, load_in
from engine.events import types as ev
from engine.events.types import EventEnvelope
from engine.pool.statistics import percentiles

NEEDED_AVAILABILITY = 99.9
"""Percent of the requests that a working API would have answered."""
NEEDED_RECOVERY = 99.0
"""Percent of the strikes whose harm was mended."""
MOST_STORM = 1.0
"""Busiest rate of calls from an outage on, over the busiest one before it."""
LONGEST_RECOVERY_S = 2.0
"""Seconds to the 95th percentile of recoveries from a fault of a process."""
_CLOCKS_APART_S = 0.05
_UNEXPLAINED = 10
_CLOCK_S = 5.0
"""Longest time after a fault in which a silent call is still found."""
_OF_PROCESSES = frozenset({"kill", "stop"})
_ORDINARY = frozenset({"makes room", "shutdown", "scaled down"})
"""Reasons for which the pool stops a healthy session."""


class RequestOutcome(msgspec.Struct, kw_only=True):
    """One request of the traffic; times in seconds since 1970, `ended` None as long as it has no end.

    `error` is the sentence it failed with; `lost` and `doubled` count turns that its conversation's history misses or
    holds twice.
    """

    id: str
    began: float
    ended: float | None = None
    answered: bool = False
    code: str = ""
    error: str = ""
    given_up: str = ""
    lost: int = 0
    doubled: int = 0


class Injection(msgspec.Struct, kw_only=True):
    """What a drill did at `at`: to one session and the requests in it, or, without one, to what all depend on.

    `outage` states that calls failed until `healed`, and `total` that all did. `excuses` are the codes of failures that
    it explains: no working API was there to answer.
    """

    drill: str
    at: float
    healed: float | None = None
    session: str = ""
    requests: tuple[str, ...] = ()
    outage: bool = False
    total: bool = False
    excuses: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    """Codes of failures that it makes and that nothing excuses: the engine itself was down."""


class Span(msgspec.Struct, frozen=True):
    """Seconds; None where nothing was measured."""

    p50: float | None = None
    p95: float | None = None


class Scorecard(msgspec.Struct, kw_only=True):
    """The figures; `availability` and `recovered` in percent, `excused` failures fall into an outage.

    `process_recovered_in` is of sessions that were killed or stopped. A strike that needs no notice, such as one on the
    machine's CPU, and a `moot` one, which left or was refused for another reason, are not counted in the times.
    `api_load` is there where the first drill was an outage of a whole API that is one server, and counts its calls.
    """

    drills: list[str]
    seed: int
    backend: str
    settings: str
    sessions: int
    seconds: float
    requests: int
    answered: int
    failed_clearly: int
    excused: int
    lost: int
    doubled: int
    strikes: int
    moot: int
    detected_in: Span
    recovered_in: Span
    process_recovered_in: Span
    recovered_by_drill: dict[str, Span]
    recovered: float
    api_load: Load | None
    availability: float
    survivors: int
    aborted: str = ""
    failures: dict[str, int]
    unexplained: list[str] = []
    """Some of the failures that no outage excuses: request, code, sentence."""

    def problems(self) -> list[str]:
        """What went wrong, by count, a sentence each: the same on a machine of any speed."""
        found = [f"{count} {what}" for what, count in self._forbidden() if count]
        if self.availability < NEEDED_AVAILABILITY:
            found.append(f"availability {self.availability:.2f} % is below {NEEDED_AVAILABILITY} %")
        if self.recovered < NEEDED_RECOVERY:
            found.append(f"{self.recovered:.1f} % of the harm was mended, not {NEEDED_RECOVERY} %")
        if self.api_load and self.api_load.storm > MOST_STORM:
            found.append(f"the API's calls came {self.api_load.storm:g} times as fast as in health")
        if self.aborted:
            found.append(f"aborted: {self.aborted}")
        return found

    def delays(self) -> list[str]:
        """What went right and took too long, a sentence each; the machine's other work counts here."""
        took = self.process_recovered_in.p95
        if took is None or took <= LONGEST_RECOVERY_S:
            return []
        return [f"p95 of recovery from a process fault is {took:.1f} s, above {LONGEST_RECOVERY_S:g} s"]

    def _forbidden(self) -> list[tuple[str, int]]:
        return [("turns lost", self.lost), ("turns doubled", self.doubled), ("processes survived", self.survivors)]


class ScorecardEvidence(msgspec.Struct, kw_only=True):
    """All that was recorded in one run; `calls` are the moments in which an API that can count was called."""

    asked: list[RequestOutcome] = []
    strikes: list[Injection] = []
    events: list[EventEnvelope] = []
    calls: list[float] = []

    def join(self, other: ScorecardEvidence) -> None:
        """Add another run's; times are of one clock."""
        self.asked += other.asked
        self.strikes += other.strikes
        self.events += other.events
        self.calls += other.calls


def score(
    evidence: ScorecardEvidence,
    *,
    drills: Sequence[str],
    seed: int,
    backend: str,
    settings: str = "",
    sessions: int,
    seconds: float,
    survivors: int,
    aborted: str = "",
) -> Scorecard:
    """The figures of a run."""
    asked, strikes = evidence.asked, evidence.strikes
    failed = [one for one in asked if one.ended is not None and not one.answered]
    excused, answered = sum(is_excused(one, strikes) for one in failed), sum(one.answered for one in asked)
    moot, noticed = _moot_and_noticed(evidence)
    recovered = [recovered_in(strike, evidence) for strike in noticed]
    return Scorecard(
        drills=list(drills),
        seed=seed,
        backend=backend,
        settings=settings,
        sessions=sessions,
        seconds=round(seconds, 1),
        requests=len(asked),
        answered=answered,
        failed_clearly=sum(bool(one.error and one.code) for one in failed),
        excused=excused,
        lost=sum(_is_lost(one) for one in asked),
        doubled=sum(one.doubled for one in asked),
        strikes=len(strikes),
        moot=len(moot),
        detected_in=_span(detected_in(strike, evidence) for strike in noticed),
        recovered_in=_span(recovered),
        process_recovered_in=_of_processes(noticed, recovered),
        recovered_by_drill=_by_drill(noticed, recovered),
        recovered=_percent(sum(took is not None for took in recovered), len(recovered)),
        api_load=_load(evidence),
        availability=_percent(answered, len(asked) - excused),
        survivors=survivors,
        aborted=aborted,
        unexplained=_unexplained(failed, strikes),
        failures=dict(sorted(Counter(one.code for one in failed).items())),
    )


def _of_processes(noticed: Sequence[Injection], recovered: Sequence[float | None]) -> Span:
    """Recovery times of injections that ended or stopped a process."""
    return _span(took for each, took in zip(noticed, recovered, strict=True) if each.drill in _OF_PROCESSES)


def _is_lost(one: RequestOutcome) -> int:
    """Whether a request never ended, lost its answer, or ended with neither an answer nor an error."""
    return (one.ended is None) + one.lost + bool(one.ended and not one.answered and not one.error)


def _moot_and_noticed(evidence: ScorecardEvidence) -> tuple[list[Injection], list[Injection]]:
    """Injections that could show nothing, and those that the engine had to notice."""
    strikes, known = evidence.strikes, {one.id: one for one in evidence.asked}
    moot = [strike for strike in strikes if is_moot(strike, evidence.events) or _was_refused(strike, known, strikes)]
    passed = {id(strike) for strike in moot}
    return moot, [each for each in strikes if (each.session or each.outage) and id(each) not in passed]


def _unexplained(failed: Sequence[RequestOutcome], strikes: Sequence[Injection]) -> list[str]:
    return [
        f"{one.id} after {(one.ended or one.began) - one.began:.1f} s: {one.code}: {one.error} ({one.given_up})"
        for one in failed
        if not is_excused(one, strikes)
    ][:_UNEXPLAINED]


def is_excused(one: RequestOutcome, strikes: Iterable[Injection]) -> bool:
    """Whether a failed request fell into an outage that explains it: no working API was there to answer it."""
    if one.ended is None:
        return False
    ended = one.ended
    return any(one.code in s.excuses and ended >= s.at and (s.healed is None or one.began < s.healed) for s in strikes)


def is_expected(one: RequestOutcome, strikes: Iterable[Injection]) -> bool:
    """Whether a strike explains the failure, excused or not."""
    return any(
        one.code in (*s.excuses, *s.causes)
        and (one.ended or 0.0) >= s.at
        and (s.healed is None or one.began < s.healed)
        for s in strikes
    )


def is_moot(strike: Injection, events: Sequence[EventEnvelope]) -> bool:
    """Whether the struck session left in the course of things before anybody noticed: no credit for that."""
    if not strike.session:
        return False
    shows = _about(strike.session)
    first = next((stamped.event for stamped in _since(events, strike.at) if shows(stamped.event)), None)
    return isinstance(first, ev.SessionChanged) and first.reason in _ORDINARY


def detected_in(strike: Injection, evidence: ScorecardEvidence) -> float | None:
    """Seconds until the engine, or without its events a caller, noticed."""
    if strike.session:
        shows = _about(strike.session)
        seen = [stamped.at for stamped in _since(evidence.events, strike.at) if shows(stamped.event)][:1]
    else:
        seen = list(_retried(strike, evidence).values()) + _alarms(strike, evidence.events)
        seen += [one.ended for one in evidence.asked if one.ended and not one.answered and strike.at <= one.ended]
    return min(seen) - strike.at if seen else None


def recovered_in(strike: Injection, evidence: ScorecardEvidence) -> float | None:
    """Seconds until all that was hit was answered; for an outage from its end on. None when it was not."""
    if strike.session:
        return _session_recovered(strike, evidence)
    if strike.healed is None:
        return None
    healed, hit = strike.healed, _retried(strike, evidence)
    after = [one for one in evidence.asked if one.answered and one.ended and one.ended >= healed]
    delayed = [one.ended - healed for one in after if one.id in hit and one.ended]
    return max(delayed) if delayed else min((one.ended - healed for one in after if one.ended), default=None)


def _retried(strike: Injection, evidence: ScorecardEvidence) -> dict[str, float]:
    """When requests that were under way in an outage were first tried again, by id; a silent one is so after it."""
    until = strike.healed if strike.healed is not None else float("inf")
    met = {one.id for one in evidence.asked if one.began < until and (one.ended is None or one.ended >= strike.at)}
    found: dict[str, float] = {}
    for stamped in _since(evidence.events, strike.at):
        event = stamped.event
        if isinstance(event, ev.RequestRetrying) and event.request in met:
            found.setdefault(event.request, stamped.at)
    return found


def _alarms(strike: Injection, events: Sequence[EventEnvelope]) -> list[float]:
    """When breakers opened, or the CLI reported a retry, within an outage."""
    until = strike.healed if strike.healed is not None else float("inf")
    after = takewhile(lambda stamped: stamped.at <= until, _since(events, strike.at))
    return [stamped.at for stamped in after if _alarming(stamped.event)]


def _session_recovered(strike: Injection, evidence: ScorecardEvidence) -> float | None:
    if strike.requests:
        hit = [one for one in evidence.asked if one.id in strike.requests]
        if not all(one.answered for one in hit):
            return None
        ended = max((one.ended for one in hit if one.ended), default=None)
        return max(0.0, ended - _could_recover(strike, ended, evidence)) if ended is not None else None
    for stamped in _since(evidence.events, strike.at - _CLOCKS_APART_S):
        if isinstance(stamped.event, ev.SessionEnded) and stamped.event.session == strike.session:
            return max(0.0, stamped.at - strike.at)
    return None


def _could_recover(strike: Injection, ended: float, evidence: ScorecardEvidence) -> float:
    """When nothing else was in the way: after the last other harm that met the same requests before their answer.

    That is a total outage, another strike on them, or a call of theirs that failed while a fault lay on the API.
    """
    mine, others = {*strike.requests}, [other for other in evidence.strikes if other is not strike]
    healed = [other.healed for other in others if other.total and other.healed and other.at <= ended]
    again = [other.at for other in others if mine.intersection(other.requests)]
    faults = [other for other in others if other.outage]
    refused = [
        stamped.at
        for stamped in takewhile(lambda stamped: stamped.at <= ended, _since(evidence.events, strike.at))
        if isinstance(stamped.event, ev.RequestRetrying)
        and stamped.event.request in mine
        and stamped.event.kind != "process"
        and any(fault.at <= stamped.at <= (fault.healed or ended) + _CLOCK_S for fault in faults)
    ]
    return max([strike.at, *(at for at in (*healed, *again, *refused) if strike.at < at <= ended)])


def _was_refused(strike: Injection, known: Mapping[str, RequestOutcome], strikes: Sequence[Injection]) -> bool:
    """Whether the requests of a struck session failed by an outage that came besides."""
    hit = [known[name] for name in strike.requests if name in known]
    failed = [one for one in hit if one.ended is not None and not one.answered]
    return bool(failed) and all(is_excused(one, strikes) for one in failed)


def _since(events: Sequence[EventEnvelope], at: float) -> Iterator[EventEnvelope]:
    """The events from a moment on; they are in order of time."""
    return islice(events, bisect_left(events, at, key=lambda stamped: stamped.at), None)


def _about(session: str) -> Callable[[ev.Event], bool]:
    def shows(event: ev.Event) -> bool:
        match event:
            case ev.SessionEnded() | ev.SessionJudged():
                return event.session == session
            case ev.SessionChanged():
                return event.session == session and event.state in {ev.SessionState.STOPPING, ev.SessionState.FAILED}
            case ev.TurnEnded():
                return event.session == session and not event.ok
        return False

    return shows


def _alarming(event: ev.Event) -> bool:
    return isinstance(event, ev.ApiRetry) or (isinstance(event, ev.BreakerChanged) and event.new == "open")


def _load(evidence: ScorecardEvidence) -> Load | None:
    """Around the first outage, if all calls failed in it and no other drill came before."""
    first = min(evidence.strikes, key=lambda strike: strike.at, default=None)
    if first is None or not first.total or first.healed is None:
        return None
    return load_in(evidence.calls, first.at, first.healed)


def _span(values: Iterable[float | None]) -> Span:
    known = sorted(value for value in values if value is not None)
    if not known:
        return Span()
    found = percentiles(known)
    return Span(round(found.p50, 3), round(found.p95, 3))


def _by_drill(strikes: Sequence[Injection], recovered: Sequence[float | None]) -> dict[str, Span]:
    pairs = list(zip(strikes, recovered, strict=True))
    names = dict.fromkeys(strike.drill for strike in strikes)
    return {name: _span(took for strike, took in pairs if strike.drill == name) for name in names}


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 3) if whole else 100.0
