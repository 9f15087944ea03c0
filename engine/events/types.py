"""The typed events: all that the engine says about itself, and all that a screen can know."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

import msgspec

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def _tag(name: str) -> str:
    return _WORD_START.sub("_", name).lower()


class SessionState(StrEnum):
    """What a session is doing; MOCKUPS rule 5 gives each its glyph."""

    STARTING = "starting"
    IDLE = "idle"
    RUNNING = "running"
    APPROVAL = "approval"
    RETRYING = "retrying"
    STOPPING = "stopping"
    FAILED = "failed"


class Severity(StrEnum):
    """How urgent a notice is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=_tag):
    """Root of all events. Times inside are seconds since 1970, durations seconds, sizes bytes."""


class EngineStarted(Event, frozen=True):
    """The engine is up and takes work."""

    engine: str
    pid: int
    backend: str
    version: str
    demo: bool = False
    banner: str = ""
    max_size: int = 0


class EngineDraining(Event, frozen=True):
    """No new work is taken; running turns have `grace` seconds to finish."""

    reason: str
    grace: float


class EngineStopped(Event, frozen=True):
    """The last event of a run; `survivors` counts processes that would not end."""

    reason: str
    survivors: int = 0


class SettingsChanged(Event, frozen=True):
    """Settings were changed live: key → [old, new], secrets already redacted."""

    who: str
    changes: dict[str, list[Any]]


class Percentiles(msgspec.Struct, frozen=True):
    """Seconds; zeros without samples."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0


class PoolCounts(msgspec.Struct):
    """What happened since the pool opened. A reuse is a turn on a process that ran already; a wake is none."""

    leases: int = 0
    reuses: int = 0
    affinity_hits: int = 0
    warm_hits: int = 0
    starts: int = 0
    start_failures: int = 0
    wakes: int = 0
    hibernations: int = 0
    evictions: int = 0
    retirements: int = 0
    crashes: int = 0
    condemned: int = 0
    survivors: int = 0


class PoolStatistics(msgspec.Struct, frozen=True):
    """The pool as it is now. `utilisation` = (leased + waiting) / (all + starting), 0 for an empty pool.

    `target` is the size that scaling goes to and `reason` why; `memory` is in bytes, `cpu` in percent of a core, both
    summed over the sessions; `throughput` in turns a second; `hibernated` counts conversations without a process.
    """

    size: int
    active: int
    idle: int
    warm: int
    starting: int
    waiting: int
    hibernated: int
    min_size: int
    max_size: int
    target: int
    reason: str
    utilisation: float
    reuse: float
    throughput: float
    memory: int
    cpu: float
    wait: Percentiles
    wake: Percentiles
    counts: PoolCounts


class PoolMeasured(Event, frozen=True):
    """The pool's statistics, every few seconds."""

    pool: PoolStatistics


class PoolScaled(Event, frozen=True):
    """Scaling decided on another size; what it was decided from is beside it."""

    target: int
    size: int
    reason: str
    busy: int
    waiting: int
    cpu: float = 0.0
    memory: float = 0.0


class SessionJudged(Event, frozen=True):
    """A health check or a limit found something; `acted` is what was done, empty when it was only observed."""

    session: str
    condition: str
    reason: str
    acted: str = ""


class ConversationWoken(Event, frozen=True):
    """A hibernated conversation has a process again after `took` seconds."""

    conversation: str
    session: str
    took: float


class ConversationHibernated(Event, frozen=True):
    """A conversation gave its process back; its transcript is on disk."""

    conversation: str
    session: str
    reason: str


class SessionStarting(Event, frozen=True):
    """A process for a session is being started."""

    session: str
    profile: str
    tenant: str
    backend: str
    conversation: str = ""


class SessionReady(Event, frozen=True):
    """The process answered `initialize` after `start_s` seconds."""

    session: str
    pid: int
    version: str
    start_s: float


class SessionChanged(Event, frozen=True):
    """The session moved to another state."""

    session: str
    state: SessionState
    reason: str = ""


