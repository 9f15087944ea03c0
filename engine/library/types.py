"""What the library's methods take and return: plain values in base units (seconds, bytes, percent of a core)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.base.errors import BadInput, ErrorKind
from engine.library.checks import at_least, one_of, share
from engine.recovery.retry.curves import Curve, Jitter
from engine.requests import PRIORITIES


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The pool as it is now; `memory_usage` in bytes and `cpu_usage` in percent of a core over all sessions."""

    size: int
    active_sessions: int
    idle_sessions: int
    memory_usage: int
    cpu_usage: float
    throughput_rps: float


@dataclass(frozen=True, slots=True)
class SessionMetrics:
    """One session; times in seconds since 1970, memory and CPU of its whole process tree."""

    session_id: str
    start_time: float
    last_used: float
    request_count: int
    memory_usage: int
    cpu_usage: float
    status: str


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """The class of an error; `retry_after` in seconds where the error states one, `priority` 1 is dealt with first."""

    type: str
    severity: str
    category: str
    description: str
    retryable: bool
    retry_after: float | None
    priority: int
    strategy: str
    confidence: float


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` in all, with delays from `base_delay` to `max_delay` seconds. Raises BadInput.

    `backoff_strategy` is fixed, linear, exponential or adaptive; `jitter` none, equal, full or decorrelated.
    `retryable_errors` are the types of errors that it applies to; empty for every type.
    """

    max_attempts: int = 3
    base_delay: float = 0.5
    max_delay: float = 30.0
    backoff_strategy: str = "exponential"
    jitter: str = "full"
    retryable_errors: Collection[ErrorKind | str] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        at_least("max_attempts", self.max_attempts, 1)
        at_least("base_delay", self.base_delay, 0.0)
        at_least("max_delay", self.max_delay, self.base_delay)
        one_of("backoff_strategy", self.backoff_strategy, Curve)
        one_of("jitter", self.jitter, Jitter)
        for kind in self.retryable_errors:
            one_of("retryable_errors", kind, ErrorKind)


@dataclass(frozen=True, slots=True)
class RetryStatistics:
    """Since the engine started: requests that ended, retries, mean attempts a request, and the budget's tokens."""

    requests: int
    answered: int
    failed: int
    retries: int
    mean_attempts: float
    budget_left: int
    budget_size: int


@dataclass(frozen=True, slots=True)
class CircuitMetrics:
    """Calls of a breaker's window; `last_failure` and `window_start` in seconds since 1970, 0 for never."""

    total_calls: int
    success_calls: int
    failure_calls: int
    slow_calls: int
    last_failure: float
    window_start: float


@dataclass(frozen=True, slots=True)
class CircuitThresholds:
    """When a breaker opens: rates from 0 to 1 over `sliding_window` seconds, after `min_calls`. Raises BadInput."""

    failure_rate: float
    slow_call_rate: float
    min_calls: int
    sliding_window: int
    half_open_max_calls: int

    def __post_init__(self) -> None:
        for name in ("failure_rate", "slow_call_rate"):
            share(name, getattr(self, name))
        for name in ("min_calls", "sliding_window", "half_open_max_calls"):
            at_least(name, getattr(self, name), 1)


@dataclass(frozen=True, slots=True)
class PriorityQueue:
    """A priority of the queue: its weight beside the others, how many may wait (0 as many as in the queue).

    `drop_strategy` is reject, drop_oldest, drop_lowest, codel, or queue: as the whole queue has it. What is None stays
    as it is. Raises BadInput.
    """

    priority: str
    max_size: int | None = None
    drop_strategy: str | None = None
    weight: float | None = None

    def __post_init__(self) -> None:
        if self.priority not in PRIORITIES:
            raise BadInput(
                f"There is no priority {self.priority!r}.", field="priority", remedy=f"Use {', '.join(PRIORITIES)}."
            )
        for name, least, most in (("max_size", 0, 1_000_000), ("weight", 0.01, 1000)):
            if (value := getattr(self, name)) is not None:
                at_least(name, value, least, most)


@dataclass(frozen=True, slots=True)
class ThroughputMetrics:
    """Requests a second that leave the queue, those that wait and run, and percentiles of the waits in seconds.

    `limit` is the lowest limit of concurrent requests, None without one; `dropped` counts since the start.
    """

    throughput_rps: float
    waiting: int
    running: int
    limit: int | None
    dropped: int
    wait_p50: float
    wait_p95: float
    wait_p99: float


@dataclass(frozen=True, slots=True)
class StrategyStatistics:
    """A recovery strategy: `estimated_time` in seconds and `success_rate` from 0 to 1, both from the runs seen so far.

    Before the first run `estimated_time` is the strategy's own estimate and `success_rate` None.
    """

    name: str
    runs: int
    estimated_time: float
    success_rate: float | None
