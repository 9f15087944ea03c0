"""The pure reducer: state = apply(state, event). Live, remote and replay use this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.base.text import one_line
from engine.events import types as ev
from engine.events.reducers import errors, recoveries
from engine.events.reducers.bounded import bucket as _bucket
from engine.events.reducers.bounded import cause as _cause
from engine.events.reducers.bounded import note as _note
from engine.events.state import (
    DURATIONS_KEPT,
    ENDED_KEPT,
    LAPSED_KEPT,
    LapsedView,
    PermissionView,
    RequestView,
    SessionView,
    State,
    Totals,
)
from engine.events.types import EventEnvelope, SessionState, Severity

BY_HAND = ("killed by ", "stopped by ")
"""How the reason of a stop begins that a person asked for."""
Reducer = Callable[[State, Any, float], None]


class Projection:
    """Owner of one `State`; changed only by `apply`, which reads no clock and does no I/O."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state if state is not None else State()

    def apply(self, stamped: EventEnvelope) -> None:
        """Take one event in; events with a number already seen are ignored."""
        if stamped.seq <= self.state.seq:
            return
        self.state.seq = stamped.seq
        self.state.at = stamped.at
        _REDUCERS[type(stamped.event)](self.state, stamped.event, stamped.at)


def touched_session(event: ev.Event) -> str:
    """Id of the one session whose row the event changes, or an empty string."""
    return getattr(event, "session", "")


def _set_state(row: SessionView, to: SessionState, at: float, reason: str = "") -> None:
    if row.state is not to:
        row.since = at
    row.state = to
    row.reason = reason


def _engine_started(state: State, event: ev.EngineStarted, at: float) -> None:
    view = state.engine
    view.engine, view.pid, view.backend, view.version = event.engine, event.pid, event.backend, event.version
    view.demo, view.banner, view.max_size = event.demo, event.banner, event.max_size
    view.phase, view.started_at = "running", at
    _cause(state, "restart", event.engine, "", event.version)


def _engine_draining(state: State, event: ev.EngineDraining, _at: float) -> None:
    state.engine.phase = "draining"
    _note(state, "notice", "engine", f"draining: {event.reason}", Severity.WARNING)


def _engine_stopped(state: State, event: ev.EngineStopped, _at: float) -> None:
    state.engine.phase = "stopped"
    severity = Severity.CRITICAL if event.survivors else Severity.INFO
    _note(state, "notice", "engine", f"stopped: {event.reason}, survivors {event.survivors}", severity)


def _settings_changed(state: State, event: ev.SettingsChanged, at: float) -> None:
    state.settings_changed_at = at
    for key, (old, new) in event.changes.items():
        if key == "session_pool.max_size" and isinstance(new, int):
            state.engine.max_size = new
        _cause(state, "tuning", key, one_line(str(old)), one_line(str(new)), event.who)
        _note(state, "tuning", key, f"{one_line(str(old))} → {one_line(str(new))} by {event.who}")


def _session_starting(state: State, event: ev.SessionStarting, at: float) -> None:
    state.totals.started += 1
    state.sessions[event.session] = SessionView(
        id=event.session,
        profile=event.profile,
        tenant=event.tenant,
        backend=event.backend,
        conversation=event.conversation,
        cwd=event.cwd,
        started_at=at,
        since=at,
        last_used=at,
    )


def _session_ready(state: State, event: ev.SessionReady, at: float) -> None:
    if row := state.sessions.get(event.session):
        row.pid, row.version, row.start_s = event.pid, event.version, event.start_s
        _set_state(row, SessionState.IDLE, at)


def _at_rest(row: SessionView) -> SessionState:
    """The state of a session without a turn of ours."""
    return SessionState.BACKGROUND if row.tasks or row.own_turn else SessionState.IDLE


def _background_changed(state: State, event: ev.BackgroundChanged, at: float) -> None:
    if row := state.sessions.get(event.session):
        row.tasks, row.own_turn = event.tasks, event.own_turn
        if row.state in {SessionState.IDLE, SessionState.BACKGROUND}:
            _set_state(row, _at_rest(row), at)
            own = "a turn of its own" if event.own_turn else ""
            row.activity = "; ".join([*([own] if own else []), *event.tasks])


