"""The shell around the policy of alerts: reads the figures once a second, and tells the channels, each by itself."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from engine.alerts.channels.base import TEST, Channel, Notification
from engine.alerts.rules import Alert, AlertChange, AlertPolicy, AlertTimes, Phase, Silence
from engine.base.clock import Clock
from engine.base.errors import BadInput, QuarterdeckError
from engine.base.nursery import Nursery
from engine.base.text import nearest_name, one_line
from engine.events.bus import Bus
from engine.events.types import AlertRaised, AlertResolved, AlertSilenced, Event, EventEnvelope, Notice, Severity
from engine.settings.alert_conditions import Readings
from engine.settings.alert_rules import rules_of

if TYPE_CHECKING:
    from engine.settings.schema import Alerts

QUEUED = 100
"""Tellings that may wait for a channel; one too many drops the oldest, which counts as failed."""
HEARD = 1000
"""Events that may wait for the next look."""
CONSOLE = "console"
LONGEST_SILENCE_S = 30 * 86_400.0
_SUBJECTS = ("breaker", "session", "request", "origin", "permission", "conversation")
_UNTOLD = frozenset({"type", "prompt"})


@dataclass(frozen=True)
class AlertPorts:
    """What the manager works with; `channels` are all but the console, which reads events."""

    engine: str
    bus: Bus
    clock: Clock
    settings: Callable[[], Alerts]
    readings: Callable[[float], Readings]
    channels: Mapping[str, Channel]


class AlertManager:
    """Owner of the policy, of the channels' queues and of the tasks that empty them."""

    def __init__(self, ports: AlertPorts) -> None:
        self._ports = ports
        settings = ports.settings()
        self._policy = AlertPolicy(_times(settings), settings.history)
        self._queues: dict[str, asyncio.Queue[Notification]] = {}
        self._work = Nursery("alerts", self._on_broken)
        self._heard: deque[tuple[str, str, str]] = deque(maxlen=HEARD)
        self._events: frozenset[str] = frozenset()
        self._ailing: set[str] = set()
        self._closing = False
        self.sent: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.use(settings)

    def start(self) -> None:
        """Begin to listen, and to tell; on the engine's loop."""
        for name, channel in self._ports.channels.items():
            self._queues[name] = asyncio.Queue(QUEUED)
            self._work.spawn(self._tell_all(name, channel), name)
        self._ports.bus.listen(self._hear)

    def use(self, settings: Alerts) -> None:
        """Go over to other rules."""
        rules = rules_of(settings.rules) if settings.enabled else ()
        self._policy.use(rules, _times(settings), settings.history)
        self._events = frozenset(rule.condition.event for rule in rules if rule.condition.event)

    def look(self) -> None:
        """Once a second: the events since the last look, then the figures."""
        now = self._ports.clock.wall()
        while self._heard:
            for change in self._policy.hear(*self._heard.popleft(), now):
                self._follow(change, now)
        for change in self._policy.look(self._ports.readings(now), now):
            self._follow(change, now)

    async def aclose(self, grace: float) -> None:
        """Tell what is still to be told, for `grace` seconds at most, and end the channels."""
        self._closing = True
        if self._queues:
            self.look()
            waiting = [asyncio.ensure_future(queue.join()) for queue in self._queues.values()]
            _, late = await asyncio.wait(waiting, timeout=grace)
            for task in late:
                task.cancel()
        await self._work.aclose()

    def alerts(self) -> list[Alert]:
        """Those that are pending or fire, worst first."""
        return self._policy.alerts(self._ports.clock.wall())

    def history(self) -> list[Alert]:
        """Those that ended, newest first."""
        return self._policy.history()

    def silences(self) -> list[Silence]:
        """Those in force."""
        return self._policy.silences(self._ports.clock.wall())

    def firing_by_severity(self) -> dict[str, int]:
        """How many fire, for every severity."""
        found = Counter(alert.severity for alert in self.alerts() if alert.phase is Phase.FIRING)
        return {severity.value: found[severity] for severity in Severity}

    def silence(self, pattern: str, seconds: float, who: str) -> Silence:
        """Tell nobody of the rules that fit, for so long. Raises NotFound, BadInput, Overloaded."""
        if not 1 <= seconds <= LONGEST_SILENCE_S:
            remedy = "Give a time from 1s to 30d, such as 1h."
            raise BadInput(f"A silence of {seconds:g} s is out of range.", field="for", remedy=remedy)
        made = self._policy.silence(pattern, self._ports.clock.wall() + seconds, who)
        self._ports.bus.publish(AlertSilenced(pattern=pattern, until=made.until, who=who))
        return made

    def unsilence(self, pattern: str, who: str) -> None:
        """Notify of them again. Raises NotFound."""
        self._policy.unsilence(pattern)
        self._ports.bus.publish(AlertSilenced(pattern=pattern, until=0.0, who=who))

    async def test(self, name: str) -> None:
        """Tell one channel that this is a test, at once and once. Raises BadInput, or why it could not be told."""
        known = [CONSOLE, *self._ports.channels]
        if name not in known:
            near = nearest_name(name, known, 0.4)
            remedy = f"The nearest is {near}." if near else f"Use one of {', '.join(known)}."
            raise BadInput(f"There is no channel {name!r}.", field="channel", remedy=remedy)
        text = f"this is a test of the alerts' channel {name}"
        if name == CONSOLE:
            self._ports.bus.publish(Notice(severity=Severity.INFO, text=text))
            return
        now = self._ports.clock.wall()
        alert = Alert(
            rule=TEST,
            subject="",
            phase=Phase.FIRING,
            severity=Severity.INFO,
            text=text,
            remedy="",
            value=0.0,
            since=now,
        )
        await self._ports.channels[name].send(self._telling(alert, now), 1)

    def _hear(self, stamped: EventEnvelope) -> None:
        """Events are only noted here: whoever answers an event with an event must wait for the others to hear it."""
        name = str(stamped.event.__struct_config__.tag)
        if name in self._events:
            self._heard.append((name, _subject(stamped.event), _told_of(name, stamped.event)))

    def _follow(self, change: AlertChange, now: float) -> None:
        alert, channels = change.alert, self._ports.settings().channels
        if change.fresh and not self._closing:
            self._show(alert, CONSOLE in channels)
        if change.notified:
            telling = self._telling(alert, now)
            for name in channels:
                if (queue := self._queues.get(name)) is not None:
                    self._put(name, queue, telling)

    def _show(self, alert: Alert, wanted: bool) -> None:
        """The console hears of every change: it shows what is, and wakes nobody."""
        if alert.phase is Phase.FIRING and wanted:
            self._ports.bus.publish(
                AlertRaised(
                    rule=alert.rule,
                    subject=alert.subject,
                    severity=alert.severity,
                    text=alert.text,
                    remedy=alert.remedy,
                    value=alert.value,
                    silenced_until=alert.silenced_until,
                )
            )
        elif alert.phase is Phase.RESOLVED and f"{alert.rule}/{alert.subject}" in self._ports.bus.state.alerts:
            lasted = (alert.ended or alert.since) - alert.since
            self._ports.bus.publish(AlertResolved(rule=alert.rule, subject=alert.subject, lasted=lasted))

    def _put(self, name: str, queue: asyncio.Queue[Notification], telling: Notification) -> None:
        if queue.full():
            queue.get_nowait()
            queue.task_done()
            self.failed[name] += 1
        queue.put_nowait(telling)

    async def _tell_all(self, name: str, channel: Channel) -> None:
        queue = self._queues[name]
        while True:
            telling = await queue.get()
            try:
                await channel.send(telling, self._ports.settings().webhook.attempts)
            except QuarterdeckError as error:
                self._not_told(name, error)
            except Exception as error:  # noqa: BLE001 - a channel that fails once is used again for the next alert
                self._not_told(name, QuarterdeckError(f"{error!r}.", remedy="Report it, with the engine's log."))
            else:
                self.sent[name] += 1
                self._ailing.discard(name)
            finally:
                queue.task_done()

    def _not_told(self, name: str, error: QuarterdeckError) -> None:
        """Counted each time, and said once until it works again."""
        self.failed[name] += 1
        if name not in self._ailing and not self._closing:
            self._ailing.add(name)
            text = f"the alerts' channel {name} fails: {error.message}"
            self._ports.bus.publish(Notice(severity=Severity.WARNING, text=text, remedy=error.remedy))

    def _telling(self, alert: Alert, now: float) -> Notification:
        return Notification(
            id=uuid.uuid4().hex[:12],
            engine=self._ports.engine,
            alert=alert.rule,
            subject=alert.subject,
            state=alert.phase.value,
            severity=alert.severity,
            text=alert.text,
            remedy=alert.remedy,
            value=alert.value,
            since=alert.since,
            at=now,
        )

    def _on_broken(self, name: str, error: BaseException) -> None:
        text = f"{name} ended: {error!r}"
        self._ports.bus.publish(Notice(severity=Severity.CRITICAL, text=text, remedy="Restart the engine."))


def _times(settings: Alerts) -> AlertTimes:
    return AlertTimes(settings.repeat, settings.calm)


def _subject(event: Event) -> str:
    return next((str(value) for name in _SUBJECTS if (value := getattr(event, name, ""))), "")


def _told_of(name: str, event: Event) -> str:
    fields: dict[str, Any] = msgspec.to_builtins(event)
    said = ", ".join(f"{key} {value}" for key, value in fields.items() if key not in _UNTOLD)
    return one_line(f"{name.replace('_', ' ')}: {said}")
