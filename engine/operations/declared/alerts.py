"""Alerts: those that fire, their rules, silences, and the test of a channel."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import NoArguments, Operation


class AlertRow(msgspec.Struct, kw_only=True):
    """One alert as it is now, or as it ended; `notified` states whether anybody was notified."""

    rule: str
    subject: str
    phase: str
    severity: str
    text: str
    remedy: str
    value: float
    since: float
    ended: float | None
    notified: bool
    silenced_until: float


class SilenceRow(msgspec.Struct, kw_only=True):
    """Alerts of rules that fit the pattern are not notified before `until`."""

    pattern: str
    until: float
    who: str


class AlertsResult(msgspec.Struct, kw_only=True):
    """A page of alerts, of `total`, and the silences in force."""

    alerts: list[AlertRow]
    total: int
    silences: list[SilenceRow]


class AlertRulesResult(msgspec.Struct, kw_only=True):
    """The rules in force, as the settings have them."""

    rules: list[dict[str, str]]


class TestChannel(msgspec.Struct, kw_only=True, frozen=True):
    """A channel that alerts are sent to."""

    channel: str


class Notified(msgspec.Struct, kw_only=True):
    """The channel that took a test alert."""

    notified: str


class SilenceAlerts(msgspec.Struct, kw_only=True, frozen=True):
    """A rule or a pattern, and a duration such as 1h, or seconds."""

    name: str
    duration: str | float = msgspec.field(name="for")


class SilenceResult(msgspec.Struct, kw_only=True):
    """The silence."""

    silence: SilenceRow


class SilenceName(msgspec.Struct, kw_only=True, frozen=True):
    """A rule or a pattern that is silenced."""

    name: str


class SilenceRemoved(msgspec.Struct, kw_only=True):
    """The pattern whose silence was removed."""

    silence_removed: str


LIST_ALERTS = Operation(
    "alerts.list",
    "GET /api/alerts",
    PageArgs,
    AlertsResult,
    "List alerts: pending and firing ones, worst first, then ended ones, newest first.",
    examples=("quarterdeck alerts --json",),
)
ALERT_RULES = Operation(
    "alerts.rules",
    "GET /api/alerts/rules",
    NoArguments,
    AlertRulesResult,
    "List the rules in force.",
    examples=("quarterdeck alerts rules",),
)
TEST_CHANNEL = Operation(
    "alerts.test",
    "POST /api/alerts/test",
    TestChannel,
    Notified,
    "Send a test alert to one channel.",
    Scope.OPERATOR,
    examples=("quarterdeck alerts test webhook",),
)
SILENCE_ALERTS = Operation(
    "alerts.silence",
    "POST /api/alerts/{name}/silence",
    SilenceAlerts,
    SilenceResult,
    "Notify nobody of the alerts of a rule, or of a pattern.",
    Scope.OPERATOR,
    status=201,
    examples=("quarterdeck alerts silence queue_long --for 1h",),
)
REMOVE_SILENCE = Operation(
    "alerts.unsilence",
    "DELETE /api/alerts/{name}/silence",
    SilenceName,
    SilenceRemoved,
    "Notify of the alerts of a rule again.",
    Scope.OPERATOR,
    examples=("quarterdeck alerts unsilence queue_long",),
)