def _foreign_turn_ended(state: State, event: ev.ForeignTurnEnded, _at: float) -> None:
    state.totals.foreign_turns += 1
    row = state.sessions.get(event.session)
    counts: list[Totals | SessionView] = [state.totals, *([row] if row is not None else [])]
    for counted in counts:
        counted.tokens_in += event.tokens_in
        counted.tokens_out += event.tokens_out
        counted.tokens_cached += event.tokens_cached
        counted.tokens_cache_written += event.tokens_cache_written
        counted.cost += event.cost
    ended = "ended" if event.ok else "failed"
    _note(state, "notice", event.session, f"a turn that the agent began by itself {ended}: {event.text}".rstrip(": "))


def _session_changed(state: State, event: ev.SessionChanged, at: float) -> None:
    if row := state.sessions.get(event.session):
        _set_state(row, event.state, at, event.reason)
        if event.reason.startswith(BY_HAND):
            _cause(state, "operator", event.session, "", event.reason)


def _session_bound(state: State, event: ev.SessionBound, _at: float) -> None:
    if row := state.sessions.get(event.session):
        row.conversation = event.conversation
        row.user = event.user
        row.cwd = event.cwd or row.cwd


def _session_readings(state: State, event: ev.SessionReadings, _at: float) -> None:
    state.engine.cpu, state.engine.rss = event.engine_cpu, event.engine_rss
    for reading in event.readings:
        if row := state.sessions.get(reading.session):
            row.cpu, row.rss, row.pss, row.processes = reading.cpu, reading.rss, reading.pss, reading.processes


def _session_judged(state: State, event: ev.SessionJudged, _at: float) -> None:
    if row := state.sessions.get(event.session):
        row.health = "" if event.condition == "well" else event.reason
    if event.condition != "well":
        severity = Severity.WARNING if event.acted else Severity.INFO
        acted = f": {event.acted}" if event.acted else ""
        _note(state, "notice", event.session, f"{event.condition}, {event.reason}{acted}", severity)


def _pool_measured(state: State, event: ev.PoolMeasured, _at: float) -> None:
    state.pool = event.pool


def _pool_scaled(state: State, event: ev.PoolScaled, _at: float) -> None:
    _note(state, "tuning", "pool", f"{event.size} → {event.target} sessions, {event.reason}", Severity.INFO)


def _conversation_moved(state: State, event: ev.ConversationWoken | ev.ConversationHibernated, _at: float) -> None:
    """The counts come with PoolMeasured, the session's row with its own events."""


def _session_ended(state: State, event: ev.SessionEnded, at: float) -> None:
    row = state.sessions.pop(event.session, None)
    if row is None:
        return
    state.totals.ended += 1
    _set_state(row, SessionState.FAILED if event.error else SessionState.STOPPING, at, event.how)
    row.last_error = event.error or row.last_error
    row.cpu, row.rss, row.pss = 0.0, 0, 0
    state.ended.append(row)
    if len(state.ended) > ENDED_KEPT:
        del state.ended[0]
    if event.error:
        _note(state, "failed", event.session, f"{event.how}: {event.error}", Severity.WARNING)
    if event.survivors:
        text = f"{event.survivors} processes would not end"
        _note(state, "failed", event.session, text, Severity.CRITICAL, "quarterdeck doctor")


def _request_queued(state: State, event: ev.RequestQueued, at: float) -> None:
    state.totals.requests += 1
    state.requests[event.request] = RequestView(
        id=event.request,
        user=event.user,
        tenant=event.tenant,
        profile=event.profile,
        priority=event.priority,
        prompt=event.prompt,
        queued_at=at,
    )


def _request_waiting(state: State, event: ev.RequestWaiting, _at: float) -> None:
    if view := state.requests.get(event.request):
        view.waits_for = event.reason


def _request_retrying(state: State, event: ev.RequestRetrying, at: float) -> None:
    state.totals.retries += 1
    if view := state.requests.get(event.request):
        view.session, view.attempts, view.retry_at = "", event.attempt, at + event.delay
    text = f"retry {event.attempt} in {event.delay:.1f}s  {event.kind}: {event.reason}"
    _note(state, "retry", event.request, text, Severity.WARNING)


