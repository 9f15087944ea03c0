"""Alerts: those that fire, their rules, silences, and the test of a channel."""

from __future__ import annotations

from engine.base.errors import BadInput
from engine.operations.declared.alerts import (
    ALERT_RULES,
    LIST_ALERTS,
    REMOVE_SILENCE,
    SILENCE_ALERTS,
    TEST_CHANNEL,
    AlertRow,
    AlertRulesResult,
    AlertsResult,
    Notified,
    SilenceAlerts,
    SilenceName,
    SilenceRemoved,
    SilenceResult,
    SilenceRow,
    TestChannel,
)
from engine.operations.declared.paging import PageArgs
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments
from engine.settings.quantities import parse_duration


@handles(LIST_ALERTS)
async def list_alerts(services: Services, _call: CallContext, args: PageArgs) -> AlertsResult:
    """Pending and firing ones, worst first, then ended ones, newest first."""
    alerts = services.alerts
    rows = [*alerts.alerts(), *alerts.history()]
    return AlertsResult(
        alerts=rows_as(AlertRow, page_of(args, rows)),
        total=len(rows),
        silences=rows_as(SilenceRow, alerts.silences()),
    )


@handles(ALERT_RULES)
async def rules(services: Services, _call: CallContext, _args: NoArguments) -> AlertRulesResult:
    """The rules in force."""
    return AlertRulesResult(rules=list(services.settings.alerts.rules))


@handles(TEST_CHANNEL)
async def test(services: Services, _call: CallContext, args: TestChannel) -> Notified:
    """Send a test alert. Raises BadInput, or why it could not be sent."""
    await services.alerts.test(args.channel)
    return Notified(notified=args.channel)


@handles(SILENCE_ALERTS)
async def silence(services: Services, call: CallContext, args: SilenceAlerts) -> SilenceResult:
    """Notify nobody of the alerts of a rule, or of a pattern. Raises NotFound, BadInput, Overloaded."""
    made = services.alerts.silence(args.name, _seconds(args.duration), call.who)
    return SilenceResult(silence=row_as(SilenceRow, made))


@handles(REMOVE_SILENCE)
async def unsilence(services: Services, call: CallContext, args: SilenceName) -> SilenceRemoved:
    """Notify again. Raises NotFound."""
    services.alerts.unsilence(args.name, call.who)
    return SilenceRemoved(silence_removed=args.name)


def _seconds(given: str | float) -> float:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise BadInput(str(error), field="for", remedy="Give a time from 1s to 30d, such as 1h.") from error