class SessionBound(Event, frozen=True):
    """The session now holds this conversation; an empty one means that it was cleared."""

    session: str
    conversation: str
    user: str = ""


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """Resources of one session: CPU in percent of a core, memory in bytes."""

    session: str
    cpu: float
    rss: int
    processes: int = 1


class SessionReadings(Event, frozen=True):
    """One sample over all sessions."""

    readings: list[Reading]
    engine_cpu: float = 0.0
    engine_rss: int = 0


class SessionEnded(Event, frozen=True):
    """The session's process tree is gone; `how` is the last step of the stop ladder that was needed."""

    session: str
    how: str
    exit_code: int | None = None
    survivors: int = 0
    error: str = ""


class RequestQueued(Event, frozen=True):
    """A request entered the queue."""

    request: str
    user: str
    tenant: str
    profile: str
    priority: str
    prompt: str = ""


class RequestRetrying(Event, frozen=True):
    """An attempt failed and another will follow in `delay` seconds."""

    request: str
    attempt: int
    delay: float
    kind: str
    reason: str


class RequestEnded(Event, frozen=True):
    """The request was answered or given up; `duration` includes the wait of `queued` seconds."""

    request: str
    user: str
    ok: bool
    duration: float
    queued: float = 0.0
    attempts: int = 1
    cached: bool = False
    kind: str = ""
    code: str = ""
    error: str = ""


class TurnStarted(Event, frozen=True):
    """A request began to run in a session."""

    request: str
    session: str
    user: str
    prompt: str
    attempt: int = 1


class TurnActivity(Event, frozen=True):
    """What the agent is doing right now, in one line."""

    session: str
    activity: str


class TurnEnded(Event, frozen=True):
    """The turn's one result; tokens and cost are this turn's alone."""

    request: str
    session: str
    ok: bool
    outcome: str
    duration: float
    ttft: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: float = 0.0
    kind: str = ""
    error: str = ""


class PermissionAsked(Event, frozen=True):
    """The agent waits for leave to use a tool; unanswered it is denied at `deadline`."""

    permission: str
    session: str
    tool: str
    summary: str
    deadline: float


class PermissionAnswered(Event, frozen=True):
    """A permission was given or refused, and by whom."""

    permission: str
    session: str
    allowed: bool
    by: str


class BreakerChanged(Event, frozen=True):
    """A circuit breaker moved between closed, open and half_open."""

    breaker: str
    old: str
    new: str
    reason: str = ""


class ApiRetry(Event, frozen=True):
    """The CLI reports that the API refused and that it will try again."""

    session: str
    attempt: int
    delay: float
    status: int | None = None
    error: str = ""


class RateLimited(Event, frozen=True):
    """The API told how much of a plan's limit is used up."""

    session: str
    status: str
    limit: str = ""
    resets_at: float | None = None


class ProtocolFault(Event, frozen=True):
    """A session wrote a line that is not of the protocol; the session goes on."""

    session: str
    reason: str
    excerpt: str = ""


class OrphansReaped(Event, frozen=True):
    """Processes that a dead engine or session had left were ended; pids for the record."""

    pids: list[int]
    origin: str


class Notice(Event, frozen=True):
    """Something a person should know, with the remedy when there is one."""

    severity: Severity
    text: str
    remedy: str = ""


AnyEvent = (
    EngineStarted
    | EngineDraining
    | EngineStopped
    | SettingsChanged
    | SessionStarting
    | SessionReady
    | SessionChanged
    | SessionBound
    | SessionReadings
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
    | PermissionAsked
    | PermissionAnswered
    | BreakerChanged
    | ApiRetry
    | RateLimited
    | ProtocolFault
    | OrphansReaped
    | Notice
)


class Stamped(msgspec.Struct, frozen=True):
    """An event with its number in the engine's run (from 1, no gaps) and its time in seconds since 1970."""

    seq: int
    at: float
    event: AnyEvent


encode_stamped = msgspec.json.Encoder().encode
decode_stamped = msgspec.json.Decoder(Stamped).decode
