"""What is said of alerts."""

from __future__ import annotations

from engine.events.types.base import Event
from engine.events.types.engine import Severity


class AlertRaised(Event, frozen=True):
    """A rule's condition holds for a subject; an empty subject is the engine as a whole."""

    rule: str
    subject: str
    severity: Severity
    text: str
    remedy: str = ""
    value: float = 0.0
    silenced_until: float = 0.0


class AlertResolved(Event, frozen=True):
    """The condition holds no longer, after `lasted` seconds."""

    rule: str
    subject: str
    lasted: float


class AlertSilenced(Event, frozen=True):
    """Alerts of the rules that fit the pattern are not notified before `until`; 0 lifts it."""

    pattern: str
    until: float
    who: str