def _request_ended(state: State, event: ev.RequestEnded, at: float) -> None:
    state.requests.pop(event.request, None)
    totals = state.totals
    totals.answered += event.ok
    totals.cached += event.cached
    if event.attempts > 1 or not event.ok:
        errors.close_errors(state, event)
    if event.ok:
        return
    totals.failed += 1
    state.errors_by_kind[event.kind] = state.errors_by_kind.get(event.kind, 0) + 1
    _bucket(state, at).errors += 1
    _note(state, "failed", event.request, f"{event.kind}: {event.error}", Severity.WARNING)


def _turn_started(state: State, event: ev.TurnStarted, at: float) -> None:
    if view := state.requests.get(event.request):
        view.session, view.attempts, view.waits_for = event.session, event.attempt, ""
    if row := state.sessions.get(event.session):
        row.request, row.user, row.prompt, row.activity = event.request, event.user, event.prompt, ""
        row.turn_started_at = row.last_used = at
        _set_state(row, SessionState.RUNNING, at)


def _turn_activity(state: State, event: ev.TurnActivity, at: float) -> None:
    if row := state.sessions.get(event.session):
        row.activity, row.last_used = event.activity, at
        if row.state is SessionState.RETRYING:
            _set_state(row, SessionState.RUNNING, at)


def _turn_ended(state: State, event: ev.TurnEnded, at: float) -> None:
    totals, bucket = state.totals, _bucket(state, at)
    totals.turns += 1
    totals.turns_failed += not event.ok
    totals.tokens_in += event.tokens_in
    totals.tokens_out += event.tokens_out
    totals.tokens_cached += event.tokens_cached
    totals.tokens_cache_written += event.tokens_cache_written
    totals.cost += event.cost
    bucket.turns += 1
    bucket.tokens += event.tokens_out
    bucket.cost += event.cost
    if len(bucket.durations) < DURATIONS_KEPT:
        bucket.durations.append(event.duration)
    row = state.sessions.get(event.session)
    if row is not None:
        _finish_row(row, event, at)
    if event.ok:
        _note(state, "done", event.session, row.prompt if row else event.request)


def _finish_row(row: SessionView, event: ev.TurnEnded, at: float) -> None:
    row.turns += 1
    row.tokens_in += event.tokens_in
    row.tokens_out += event.tokens_out
    row.tokens_cached += event.tokens_cached
    row.tokens_cache_written += event.tokens_cache_written
    row.cost += event.cost
    row.request, row.activity, row.retry_attempt = "", "", 0
    row.turn_started_at, row.last_duration, row.last_used = 0.0, event.duration, at
    if not event.ok:
        row.errors += 1
        row.last_error = event.error
    if row.state not in {SessionState.STOPPING, SessionState.FAILED}:
        _set_state(row, _at_rest(row), at)


def _permission_asked(state: State, event: ev.PermissionAsked, at: float) -> None:
    state.permissions[event.permission] = PermissionView(
        id=event.permission,
        session=event.session,
        tool=event.tool,
        summary=event.summary,
        asked_at=at,
        deadline=event.deadline,
        group=event.group,
        action=event.action,
        risk=event.risk,
        rank=event.rank,
        grave=event.grave,
        tenant=event.tenant,
        profile=event.profile,
        conversation=event.conversation,
        allowed_before=event.allowed_before,
        denied_before=event.denied_before,
        nearest=event.nearest,
    )
    if row := state.sessions.get(event.session):
        row.activity = f"{event.tool} {event.summary}"
        _set_state(row, SessionState.APPROVAL, at)


def _permission_answered(state: State, event: ev.PermissionAnswered, at: float) -> None:
    asked = state.permissions.pop(event.permission, None)
    row = state.sessions.get(event.session)
    if row is not None and row.state is SessionState.APPROVAL:
        _set_state(row, SessionState.RUNNING if row.turn_started_at else _at_rest(row), at)
    if asked is not None:
        if event.by == "deadline":
            state.lapsed.append(LapsedView(at, event.session, asked.tool, asked.summary))
            del state.lapsed[:-LAPSED_KEPT]
        word = "allowed" if event.allowed else "denied"
        severity = Severity.WARNING if event.by == "deadline" else Severity.INFO
        reach = "" if event.scope == "once" else f", for the {event.scope}"
        _note(state, "notice", event.session, f"{word} {asked.tool} {asked.summary} by {event.by}{reach}", severity)


