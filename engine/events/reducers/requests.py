"""Reducers of requests and of their turns."""

from __future__ import annotations

from engine.events import types as ev
from engine.events.reducers import errors
from engine.events.reducers.bounded import bucket, note, spend
from engine.events.reducers.performance import request_took, turn_took
from engine.events.reducers.sessions import at_rest, set_state
from engine.events.state import DURATIONS_KEPT, TREND_S, TREND_SLOTS, RequestView, SessionView, State
from engine.events.types import RequestEnding, SessionState, Severity


def request_queued(state: State, event: ev.RequestQueued, at: float) -> None:
    """A request has arrived."""
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


def request_waiting(state: State, event: ev.RequestWaiting, _at: float) -> None:
    """It waits for something else."""
    if view := state.requests.get(event.request):
        view.waits_for = event.reason


def queue_measured(state: State, event: ev.QueueMeasured, at: float) -> None:
    """How the queue stands, and where those stand who wait."""
    state.queue = event.queue
    places = {each.request: each for each in event.waits}
    for view in state.requests.values():
        place = places.get(view.id)
        view.position = place.position if place is not None else 0
        view.expected_at = at + place.expected if place is not None and place.expected is not None else 0.0


def cache_measured(state: State, event: ev.CacheMeasured, _at: float) -> None:
    """What the levels hold, and how they serve."""
    state.cache = list(event.levels)


def cache_prewarmed(state: State, event: ev.CachePrewarmed, _at: float) -> None:
    """The end of a prewarming is noted once."""
    if event.done == event.total:
        failed = f", {event.failed} failed" if event.failed else ""
        note(state, "notice", "cache", f"prewarmed with {event.total} prompts{failed}")


def request_retrying(state: State, event: ev.RequestRetrying, at: float) -> None:
    """Another attempt follows."""
    state.totals.retries += 1
    if view := state.requests.get(event.request):
        view.session, view.attempts, view.retry_at = "", event.attempt, at + event.delay
    text = f"retry {event.attempt} in {event.delay:.1f}s  {event.kind}: {event.reason}"
    note(state, "retry", event.request, text, Severity.WARNING)


def request_ended(state: State, event: ev.RequestEnded, at: float) -> None:
    """It has its answer, or an error."""
    request_took(state, event, at)
    state.requests.pop(event.request, None)
    totals = state.totals
    totals.cached += event.cached
    totals.excused += event.excused
    if event.attempts > 1 or not event.ok:
        errors.close_errors(state, event)
    match event.outcome:
        case RequestEnding.ANSWERED:
            totals.answered += 1
        case RequestEnding.REFUSED:
            totals.refused += 1
            note(state, "notice", event.request, f"refused: {event.error}", Severity.WARNING)
        case RequestEnding.CANCELLED:
            totals.cancelled += 1
            note(state, "notice", event.request, f"cancelled: {event.error}")
        case RequestEnding.FAILED:
            totals.failed += 1
            state.errors_by_kind[event.kind] = state.errors_by_kind.get(event.kind, 0) + 1
            bucket(state, at).failed += 1
            note(state, "failed", event.request, f"{event.kind}: {event.error}", Severity.WARNING)


def turn_started(state: State, event: ev.TurnStarted, at: float) -> None:
    """A session works on it."""
    if view := state.requests.get(event.request):
        view.session, view.attempts, view.waits_for = event.session, event.attempt, ""
        view.position, view.expected_at = 0, 0.0
    if row := state.sessions.get(event.session):
        row.request, row.user, row.prompt, row.activity = event.request, event.user, event.prompt, ""
        row.turn_started_at = row.last_used = row.activity_since = at
        row.words, row.writing_s, row.rate = 0, 0.0, 0.0
        set_state(row, SessionState.RUNNING, at)


def turn_steered(state: State, event: ev.TurnSteered, at: float) -> None:
    """Its turn goes on with another prompt."""
    if row := state.sessions.get(event.session):
        row.prompt, row.activity, row.activity_since = event.prompt, "", at
        row.words, row.writing_s, row.rate = 0, 0.0, 0.0
    note(state, "notice", event.session, f"steered by {event.by}: {event.prompt}")


