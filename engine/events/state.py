"""The state that the projection keeps: what is true now, and bounded tails of what happened."""

from __future__ import annotations

import msgspec

from engine.events.performance_state import PerformanceView, ProfilerView, RequestStages
from engine.events.quota_state import QuotaView
from engine.events.types import (
    BreakerFigures,
    CacheReading,
    PoolStatistics,
    QueueReading,
    SessionState,
    Severity,
)

RECENT_KEPT = 200
"""Lines of the recent list."""
ENDED_KEPT = 50
"""Ended sessions that stay readable."""
CAUSES_KEPT = 300
"""Tuning changes, breaker flips and restarts that stay on the time axis."""
BUCKET_S = 10
"""Seconds of one bucket of a trend."""
BUCKETS_KEPT = 360
"""Buckets of a trend: one hour."""
RECOVERIES_KEPT = 100
"""Recoveries that stay readable, newest last."""
STRATEGIES_KEPT = 64
"""Strategies with figures of their own; further ones are counted as `other`."""
ERRORS_KEPT = 500
"""Errors that stay readable."""
ANSWERED_KEPT = 64
"""Approvals that no longer wait which stay known."""
LAPSED_KEPT = 50
"""Approvals that nobody answered which stay readable."""
CREDENTIALS_KEPT = 50
ALERTS_KEPT = 200
"""Alerts shown at once."""
DURATIONS_KEPT = 64
"""Durations kept of the turns of one bucket, and of the runs of one strategy: enough for a p95."""


class EngineView(msgspec.Struct):
    """The engine as a whole."""

    engine: str = ""
    pid: int = 0
    backend: str = ""
    version: str = ""
    demo: bool = False
    banner: str = ""
    phase: str = "starting"
    started_at: float = 0.0
    max_size: int = 0
    cpu: float = 0.0
    rss: int = 0
    faults: int = 0
    consoles: int = 0


TREND_S, TREND_SLOTS = 30, 8
"""Seconds of a slot of a session's trend, and how many slots it has."""


class SessionView(msgspec.Struct):
    """One session, as a row of the grid."""

    id: str
    profile: str = ""
    tenant: str = ""
    backend: str = ""
    state: SessionState = SessionState.STARTING
    reason: str = ""
    pid: int = 0
    version: str = ""
    conversation: str = ""
    cwd: str = ""
    host: str = ""
    credential: str = ""
    user: str = ""
    request: str = ""
    prompt: str = ""
    activity: str = ""
    turns: int = 0
    errors: int = 0
    last_error: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: float = 0.0
    cpu: float = 0.0
    rss: int = 0
    processes: int = 0
    started_at: float = 0.0
    since: float = 0.0
    last_used: float = 0.0
    turn_started_at: float = 0.0
    last_duration: float = 0.0
    start_s: float = 0.0
    retry_attempt: int = 0
    health: str = ""
    tasks: list[str] = []
    own_turn: bool = False
    tokens_cache_written: int = 0
    pss: int = 0
    words: int = 0
    """Of what it writes now, as are the two below; 0 while it writes nothing."""
    writing_s: float = 0.0
    rate: float = 0.0
    """Tokens a second, estimated."""
    block_tokens: int = 0
    """Estimated, of the text, thought or input under way."""
    written: int = 0
    """Estimated, of the turn so far, which the trend has counted."""
    model: str = ""
    context: int = 0
    """Tokens of `context_window` that its conversation takes; 0 is not known, in both."""
    context_window: int = 0
    trend: list[int] = []
    """Tokens written in each of the last TREND_SLOTS slots of TREND_S seconds; the last one is number `trend_slot`."""
    trend_slot: int = 0
    activity_since: float = 0.0


class RequestView(msgspec.Struct):
    """One request that is waiting or running; `position` in the queue counts from 1, 0 is none or not known.

    `expected_at` is when it should begin, 0 while that is not known.
    """

    id: str
    user: str
    tenant: str
    profile: str
    priority: str
    prompt: str
    queued_at: float
    session: str = ""
    attempts: int = 0
    retry_at: float = 0.0
    waits_for: str = ""
    position: int = 0
    expected_at: float = 0.0


class PermissionView(msgspec.Struct):
    """One permission that waits for an answer; its fields are those of PermissionAsked."""

    id: str
    session: str
    tool: str
    summary: str
    asked_at: float
    deadline: float
    group: str = ""
    action: str = ""
    risk: str = "?"
    rank: int = 0
    grave: bool = False
    tenant: str = ""
    profile: str = ""
    conversation: str = ""
    allowed_before: int = 0
    denied_before: int = 0
    nearest: str = ""
    risks: list[str] = []
    grave_risks: int = 0
    content: str = ""
    size: int = 0


class AnsweredView(msgspec.Struct):
    """A permission that no longer waits: who answered it (a name, a grant, deadline, withdrawn, engine) and how."""

    id: str
    session: str
    tool: str
    summary: str
    group: str
    at: float
    allowed: bool
    by: str
    scope: str = "once"
    edited: str = ""
    reason: str = ""


class LapsedView(msgspec.Struct):
    """An approval that was denied because nobody answered in time."""

    at: float
    session: str
    tool: str
    summary: str


