"""Reducers of the engine as a whole: its phases, settings, pool, breakers and notices."""

from __future__ import annotations

from engine.base.text import one_line
from engine.events import types as ev
from engine.events.quota_state import QUOTAS_KEPT, QuotaView
from engine.events.reducers.bounded import cause, note
from engine.events.state import State
from engine.events.types import Severity

_NOTED_ELSEWHERE = ("prompts.", "config.", "permissions.", "grants.", "alerts.", "profiler.")


def engine_started(state: State, event: ev.EngineStarted, at: float) -> None:
    """The engine is up."""
    view = state.engine
    before = view.engine  # nothing for the first start, which is the cause of nothing
    view.engine, view.pid, view.backend, view.version = event.engine, event.pid, event.backend, event.version
    view.demo, view.banner, view.max_size = event.demo, event.banner, event.max_size
    view.phase, view.started_at = "running", at
    cause(state, "restart", event.engine, before, event.version)


def consoles_changed(state: State, event: ev.ConsolesChanged, _at: float) -> None:
    """How many consoles are attached."""
    state.engine.consoles = event.consoles


def engine_draining(state: State, event: ev.EngineDraining, _at: float) -> None:
    """No new work is taken."""
    state.engine.phase = "draining"
    note(state, "notice", "engine", f"draining: {event.reason}", Severity.WARNING)


def engine_stopped(state: State, event: ev.EngineStopped, _at: float) -> None:
    """The engine has ended."""
    state.engine.phase = "stopped"
    severity = Severity.CRITICAL if event.survivors else Severity.INFO
    note(state, "notice", "engine", f"stopped: {event.reason}, survivors {event.survivors}", severity)


def settings_changed(state: State, event: ev.SettingsChanged, at: float) -> None:
    """Settings were changed live; the change may be the cause of what follows."""
    state.settings_changed_at = at
    for key, (old, new) in event.changes.items():
        if key == "session_pool.max_size" and isinstance(new, int):
            state.engine.max_size = new
        cause(state, "tuning", key, one_line(str(old)), one_line(str(new)), event.who)
        note(state, "tuning", key, f"{one_line(str(old))} → {one_line(str(new))} by {event.who}")


def pool_measured(state: State, event: ev.PoolMeasured, _at: float) -> None:
    """The pool as it was measured."""
    state.pool = event.pool


def pool_scaled(state: State, event: ev.PoolScaled, _at: float) -> None:
    """The pool has another target size; that it stays as it is needs no line."""
    more = event.target - event.size
    if more:
        what = f"starts {more} more" if more > 0 else f"gives {-more} idle back"
        note(state, "tuning", "pool", f"{what}, {event.target} sessions in all: {event.reason}", Severity.INFO)


def conversation_moved(state: State, event: ev.ConversationWoken | ev.ConversationHibernated, _at: float) -> None:
    """The counts come with PoolMeasured, the session's row with its own events."""


def breaker_changed(state: State, event: ev.BreakerChanged, _at: float) -> None:
    """A breaker has another state."""
    state.breakers[event.breaker] = event.new
    severity = Severity.INFO if event.new == "closed" else Severity.WARNING
    cause(state, "breaker", event.breaker, event.old, event.new, event.reason)
    note(state, "breaker", event.breaker, f"{event.old} → {event.new}  {event.reason}".rstrip(), severity)


def rate_limited(state: State, event: ev.RateLimited, at: float) -> None:
    """The API reported how much of a plan's limit is used: noted when its status is another than before."""
    row = state.sessions.get(event.session)
    credential = (row.credential if row is not None else "") or "unknown"
    view = QuotaView(credential, event.limit, event.status, at, event.used, event.resets_at, event.overage)
    key = f"{credential} {event.limit}"
    before = state.quotas.pop(key, None)
    state.quotas = {name: each for name, each in state.quotas.items() if not each.is_over(at)}
    while len(state.quotas) >= QUOTAS_KEPT:
        del state.quotas[next(iter(state.quotas))]
    state.quotas[key] = view
    if event.status != (before.status if before is not None and not before.is_over(at) else "allowed"):
        severity = Severity.INFO if event.status == "allowed" else Severity.WARNING
        note(state, "notice", credential, f"plan limit {event.limit}: {event.status.replace('_', ' ')}", severity)


def orphans_reaped(state: State, event: ev.OrphansReaped, _at: float) -> None:
    """Processes of a dead engine were ended."""
    state.totals.orphans += len(event.pids)
    note(state, "notice", event.origin, f"reaped {len(event.pids)} left-over processes", Severity.WARNING)


def notice(state: State, event: ev.Notice, _at: float) -> None:
    """Operators were notified."""
    note(state, "notice", "engine", event.text, event.severity, event.remedy)


def operation_executed(state: State, event: ev.OperationExecuted, _at: float) -> None:
    """Who did what; not of what has lines of its own with a name in them, and no prompts."""
    if event.operation.startswith(_NOTED_ELSEWHERE):
        return
    what = event.operation.replace(".", " ")
    if event.outcome == "done":
        note(state, "operator", event.target or "engine", f"{what} by {event.who}")
    else:
        text = f"{what} by {event.who} was refused: {event.outcome.replace('_', ' ')}"
        note(state, "operator", event.target or "engine", text, Severity.WARNING)