def turn_activity(state: State, event: ev.TurnActivity, at: float) -> None:
    """What the session does now."""
    if row := state.sessions.get(event.session):
        row.activity, row.last_used, row.activity_since = event.activity, at, at
        row.words, row.writing_s, row.rate = 0, 0.0, 0.0
        if row.state is SessionState.RETRYING:
            set_state(row, SessionState.RUNNING, at)


def turn_progress(state: State, event: ev.TurnProgress, at: float) -> None:
    """How far the session is with what it writes."""
    if row := state.sessions.get(event.session):
        fresh = event.tokens - row.block_tokens if event.tokens >= row.block_tokens else event.tokens
        row.block_tokens, row.written = event.tokens, row.written + fresh
        bucket(state, at).tokens += fresh  # an estimate, until the turn's end brings the count
        wrote(row, fresh, at)
        row.words, row.writing_s, row.rate = event.words, event.seconds, event.rate
        row.last_used = at


def wrote(row: SessionView, tokens: int, at: float) -> None:
    """Count what a session wrote in the slot of its trend."""
    slot = int(at // TREND_S)
    trend = [*row.trend, *[0] * min(TREND_SLOTS, max(0, slot - row.trend_slot))][-TREND_SLOTS:] or [0]
    trend[-1] += tokens
    row.trend, row.trend_slot = trend, max(slot, row.trend_slot)


def turn_ended(state: State, event: ev.TurnEnded, at: float) -> None:
    """The turn has its result."""
    turn_took(state, event)
    totals, now, row = state.totals, bucket(state, at), state.sessions.get(event.session)
    totals.turns += 1
    totals.turns_failed += event.failed
    totals.tokens_in += event.tokens_in
    totals.tokens_out += event.tokens_out
    totals.tokens_cached += event.tokens_cached
    totals.tokens_cache_written += event.tokens_cache_written
    totals.cost += event.cost
    now.turns += 1
    now.tokens = max(0, now.tokens + event.tokens_out - (row.written if row is not None else 0))
    now.cost += event.cost
    spend(state, row.credential if row is not None else "", event.cost)
    if event.for_person:
        now.person_waits = [*now.person_waits[-DURATIONS_KEPT + 1 :], event.for_person]
    if len(now.durations) < DURATIONS_KEPT:
        now.durations.append(max(0.0, event.duration - event.for_person))
    if row is not None:
        finish_row(row, event, at)
    if event.ok:
        refused = event.outcome == "refused_tools"  # answered, but not with what it wanted to do
        note(state, "refused" if refused else "done", event.session, row.prompt if row else event.request)


def finish_row(row: SessionView, event: ev.TurnEnded, at: float) -> None:
    """The session's row after its turn."""
    wrote(row, max(0, event.tokens_out - row.written), at)
    row.written = row.block_tokens = 0
    row.model, row.context_window = event.model or row.model, event.context_window or row.context_window
    row.context = event.context or row.context
    row.turns += 1
    row.tokens_in += event.tokens_in
    row.tokens_out += event.tokens_out
    row.tokens_cached += event.tokens_cached
    row.tokens_cache_written += event.tokens_cache_written
    row.cost += event.cost
    row.request, row.activity, row.retry_attempt = "", "", 0
    row.words, row.writing_s, row.rate, row.activity_since = 0, 0.0, 0.0, at
    row.turn_started_at, row.last_duration, row.last_used = 0.0, event.duration, at
    if event.failed:
        row.errors += 1
        row.last_error = event.error
    if row.state not in {SessionState.STOPPING, SessionState.FAILED}:
        set_state(row, at_rest(row), at)


def api_retry(state: State, event: ev.ApiRetry, at: float) -> None:
    """The CLI retries a call by itself."""
    if row := state.sessions.get(event.session):
        row.activity = f"API {event.status or ''} {event.error}, attempt {event.attempt}".replace("  ", " ")
        row.retry_attempt = event.attempt
        set_state(row, SessionState.RETRYING, at)
