"""The rules of alerts, and the pure policy that makes alerts of them: pending, firing, resolved, notified sparingly.

All times are seconds since 1970, and come from outside.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from engine.base.errors import NotFound, Overloaded
from engine.base.text import nearest_name
from engine.events.types import Severity
from engine.settings.alert_conditions import Readings, in_words
from engine.settings.alert_rules import AlertRule

EVENT_S = 300.0
"""Seconds that an alert by an event fires after the last such event."""
ALERTS = 1000
"""Alerts at once; of one too many nothing is known before another has ended."""
SILENCES = 100
"""Silences at once."""


@dataclass(frozen=True, slots=True)
class AlertTimes:
    """`repeat`: seconds between two tellings of one alert; `calm`: seconds without the condition before it is over."""

    repeat: float
    calm: float


class Phase(StrEnum):
    """How far an alert is."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it is now, or as it ended; `notified` states whether anybody was notified."""

    rule: str
    subject: str
    phase: Phase
    severity: Severity
    text: str
    remedy: str
    value: float
    since: float
    ended: float | None = None
    notified: bool = False
    silenced_until: float = 0.0


@dataclass(frozen=True, slots=True)
class AlertChange:
    """`alert` began to fire, still does, or is resolved; only when `notified` is true does somebody hear of it.

    `fresh` is false for the repetition of one that fires on.
    """

    alert: Alert
    notified: bool
    fresh: bool = True


class Silence(msgspec.Struct, frozen=True):
    """Alerts of rules that fit the pattern are not notified before `until`."""

    pattern: str
    until: float
    who: str


@dataclass(slots=True)
class _Live:
    """An alert that is pending or fires."""

    rule: AlertRule
    subject: str
    since: float
    last: float
    value: float = 0.0
    firing: bool = False
    notified: bool = False
    heard: str = ""