def _grant_revoked(state: State, event: ev.GrantRevoked, _at: float) -> None:
    _note(state, "tuning", event.grant, f"grant revoked by {event.by}: {event.action}")


def _breaker_changed(state: State, event: ev.BreakerChanged, _at: float) -> None:
    state.breakers[event.breaker] = event.new
    severity = Severity.INFO if event.new == "closed" else Severity.WARNING
    _cause(state, "breaker", event.breaker, event.old, event.new, event.reason)
    _note(state, "breaker", event.breaker, f"{event.old} → {event.new}  {event.reason}".rstrip(), severity)


def _api_retry(state: State, event: ev.ApiRetry, at: float) -> None:
    if row := state.sessions.get(event.session):
        row.activity = f"API {event.status or ''} {event.error}, attempt {event.attempt}".replace("  ", " ")
        row.retry_attempt = event.attempt
        _set_state(row, SessionState.RETRYING, at)


def _rate_limited(state: State, event: ev.RateLimited, _at: float) -> None:
    if event.status != "allowed":
        _note(state, "notice", event.session, f"rate limit {event.limit} {event.status}", Severity.WARNING)


def _protocol_fault(state: State, event: ev.ProtocolFault, _at: float) -> None:
    state.engine.faults += 1
    _note(state, "notice", event.session, f"bad line: {event.reason}", Severity.WARNING)


def _orphans_reaped(state: State, event: ev.OrphansReaped, _at: float) -> None:
    state.totals.orphans += len(event.pids)
    _note(state, "notice", event.origin, f"reaped {len(event.pids)} left-over processes", Severity.WARNING)


def _notice(state: State, event: ev.Notice, _at: float) -> None:
    _note(state, "notice", "engine", event.text, event.severity, event.remedy)


def _operation_executed(_state: State, _event: ev.OperationExecuted, _at: float) -> None:
    """What it changed comes as events of its own; who acted is in the log and in recordings."""


_REDUCERS: dict[type[ev.Event], Reducer] = {
    ev.EngineStarted: _engine_started,
    ev.EngineDraining: _engine_draining,
    ev.EngineStopped: _engine_stopped,
    ev.SettingsChanged: _settings_changed,
    ev.SessionStarting: _session_starting,
    ev.SessionReady: _session_ready,
    ev.SessionChanged: _session_changed,
    ev.SessionBound: _session_bound,
    ev.BackgroundChanged: _background_changed,
    ev.ForeignTurnEnded: _foreign_turn_ended,
    ev.SessionReadings: _session_readings,
    ev.SessionEnded: _session_ended,
    ev.SessionJudged: _session_judged,
    ev.PoolMeasured: _pool_measured,
    ev.PoolScaled: _pool_scaled,
    ev.ConversationWoken: _conversation_moved,
    ev.ConversationHibernated: _conversation_moved,
    ev.RequestQueued: _request_queued,
    ev.RequestRetrying: _request_retrying,
    ev.RequestWaiting: _request_waiting,
    ev.RequestEnded: _request_ended,
    ev.TurnStarted: _turn_started,
    ev.TurnActivity: _turn_activity,
    ev.TurnEnded: _turn_ended,
    ev.PermissionAsked: _permission_asked,
    ev.PermissionAnswered: _permission_answered,
    ev.GrantRevoked: _grant_revoked,
    ev.BreakerChanged: _breaker_changed,
    ev.RecoveryStarted: recoveries.recovery_started,
    ev.RecoveryEnded: recoveries.recovery_ended,
    ev.ErrorSeen: errors.error_seen,
    ev.ApiRetry: _api_retry,
    ev.RateLimited: _rate_limited,
    ev.ProtocolFault: _protocol_fault,
    ev.OrphansReaped: _orphans_reaped,
    ev.OperationExecuted: _operation_executed,
    ev.Notice: _notice,
    ev.AlertRaised: errors.alert_raised,
    ev.AlertResolved: errors.alert_resolved,
    ev.AlertSilenced: errors.alert_silenced,
}
