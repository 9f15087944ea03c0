"""The typed events: all that the engine says about itself, and all that a screen can know."""

from __future__ import annotations

import msgspec

from engine.events.types.alerts import AlertRaised, AlertResolved, AlertSilenced
from engine.events.types.base import Event
from engine.events.types.cache import CacheMeasured, CachePrewarmed, CacheReading
from engine.events.types.engine import (
    ConsolesChanged,
    EngineDraining,
    EngineStarted,
    EngineStopped,
    Notice,
    OperationExecuted,
    OrphansReaped,
    SettingsChanged,
    Severity,
)
from engine.events.types.performance import GarbageReading, PerformanceMeasured, PerformanceReading
from engine.events.types.permissions import GrantRevoked, PermissionAnswered, PermissionAsked
from engine.events.types.pool import (
    ConversationHibernated,
    ConversationWoken,
    Percentiles,
    PoolCounts,
    PoolMeasured,
    PoolScaled,
    PoolStatistics,
)
from engine.events.types.profiler import ProfilerStarted, ProfilerStopped
from engine.events.types.queue import (
    LaneReading,
    LimitReading,
    QueueMeasured,
    QueueReading,
    WaitReading,
)
from engine.events.types.recovery import (
    BreakerChanged,
    BreakerFigures,
    ErrorSeen,
    RecoveryEnded,
    RecoveryMeasured,
    RecoveryStarted,
)
from engine.events.types.requests import (
    ApiRetry,
    ForeignTurnEnded,
    RateLimited,
    RequestEnded,
    RequestEnding,
    RequestQueued,
    RequestRetrying,
    RequestWaiting,
    TurnActivity,
    TurnEnded,
    TurnProgress,
    TurnStarted,
    TurnSteered,
)
from engine.events.types.sessions import (
    BackgroundChanged,
    ContextMeasured,
    ConversationRewound,
    ProtocolFault,
    Reading,
    SessionBound,
    SessionChanged,
    SessionEnded,
    SessionJudged,
    SessionReadings,
    SessionReady,
    SessionStarting,
    SessionState,
)

__all__ = [
    "AlertRaised",
    "AlertResolved",
    "AlertSilenced",
    "AnyEvent",
    "ApiRetry",
    "BackgroundChanged",
    "BreakerChanged",
    "BreakerFigures",
    "CacheMeasured",
    "CachePrewarmed",
    "CacheReading",
    "ConsolesChanged",
    "ContextMeasured",
    "ConversationHibernated",
    "ConversationRewound",
    "ConversationWoken",
    "EngineDraining",
    "EngineStarted",
    "EngineStopped",
    "ErrorSeen",
    "Event",
    "EventEnvelope",
    "ForeignTurnEnded",
    "GarbageReading",
    "GrantRevoked",
    "LaneReading",
    "LimitReading",
    "Notice",
    "OperationExecuted",
    "OrphansReaped",
    "Percentiles",
    "PerformanceMeasured",
    "PerformanceReading",
    "PermissionAnswered",
    "PermissionAsked",
    "PoolCounts",
    "PoolMeasured",
    "PoolScaled",
    "PoolStatistics",
    "ProfilerStarted",
    "ProfilerStopped",
    "ProtocolFault",
    "QueueMeasured",
    "QueueReading",
    "RateLimited",
    "Reading",
    "RecoveryEnded",
    "RecoveryMeasured",
    "RecoveryStarted",
    "RequestEnded",
    "RequestEnding",
    "RequestQueued",
    "RequestRetrying",
    "RequestWaiting",
    "SessionBound",
    "SessionChanged",
    "SessionEnded",
    "SessionJudged",
    "SessionReadings",
    "SessionReady",
    "SessionStarting",
    "SessionState",
    "SettingsChanged",
    "Severity",
    "TurnActivity",
    "TurnEnded",
    "TurnProgress",
    "TurnStarted",
    "TurnSteered",
    "WaitReading",
    "decode_stamped",
    "encode_stamped",
]

AnyEvent = (
    EngineStarted
    | ConsolesChanged
    | EngineDraining
    | EngineStopped
    | SettingsChanged
    | SessionStarting
    | SessionReady
    | SessionChanged
    | SessionBound
    | BackgroundChanged
    | ContextMeasured
    | RequestWaiting
    | QueueMeasured
    | CachePrewarmed
    | CacheMeasured
    | ForeignTurnEnded
    | SessionReadings
    | PerformanceMeasured
    | SessionEnded
    | SessionJudged
    | PoolMeasured
    | PoolScaled
    | ConversationWoken
    | ConversationHibernated
    | RequestQueued
    | RequestRetrying
    | RequestEnded
    | TurnStarted
    | TurnActivity
    | TurnEnded
    | TurnProgress
    | TurnSteered
    | PermissionAsked
    | PermissionAnswered
    | GrantRevoked
    | BreakerChanged
    | ErrorSeen
    | RecoveryStarted
    | RecoveryEnded
    | RecoveryMeasured
    | ApiRetry
    | RateLimited
    | ConversationRewound
    | ProtocolFault
    | OperationExecuted
    | ProfilerStarted
    | ProfilerStopped
    | OrphansReaped
    | Notice
    | AlertRaised
    | AlertResolved
    | AlertSilenced
)


class EventEnvelope(msgspec.Struct, frozen=True):
    """An event with its number in the engine's run (from 1, no gaps) and its time in seconds since 1970."""

    seq: int
    at: float
    event: AnyEvent


encode_stamped = msgspec.json.Encoder().encode
decode_stamped = msgspec.json.Decoder(EventEnvelope).decode