class AlertPolicy:
    """Owner of the alerts, the silences and the history. A figure that flaps is notified once a `repeat` at most."""

    def __init__(self, times: AlertTimes, kept: int, rules: Sequence[AlertRule] = ()) -> None:
        self.use(rules, times, kept)
        self._live: dict[tuple[str, str], _Live] = {}
        self._notified: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._silences: dict[str, Silence] = {}
        self._history: deque[Alert] = deque()

    def use(self, rules: Sequence[AlertRule], times: AlertTimes, kept: int) -> None:
        """Go over to other rules and bounds; alerts of rules that are gone or changed are resolved at the next look."""
        self.rules, self.times, self.kept = tuple(rules), times, kept

    def look(self, readings: Readings, now: float) -> list[AlertChange]:
        """The figures as they are now; what changed."""
        known = {rule.name: rule for rule in self.rules}
        gone = [live for live in self._live.values() if known.get(live.rule.name) != live.rule]
        changes = [change for live in gone for change in self._end(live, now)]
        for rule in self.rules:
            if rule.condition.event:
                changes += self._wait_out(rule, now)
            else:
                changes += self._judge(rule, rule.condition.holding(readings), now)
        changes += self._repeat(now)
        self._forget(now)
        return changes

    def hear(self, event: str, subject: str, text: str, now: float) -> list[AlertChange]:
        """An event happened to a subject; `text` reports it."""
        changes = []
        for rule in self.rules:
            if rule.condition.event == event and (live := self._at(rule, subject, now)) is not None:
                live.last, live.heard = now, text
                live.value += 1
                if not live.firing:
                    changes.append(self._fire(live, now))
        return changes

    def silence(self, pattern: str, until: float, who: str) -> Silence:
        """Tell nobody of alerts whose rule fits the pattern. Raises NotFound, Overloaded."""
        names = [rule.name for rule in self.rules]
        if not any(fnmatchcase(name, pattern) for name in names):
            near = nearest_name(pattern, names, 0.3)
            meant = f" The nearest is {near}." if near else ""
            remedy = f"`quarterdeck alerts rules` lists them.{meant}"
            raise NotFound(f"There is no alert rule {pattern!r}.", field="name", remedy=remedy)
        if pattern not in self._silences and len(self._silences) >= SILENCES:
            raise Overloaded(f"There are {SILENCES} silences already.", remedy="Lift one, or use a pattern with `*`.")
        made = self._silences[pattern] = Silence(pattern, until, who)
        return made

    def unsilence(self, pattern: str) -> None:
        """Lift a silence. Raises NotFound."""
        if self._silences.pop(pattern, None) is None:
            held = ", ".join(self._silences) or "none"
            raise NotFound(f"{pattern!r} is not silenced.", field="name", remedy=f"Silenced are: {held}.")

    def silenced_until(self, rule: str, now: float) -> float:
        """When a rule's alerts are notified again; 0 when they are notified now."""
        ends = [each.until for each in self._silences.values() if fnmatchcase(rule, each.pattern)]
        latest = max(ends, default=0.0)
        return latest if latest > now else 0.0

    def silences(self, now: float) -> list[Silence]:
        """Those in force."""
        return [each for each in self._silences.values() if each.until > now]

    def alerts(self, now: float) -> list[Alert]:
        """Those that are pending or fire, worst first."""
        order = [Severity.CRITICAL, Severity.WARNING, Severity.INFO]
        live = sorted(self._live.values(), key=lambda each: (not each.firing, order.index(each.rule.severity)))
        return [self._alert(each, now) for each in live]

    def history(self) -> list[Alert]:
        """Those that ended, newest first."""
        return list(reversed(self._history))

    def _judge(self, rule: AlertRule, holding: dict[str, float], now: float) -> Iterator[AlertChange]:
        for subject, value in holding.items():
            if (live := self._at(rule, subject, now)) is not None:
                live.value, live.last = value, now
                if not live.firing and now - live.since >= rule.hold:
                    yield self._fire(live, now)
        for live in [each for each in self._of(rule) if each.subject not in holding]:
            if not live.firing:
                del self._live[rule.name, live.subject]
            elif now - live.last >= self.times.calm:
                yield from self._end(live, now)

    def _wait_out(self, rule: AlertRule, now: float) -> Iterator[AlertChange]:
        for live in list(self._of(rule)):
            if now - live.last >= EVENT_S:
                yield from self._end(live, now)

    def _repeat(self, now: float) -> list[AlertChange]:
        """Those that fire on and are due: notified long ago, or kept back so far."""
        due = [live for live in self._live.values() if live.firing and self._due(live, now)]
        return [AlertChange(self._notify(live, now), notified=True, fresh=False) for live in due]

    def _fire(self, live: _Live, now: float) -> AlertChange:
        live.firing = True
        if self._due(live, now):
            return AlertChange(self._notify(live, now), notified=True)
        return AlertChange(self._alert(live, now), notified=False)

    def _end(self, live: _Live, now: float) -> Iterator[AlertChange]:
        del self._live[live.rule.name, live.subject]
        if not live.firing:
            return
        alert = msgspec.structs.replace(self._alert(live, now), phase=Phase.RESOLVED, ended=now)
        self._history.append(alert)
        yield AlertChange(alert, notified=live.notified and not alert.silenced_until)

    def _due(self, live: _Live, now: float) -> bool:
        notified = self._notified.get((live.rule.name, live.subject))
        late = notified is None or now - notified >= self.times.repeat
        return late and not self.silenced_until(live.rule.name, now)

    def _notify(self, live: _Live, now: float) -> Alert:
        key = live.rule.name, live.subject
        self._notified[key] = now
        self._notified.move_to_end(key)
        live.notified = True
        return self._alert(live, now)

    def _at(self, rule: AlertRule, subject: str, now: float) -> _Live | None:
        key = rule.name, subject
        if key not in self._live:
            if len(self._live) >= ALERTS:
                return None
            self._live[key] = _Live(rule, subject, now, now)
        return self._live[key]

    def _of(self, rule: AlertRule) -> Iterable[_Live]:
        return [live for (name, _), live in self._live.items() if name == rule.name]

    def _alert(self, live: _Live, now: float) -> Alert:
        return Alert(
            rule=live.rule.name,
            subject=live.subject,
            phase=Phase.FIRING if live.firing else Phase.PENDING,
            severity=live.rule.severity,
            text=live.heard or _sentence(live),
            remedy=live.rule.remedy,
            value=live.value,
            since=live.since,
            notified=live.notified,
            silenced_until=self.silenced_until(live.rule.name, now),
        )

    def _forget(self, now: float) -> None:
        """What is of no use any more; a notification counts until the alert could be notified again."""
        while self._notified and (
            now - next(iter(self._notified.values())) >= self.times.repeat or len(self._notified) > 2 * ALERTS
        ):
            self._notified.popitem(last=False)
        while len(self._history) > self.kept:
            self._history.popleft()
        for ended in [each.pattern for each in self._silences.values() if each.until <= now]:
            del self._silences[ended]


def _sentence(live: _Live) -> str:
    lead = live.rule.condition.lead
    reading = live.subject or (in_words(lead.figure, live.value) if lead is not None else live.rule.name)
    return f"{reading} ({live.rule.condition.text})"
