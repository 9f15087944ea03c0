"""The pure reducer: state = apply(state, event). Live, remote and replay use this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.events import types as ev
from engine.events.reducers import engine, errors, performance, permissions, recoveries, requests, sessions
from engine.events.state import (
    State,
)
from engine.events.types import EventEnvelope

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


_REDUCERS: dict[type[ev.Event], Reducer] = {
    ev.EngineStarted: engine.engine_started,
    ev.ConsolesChanged: engine.consoles_changed,
    ev.EngineDraining: engine.engine_draining,
    ev.EngineStopped: engine.engine_stopped,
    ev.SettingsChanged: engine.settings_changed,
    ev.SessionStarting: sessions.session_starting,
    ev.SessionReady: sessions.session_ready,
    ev.SessionChanged: sessions.session_changed,
    ev.SessionBound: sessions.session_bound,
    ev.ContextMeasured: sessions.context_measured,
    ev.BackgroundChanged: sessions.background_changed,
    ev.ForeignTurnEnded: sessions.foreign_turn_ended,
    ev.SessionReadings: sessions.session_readings,
    ev.SessionEnded: sessions.session_ended,
    ev.SessionJudged: sessions.session_judged,
    ev.PoolMeasured: engine.pool_measured,
    ev.PoolScaled: engine.pool_scaled,
    ev.ConversationWoken: engine.conversation_moved,
    ev.ConversationHibernated: engine.conversation_moved,
    ev.QueueMeasured: requests.queue_measured,
    ev.CacheMeasured: requests.cache_measured,
    ev.PerformanceMeasured: performance.performance_measured,
    ev.CachePrewarmed: requests.cache_prewarmed,
    ev.RequestQueued: requests.request_queued,
    ev.RequestRetrying: requests.request_retrying,
    ev.RequestWaiting: requests.request_waiting,
    ev.RequestEnded: requests.request_ended,
    ev.TurnStarted: requests.turn_started,
    ev.TurnActivity: requests.turn_activity,
    ev.TurnEnded: requests.turn_ended,
    ev.TurnSteered: requests.turn_steered,
    ev.TurnProgress: requests.turn_progress,
    ev.PermissionAsked: permissions.permission_asked,
    ev.PermissionAnswered: permissions.permission_answered,
    ev.GrantRevoked: permissions.grant_revoked,
    ev.BreakerChanged: engine.breaker_changed,
    ev.RecoveryStarted: recoveries.recovery_started,
    ev.RecoveryEnded: recoveries.recovery_ended,
    ev.RecoveryMeasured: recoveries.recovery_measured,
    ev.ErrorSeen: errors.error_seen,
    ev.ApiRetry: requests.api_retry,
    ev.RateLimited: engine.rate_limited,
    ev.ConversationRewound: sessions.conversation_rewound,
    ev.ProtocolFault: sessions.protocol_fault,
    ev.OrphansReaped: engine.orphans_reaped,
    ev.ProfilerStarted: performance.profiler_started,
    ev.ProfilerStopped: performance.profiler_stopped,
    ev.OperationExecuted: engine.operation_executed,
    ev.Notice: engine.notice,
    ev.AlertRaised: errors.alert_raised,
    ev.AlertResolved: errors.alert_resolved,
    ev.AlertSilenced: errors.alert_silenced,
}
