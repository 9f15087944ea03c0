"""Reducers of what sessions do: they start, change, are read and judged, and end."""

from __future__ import annotations

from engine.events import types as ev
from engine.events.reducers.bounded import cause, note, spend
from engine.events.state import ENDED_KEPT, SessionView, State, Totals
from engine.events.types import SessionState, Severity

BY_HAND = ("killed by ", "stopped by ")
"""How the reason of a stop begins that a person asked for."""


def set_state(row: SessionView, to: SessionState, at: float, reason: str = "") -> None:
    """Move a row to another state; the time counts from the change."""
    if row.state is not to:
        row.since = at
    row.state = to
    row.reason = reason


def at_rest(row: SessionView) -> SessionState:
    """The state of a session without a turn of ours."""
    return SessionState.BACKGROUND if row.tasks or row.own_turn else SessionState.IDLE


def session_starting(state: State, event: ev.SessionStarting, at: float) -> None:
    """A session's process is starting."""
    state.totals.started += 1
    state.sessions[event.session] = SessionView(
        id=event.session,
        profile=event.profile,
        tenant=event.tenant,
        backend=event.backend,
        conversation=event.conversation,
        cwd=event.cwd,
        host=event.host,
        credential=event.credential,
        started_at=at,
        since=at,
        last_used=at,
    )


def session_ready(state: State, event: ev.SessionReady, at: float) -> None:
    """It can take work."""
    if row := state.sessions.get(event.session):
        row.pid, row.version, row.start_s = event.pid, event.version, event.start_s
        set_state(row, SessionState.IDLE, at)


def background_changed(state: State, event: ev.BackgroundChanged, at: float) -> None:
    """Its agent began or ended something by itself."""
    if row := state.sessions.get(event.session):
        row.tasks, row.own_turn = event.tasks, event.own_turn
        if row.state in {SessionState.IDLE, SessionState.BACKGROUND}:
            set_state(row, at_rest(row), at)
            own = "a turn of its own" if event.own_turn else ""
            row.activity = "; ".join([*([own] if own else []), *event.tasks])


def foreign_turn_ended(state: State, event: ev.ForeignTurnEnded, _at: float) -> None:
    """A turn that the CLI began by itself has ended."""
    state.totals.foreign_turns += 1
    row = state.sessions.get(event.session)
    spend(state, row.credential if row is not None else "", event.cost)
    counts: list[Totals | SessionView] = [state.totals, *([row] if row is not None else [])]
    for counted in counts:
        counted.tokens_in += event.tokens_in
        counted.tokens_out += event.tokens_out
        counted.tokens_cached += event.tokens_cached
        counted.tokens_cache_written += event.tokens_cache_written
        counted.cost += event.cost
    ended = "ended" if event.ok else "failed"
    note(state, "notice", event.session, f"a turn that the agent began by itself {ended}: {event.text}".rstrip(": "))


def session_changed(state: State, event: ev.SessionChanged, at: float) -> None:
    """It has another state."""
    if row := state.sessions.get(event.session):
        set_state(row, event.state, at, event.reason)
        if event.reason.startswith(BY_HAND):
            cause(state, "operator", event.session, "", event.reason)


def session_bound(state: State, event: ev.SessionBound, _at: float) -> None:
    """It holds another conversation."""
    if row := state.sessions.get(event.session):
        if row.conversation != event.conversation:
            row.context = 0
        row.conversation = event.conversation
        row.user = event.user
        row.cwd = event.cwd or row.cwd


def context_measured(state: State, event: ev.ContextMeasured, _at: float) -> None:
    """How full its context is before its first turn."""
    if row := state.sessions.get(event.session):
        row.context, row.context_window = event.context, event.context_window


def session_readings(state: State, event: ev.SessionReadings, _at: float) -> None:
    """Memory and CPU of the process trees were read."""
    state.engine.cpu, state.engine.rss = event.engine_cpu, event.engine_rss
    for reading in event.readings:
        if row := state.sessions.get(reading.session):
            row.cpu, row.rss, row.pss, row.processes = reading.cpu, reading.rss, reading.pss, reading.processes


def session_judged(state: State, event: ev.SessionJudged, _at: float) -> None:
    """A health check has another verdict."""
    if row := state.sessions.get(event.session):
        row.health = "" if event.condition == "well" else event.reason
    if event.condition != "well":
        severity = Severity.WARNING if event.acted else Severity.INFO
        acted = f": {event.acted}" if event.acted else ""
        note(state, "notice", event.session, f"{event.condition}, {event.reason}{acted}", severity)


def session_ended(state: State, event: ev.SessionEnded, at: float) -> None:
    """Its process is gone."""
    row = state.sessions.pop(event.session, None)
    if row is None:
        return
    state.totals.ended += 1
    set_state(row, SessionState.FAILED if event.error else SessionState.ENDED, at, event.how)
    row.last_error = event.error or row.last_error
    row.cpu, row.rss, row.pss = 0.0, 0, 0
    state.ended.append(row)
    if len(state.ended) > ENDED_KEPT:
        del state.ended[0]
    state.breakers.pop(f"session:{event.session}", None)  # nobody asks it any more
    if event.error:
        note(state, "failed", event.session, f"{event.how}: {event.error}", Severity.WARNING)
    else:
        note(state, "ended", event.session, f"ended: {event.how}")
    if event.survivors:
        text = f"{event.survivors} processes would not end"
        note(state, "failed", event.session, text, Severity.CRITICAL, "quarterdeck doctor")


def conversation_rewound(state: State, event: ev.ConversationRewound, _at: float) -> None:
    """It went back."""
    what = f"went back to before prompt {event.prompts + 1}, by {event.by}"
    note(state, "notice", event.session, what)


def protocol_fault(state: State, event: ev.ProtocolFault, _at: float) -> None:
    """Its output could not be read."""
    state.engine.faults += 1
    note(state, "notice", event.session, f"bad line: {event.reason}", Severity.WARNING)
