"""How errors and alerts change the state."""

from __future__ import annotations

from fnmatch import fnmatchcase

from engine.events import types as ev
from engine.events.reducers.bounded import bucket, note
from engine.events.state import ALERTS_KEPT, ERRORS_KEPT, AlertView, ErrorView, State


def close_errors(state: State, event: ev.RequestEnded) -> None:
    """The errors of a request that has ended; an earlier request of the same name is left alone."""
    for view in reversed(state.errors):
        if view.request == event.request:
            if view.end:
                return
            view.end = "answered" if event.ok else "failed"


def error_seen(state: State, event: ev.ErrorSeen, at: float) -> None:
    """One more error, in the list and in the trend."""
    if row := state.sessions.get(event.session):
        row.last_error = event.text
    trend, name = bucket(state, at), f"{event.kind}/{event.category}"
    state.totals.errors += 1
    trend.errors += 1
    trend.errors_by_kind[event.kind] = trend.errors_by_kind.get(event.kind, 0) + 1
    trend.errors_by_class[name] = trend.errors_by_class.get(name, 0) + 1
    state.errors.append(_error_view(event, at))
    if len(state.errors) > ERRORS_KEPT:
        del state.errors[: len(state.errors) - ERRORS_KEPT]


def _error_view(event: ev.ErrorSeen, at: float) -> ErrorView:
    return ErrorView(
        id=event.error,
        at=at,
        request=event.request,
        session=event.session,
        profile=event.profile,
        attempt=event.attempt,
        type=event.kind,
        code=event.code,
        category=event.category,
        rule=event.rule,
        severity=event.severity,
        strategy=event.strategy,
        text=event.text,
        said=event.said,
        confidence=event.confidence,
        retryable=event.retryable,
        again=event.again,
        silent=event.silent,
    )


def alert_raised(state: State, event: ev.AlertRaised, at: float) -> None:
    """It is shown; the oldest gives way at the bound."""
    key = f"{event.rule}/{event.subject}"
    if key not in state.alerts and len(state.alerts) >= ALERTS_KEPT:
        del state.alerts[next(iter(state.alerts))]
    state.alerts[key] = AlertView(
        event.rule, event.subject, event.severity, event.text, event.remedy, at, event.value, event.silenced_until
    )


def alert_resolved(state: State, event: ev.AlertResolved, _at: float) -> None:
    """It is over."""
    state.alerts.pop(f"{event.rule}/{event.subject}", None)


def alert_silenced(state: State, event: ev.AlertSilenced, _at: float) -> None:
    """Those that fit are marked, and it is noted who did it."""
    for view in state.alerts.values():
        if fnmatchcase(view.rule, event.pattern):
            view.silenced_until = event.until
    text = "is silenced" if event.until else "is no longer silenced"
    note(state, "notice", event.pattern, f"{text} by {event.who}")
