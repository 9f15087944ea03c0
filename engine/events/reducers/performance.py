"""Reducers of how the engine's process fares: its loop, its profiler, and where the time of requests went."""

from __future__ import annotations

from engine.events import types as ev
from engine.events.performance_state import LAGS_KEPT, STAGES_KEPT, RequestStages
from engine.events.reducers.bounded import note
from engine.events.state import State

_ROUNDED = ("seconds", "queue", "first_token", "stream", "tools", "people", "engine")
UNKNOWN = -1.0
"""The lag of a second that nothing was measured in."""


def performance_measured(state: State, event: ev.PerformanceMeasured, at: float) -> None:
    """Another second of the engine's process."""
    view = state.performance
    missed = min(LAGS_KEPT, max(0, round(at - view.at) - 1)) if view.at else 0
    view.reading, view.at = event.performance, at
    view.lags = [*view.lags, *[UNKNOWN] * missed, event.performance.lag_most][-LAGS_KEPT:]


def turn_took(state: State, event: ev.TurnEnded) -> None:
    """Where the time of a turn went; a request may run several."""
    request = state.requests.get(event.request)
    if request is None:
        return
    known = state.turns_of.get(event.request) or RequestStages(event.request, request.prompt)
    first = min(event.ttft or 0.0, event.duration)
    known.first_token += first
    known.tools += event.tools
    known.people += event.for_person
    known.stream += max(0.0, event.duration - first - event.tools - event.for_person)
    known.seconds += event.duration
    state.turns_of[event.request] = known


def request_took(state: State, event: ev.RequestEnded, at: float) -> None:
    """What is left of its time when queue and turns are taken off is the engine's."""
    known = state.turns_of.pop(event.request, None)
    if known is None:
        return
    known.engine = max(0.0, event.duration - event.queued - known.seconds)
    known.at, known.ok, known.attempts = at, event.ok, event.attempts
    known.seconds, known.queue = event.duration, event.queued
    for name in _ROUNDED:  # they stand in each snapshot
        setattr(known, name, round(getattr(known, name), 4))
    state.stages = [*state.stages[-STAGES_KEPT + 1 :], known]


def profiler_started(state: State, event: ev.ProfilerStarted, at: float) -> None:
    """The engine is measured, which costs a little."""
    view = state.profiler
    view.running, view.kinds, view.rate, view.ends_at = True, list(event.kinds), event.rate, at + event.seconds
    by = f" by {event.who}" if event.who else ""
    note(state, "notice", "profiler", f"captures {', '.join(event.kinds)} for {event.seconds:g} s{by}")


def profiler_stopped(state: State, event: ev.ProfilerStopped, at: float) -> None:
    """A capture can be read."""
    view = state.profiler
    view.running, view.ended_at, view.problem = False, at, event.problem
    view.seconds, view.samples = event.seconds, event.samples
    text = f"captured {event.seconds:.1f} s, {event.samples} samples: {event.reason}"
    note(state, "notice", "profiler", text)