class ErrorView(msgspec.Struct):
    """One failed attempt; `end` is answered or failed once its request has ended."""

    id: str
    at: float
    request: str
    session: str
    profile: str
    attempt: int
    type: str
    code: str
    category: str
    rule: str
    severity: str
    strategy: str
    text: str
    said: str = ""
    confidence: float = 1.0
    retryable: bool = False
    again: bool = False
    silent: float = 0.0
    end: str = ""


class AlertView(msgspec.Struct):
    """One alert that is firing; a silenced one is not notified before `silenced_until`."""

    rule: str
    subject: str
    severity: Severity
    text: str
    remedy: str
    since: float
    value: float
    silenced_until: float = 0.0


class RecentLine(msgspec.Struct):
    """One line of what happened: `mark` is done, refused, failed, retry, tuning, breaker, operator, ended or notice."""

    seq: int
    at: float
    mark: str
    subject: str
    text: str
    severity: Severity = Severity.INFO
    remedy: str = ""


class RecoveryView(msgspec.Struct):
    """One recovery, under way or over; times in seconds."""

    id: str
    strategy: str
    target: str
    error: str = ""
    reason: str = ""
    by: str = ""
    estimated: float = 0.0
    started_at: float = 0.0
    running: bool = True
    ok: bool = False
    outcome: str = ""
    took: float = 0.0
    gave_up: bool = False
    waiters: int = 0
    observed: bool = False


class StrategyView(msgspec.Struct):
    """What one strategy achieved; durations in seconds, `mean` and `p95` of the last DURATIONS_KEPT runs."""

    runs: int = 0
    worked: int = 0
    gave_up: int = 0
    observed: int = 0
    success_rate: float = 0.0
    mean: float = 0.0
    p95: float = 0.0
    durations: list[float] = []


class BudgetView(msgspec.Struct):
    """Tokens left for retries, of `size`; `refused` retries it could not pay."""

    left: int = 0
    size: int = 0
    refused: int = 0


class CauseView(msgspec.Struct):
    """What may have made errors, or ended them: `mark` is tuning, breaker or restart; `subject` a key or a name."""

    at: float
    mark: str
    subject: str
    before: str = ""
    after: str = ""
    reason: str = ""


class Bucket(msgspec.Struct):
    """What ended within BUCKET_S seconds from `start`."""

    start: float
    turns: int = 0
    failed: int = 0
    """Requests given up."""
    errors: int = 0
    """Attempts that failed."""
    tokens: int = 0
    cost: float = 0.0
    durations: list[float] = []
    """Of turns, in seconds, without the time that they waited for a person."""
    person_waits: list[float] = []
    """Seconds that turns waited for a person, of those that did."""
    errors_by_kind: dict[str, int] = {}
    """Failed attempts by type."""
    errors_by_class: dict[str, int] = {}
    """The same by `type/category`."""


class Totals(msgspec.Struct):
    """Counts since the engine started. Ended requests are answered, failed, refused or cancelled (`RequestEnding`).

    `errors` counts failed attempts, `retries` attempts after the first, `excused` the ended requests that say nothing
    of the engine, `cached` those of the answered that no turn ran for.
    """

    requests: int = 0
    answered: int = 0
    failed: int = 0
    refused: int = 0
    cancelled: int = 0
    excused: int = 0
    errors: int = 0
    cached: int = 0
    retries: int = 0
    turns: int = 0
    turns_failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: float = 0.0
    started: int = 0
    ended: int = 0
    orphans: int = 0
    tokens_cache_written: int = 0
    foreign_turns: int = 0
    cost_by_credential: dict[str, float] = {}


class State(msgspec.Struct):
    """All that the screens draw; equal states encode to equal bytes."""

    seq: int = 0
    at: float = 0.0
    engine: EngineView = msgspec.field(default_factory=EngineView)
    sessions: dict[str, SessionView] = {}
    ended: list[SessionView] = []
    requests: dict[str, RequestView] = {}
    permissions: dict[str, PermissionView] = {}
    answered: list[AnsweredView] = []
    lapsed: list[LapsedView] = []
    breakers: dict[str, str] = {}
    breaker_figures: dict[str, BreakerFigures] = {}
    budget: BudgetView = msgspec.field(default_factory=BudgetView)
    recoveries: list[RecoveryView] = []
    strategies: dict[str, StrategyView] = {}
    recent: list[RecentLine] = []
    buckets: list[Bucket] = []
    totals: Totals = msgspec.field(default_factory=Totals)
    settings_changed_at: float = 0.0
    errors_by_kind: dict[str, int] = {}
    errors: list[ErrorView] = []
    causes: list[CauseView] = []
    alerts: dict[str, AlertView] = {}
    pool: PoolStatistics | None = None
    queue: QueueReading | None = None
    cache: list[CacheReading] = []
    performance: PerformanceView = msgspec.field(default_factory=PerformanceView)
    stages: list[RequestStages] = []
    """Of the last STAGES_KEPT requests that ran a turn and have ended, the newest last."""
    turns_of: dict[str, RequestStages] = {}
    """Of requests under way that have run a turn."""
    profiler: ProfilerView = msgspec.field(default_factory=ProfilerView)
    quotas: dict[str, QuotaView] = {}


encode_state = msgspec.json.Encoder().encode
decode_state = msgspec.json.Decoder(State).decode
