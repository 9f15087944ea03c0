"""Settings of how requests are carried: the pool, the breaker, retry, recovery."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from engine.settings.fields import (
    BYTES,
    SECONDS,
    SHARE_OR_BYTES,
    ByClass,
    Duration,
    Group,
    Number,
    Place,
    RecoveryName,
    ScalingPolicyName,
    ShareOrSize,
    Size,
    Strategy,
    TripPolicyName,
    Whole,
    in_order,
    setting,
)

DAY = 86_400.0


class AutoScaling(Group):
    """When the pool grows and shrinks by itself."""

    enabled: bool = setting(True, "Whether the pool follows the load between its minimum and its maximum.")
    policy: ScalingPolicyName = setting("utilisation", "What recommends a size for the load; the rest here bounds it.")
    scale_up_threshold: Number = setting(0.8, "Utilisation above which a session is added.", unit="ratio", ge=0, le=1)
    scale_down_threshold: Number = setting(
        0.3, "Utilisation below which an idle session is given back.", unit="ratio", ge=0, le=1
    )
    target_cpu: Number = setting(
        0.95, "CPU of the machine above which the pool does not grow.", unit="ratio", ge=0.01, le=1
    )
    target_memory: ShareOrSize = setting(
        0.9,
        "Memory above which the pool does not grow: a share of the machine's, or bytes of all sessions together.",
        unit=SHARE_OR_BYTES,
        ge=0.01,
        le=1024**5,
    )
    cooldown: Duration = setting(
        30.0, "Time after a change of size before the pool shrinks.", unit=SECONDS, ge=0, le=DAY
    )
    window: Duration = setting(120.0, "Time whose highest demand the pool keeps ready.", unit=SECONDS, ge=0, le=DAY)
    step_up: Whole = setting(8, "Sessions added by one decision at most.", unit="sessions", ge=1, le=10_000)
    step_down: Whole = setting(2, "Sessions given back by one decision at most.", unit="sessions", ge=1, le=10_000)

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        return in_order(self, "scale_down_threshold", "scale_up_threshold", equal=False)


class LoadBalancing(Group):
    """How a session is chosen among those that could take the request."""

    strategy: Strategy = setting("weighted_round_robin", "How a request is placed on one of the idle sessions.")
    health_check_interval: Duration = setting(
        30.0, "Time between two health checks of a session.", unit=SECONDS, ge=0.1, le=3600
    )


class SessionLimits(Group):
    """What one session may take, and what the machine must keep. 0 is no limit."""

    memory_soft: Size = setting(
        1024**3, "Memory of a session and all its tools (PSS) above which it is replaced.", unit=BYTES, ge=0, le=1024**5
    )
    memory_hard: Size = setting(
        2 * 1024**3,
        "Memory of a session and all its tools (PSS) above which its turn is stopped.",
        unit=BYTES,
        ge=0,
        le=1024**5,
    )
    cpu_soft: Number = setting(
        0.0, "CPU above which a session is replaced at its turn's end.", unit="percent of a core", ge=0, le=100_000
    )
    cpu_hard: Number = setting(
        0.0, "CPU above which a session is stopped in its turn.", unit="percent of a core", ge=0, le=100_000
    )
    cpu_for: Duration = setting(60.0, "Time that CPU must stay above a limit.", unit=SECONDS, ge=1, le=DAY)
    memory_slope: Size = setting(
        32 * 1024**2, "Growth a minute of an idle session's memory that gets it replaced.", unit=BYTES, ge=0, le=1024**4
    )
    session_memory: Size = setting(
        120 * 1024**2, "Memory taken for a session before one was measured.", unit=BYTES, ge=1024, le=1024**5
    )
    memory_floor: Size = setting(512 * 1024**2, "Memory of the machine that stays free.", unit=BYTES, ge=0, le=1024**5)
    disk_floor: Size = setting(
        512 * 1024**2, "Disk below which no work is taken: a full disk loses transcripts.", unit=BYTES, ge=0, le=1024**5
    )
    transcript_max: Size = setting(
        1024**3, "Size of a transcript at which its session is replaced.", unit=BYTES, ge=0, le=1024**5
    )
    output_max: Size = setting(
        1024**3,
        "Output of a conversation's tools at which its session is replaced; at twice as much its turn is ended.",
        unit=BYTES,
        ge=0,
        le=1024**5,
    )

    @model_validator(mode="after")
    def _levels_in_order(self) -> Self:
        if self.memory_soft and self.memory_hard:
            in_order(self, "memory_soft", "memory_hard")
        if self.cpu_soft and self.cpu_hard:
            in_order(self, "cpu_soft", "cpu_hard")
        return self


class SessionPool(Group):
    """How many sessions are kept, and the clocks they live by."""

    min_size: Whole = setting(2, "Sessions kept ready when there is nothing to do.", unit="sessions", ge=0, le=10_000)
    max_size: Whole = setting(10, "Sessions that may exist at once.", unit="sessions", ge=1, le=10_000)
    max_starting: Whole = setting(
        2, "Starts that may run at once; near the number of cores is best.", unit="sessions", ge=1, le=256
    )
    max_waking: Whole = setting(
        2, "Conversations that may be woken at once, within the starts.", unit="sessions", ge=1, le=256
    )
    wake_spares: Whole = setting(
        1,
        "Parked processes kept for each profile with sleeping conversations; a wake takes half as long with one, and 0 "
        "keeps none.",
        unit="sessions",
        ge=0,
        le=16,
    )
    warm: Whole = setting(
        0, "Never used sessions of the default profile kept beside the others.", unit="sessions", ge=0, le=1000
    )
    warm_jitter: Duration = setting(
        1.0, "Longest random delay before a used warm session is replaced.", unit=SECONDS, ge=0, le=3600
    )
    auto_scaling: AutoScaling = Field(default_factory=AutoScaling)
    limits: SessionLimits = Field(default_factory=SessionLimits)
    load_balancing: LoadBalancing = Field(default_factory=LoadBalancing)
    acquire_timeout: Duration = setting(30.0, "Longest wait of a request for a session.", unit=SECONDS, ge=0.01, le=DAY)
    start_timeout: Duration = setting(30.0, "Longest start of a session.", unit=SECONDS, ge=0.1, le=3600)
    first_byte_timeout: Duration = setting(
        120.0, "Longest silence between a prompt and its first line.", unit=SECONDS, ge=0.1, le=DAY
    )
    inactivity_timeout: Duration = setting(
        300.0, "Longest silence in the middle of a turn.", unit=SECONDS, ge=0.1, le=DAY
    )
    turn_timeout: Duration = setting(1800.0, "Longest turn.", unit=SECONDS, ge=0.1, le=7 * DAY)
    idle_timeout: Duration = setting(
        600.0,
        "Idle time after which a session above the minimum is given back and its conversation hibernates.",
        unit=SECONDS,
        ge=0.1,
        le=7 * DAY,
    )
    page_out_after: Duration = setting(
        60.0,
        "Idle time after which a session's memory is given to swap, where there is swap and memory is short; 0 never.",
        unit=SECONDS,
        ge=0,
        le=7 * DAY,
    )
    page_out_above: float = setting(
        0.7, "Share of the machine's memory in use above which idle sessions are paged out.", unit="share", ge=0, le=1
    )
    background_timeout: Duration = setting(
        1800.0,
        "Time after the last request in which background tasks, and turns that the agent began by itself, may keep "
        "their process; then they are stopped.",
        unit=SECONDS,
        ge=0.1,
        le=7 * DAY,
    )
    max_lifetime: Duration = setting(
        14_400.0, "Age at which a session is replaced once idle.", unit=SECONDS, ge=1, le=30 * DAY
    )
    max_turns_per_session: Whole = setting(
        200, "Turns after which a session is replaced once idle.", unit="turns", ge=1, le=1_000_000
    )
    probe_timeout: Duration = setting(
        2.0, "Longest answer to a liveness probe before it counts as missed.", unit=SECONDS, ge=0.05, le=60
    )

    health_observe: bool = setting(False, "Only report what health checks and limits find, and act on nothing.")
    crashes_borne: Whole = setting(
        10, "Crashes of a profile's sessions in a period before its starts are held.", unit="crashes", ge=1, le=10_000
    )
    crash_period: Duration = setting(60.0, "The period that crashes are counted in.", unit=SECONDS, ge=1, le=DAY)
    crash_hold: Duration = setting(
        2.0, "Time that starts are held at first; it doubles each time.", unit=SECONDS, ge=0.1, le=3600
    )

    @model_validator(mode="after")
    def _sizes_in_order(self) -> Self:
        return in_order(self, "min_size", "max_size")


class CircuitBreaker(Group):
    """When a failing credential, model, tool or session is left alone for a while."""

    policy: TripPolicyName = setting("rates", "What opens a closed breaker, by the calls that it has seen.")
    failure_threshold: Whole = setting(
        10, "Consecutive failures that open a breaker.", unit="failures", ge=1, le=10_000
    )
    timeout: Duration = setting(
        60.0, "Time an open breaker waits before it lets a call try.", unit=SECONDS, ge=0.1, le=DAY
    )
    half_open_max_calls: Whole = setting(3, "Calls that may try while half open.", unit="calls", ge=1, le=1000)
    failure_rate: Number = setting(
        0.5, "Share of failed calls in the window that opens a breaker; 1 never does.", unit="ratio", ge=0.01, le=1
    )
    slow_rate: Number = setting(
        0.8, "Share of slow calls in the window that opens a breaker; 1 never does.", unit="ratio", ge=0.01, le=1
    )
    slow_call: Duration = setting(
        60.0, "Time to the first sign of an answer that makes a call slow.", unit=SECONDS, ge=0.05, le=DAY
    )
    minimum_calls: Whole = setting(20, "Calls in the window before its rates count.", unit="calls", ge=1, le=1_000_000)
    window: Whole = setting(60, "The window of the rates.", unit="seconds", ge=1, le=3600, restart="engine")
    longest_timeout: Duration = setting(
        600.0, "Bound of the open time, which doubles with each opening in a row.", unit=SECONDS, ge=0.1, le=DAY
    )
    forget_after: Duration = setting(
        300.0, "Healthy time after which the open time starts again.", unit=SECONDS, ge=0, le=DAY
    )
    load_adjusted: bool = setting(True, "Whether a loaded pool opens its breakers at a lower failure rate.")
    recovery: RecoveryName | None = setting(None, "Recovery strategy that is run when a breaker opens; empty is none.")

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        return in_order(self, "timeout", "longest_timeout")


def _attempts(kind: str, default: int | None = None) -> Any:
    text = f"Attempts at a turn that failed by a {kind} error; empty is `retry.max_attempts`, 1 never tries again."
    return setting(default, text, unit="attempts", ge=1, le=100)


class RetryAttempts(Group):
    """Attempts by type of error."""

    network: Whole | None = _attempts("network")
    process: Whole | None = _attempts("process")
    auth: Whole | None = _attempts("auth", 1)
    resource: Whole | None = _attempts("resource")
    timeout: Whole | None = _attempts("timeout")
    validation: Whole | None = _attempts("validation", 1)
    internal: Whole | None = _attempts("internal")


Curves = Literal["exponential", "linear", "fixed", "adaptive"]
Jitters = Literal["full", "equal", "decorrelated", "none"]


class RetryOfType(Group):
    """The retry policy of one type of error, as far as it differs from `retry`."""

    max_attempts: Whole | None = setting(
        None, "Attempts, the first one counted; empty takes `retry.attempts`.", unit="attempts", ge=1, le=100
    )
    base_delay: Duration | None = setting(
        None, "Delay before the second attempt; empty takes `retry.base_delay`.", unit=SECONDS, ge=0, le=3600
    )
    max_delay: Duration | None = setting(
        None, "Longest delay between two attempts; empty takes `retry.max_delay`.", unit=SECONDS, ge=0, le=DAY
    )
    backoff_strategy: Curves | None = setting(None, "How delays grow; empty takes `retry.backoff`.")
    jitter: Jitters | None = setting(None, "How delays are spread; empty takes `retry.jitter`.")


class RetryByType(Group):
    """Retry policies by type of error."""

    network: RetryOfType = Field(default_factory=RetryOfType)
    process: RetryOfType = Field(default_factory=RetryOfType)
    auth: RetryOfType = Field(default_factory=RetryOfType)
    resource: RetryOfType = Field(default_factory=RetryOfType)
    timeout: RetryOfType = Field(default_factory=RetryOfType)
    validation: RetryOfType = Field(default_factory=RetryOfType)
    internal: RetryOfType = Field(default_factory=RetryOfType)


class Retry(Group):
    """How often and how soon a failed turn is tried again."""

    max_attempts: Whole = setting(6, "Attempts at a turn, the first one counted.", unit="attempts", ge=1, le=100)
    base_delay: Duration = setting(0.5, "Delay before the second attempt.", unit=SECONDS, ge=0, le=3600)
    max_delay: Duration = setting(30.0, "Longest delay between two attempts.", unit=SECONDS, ge=0, le=DAY)
    backoff: Curves = setting("exponential", "How delays grow; adaptive grows with the load and the failures lately.")
    jitter: Jitters = setting("full", "How delays are spread at random so that retries do not meet.")
    breaker_wait: Duration = setting(
        120.0, "Longest wait of a request for an open breaker to close; 0 refuses at once.", unit=SECONDS, ge=0, le=DAY
    )
    attempts: RetryAttempts = Field(default_factory=RetryAttempts)
    by_type: RetryByType = Field(default_factory=RetryByType)
    budget: Whole = setting(
        500,
        "Tokens for retries, respawns and probes together; a retry takes some, success gives back.",
        unit="tokens",
        ge=0,
        le=1_000_000,
    )

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        in_order(self, "base_delay", "max_delay")
        for name in RetryByType.model_fields:
            self._delays_of_type_in_order(name)
        return self

    def _delays_of_type_in_order(self, name: str) -> None:
        """What a type leaves empty is that of all types, and must fit beside what it sets."""
        own: RetryOfType = getattr(self.by_type, name)
        delays = {"base_delay": self.base_delay, "max_delay": self.max_delay}
        keys = {field: f"by_type.{name}.{field}" for field in delays if getattr(own, field) is not None}
        base, longest = (delays[field] if getattr(own, field) is None else getattr(own, field) for field in delays)
        if base > longest:
            found = {"low": keys.get("base_delay", "base_delay"), "high": keys.get("max_delay", "max_delay")}
            raise PydanticCustomError("conflict", "{low} is above {high}", {**found, "word": "above"})


class Recovery(Group):
    """How failures are judged, and what is done about them."""

    rules: Place | None = setting(
        None,
        "A TOML file of own rules for the classifier, beside the shipped ones; at most 256 KiB.",
        shown="the shipped rules",
        local_only=True,
    )
    observe: bool = setting(False, "Only tell what recovery would do, and do nothing by itself.")
    strategies: ByClass = setting(
        dict, "The recovery strategy of a class of errors, `type` or `type/category`.", shown="what the rules say"
    )
    starts: Whole = setting(5, "Recoveries of one target by one strategy in a period.", unit="runs", ge=1, le=10_000)
    period: Duration = setting(
        60.0, "The period that recoveries are counted in, and held for after too many.", unit=SECONDS, ge=1, le=DAY
    )
    credential_hold: Duration = setting(
        300.0, "Time after which a refused credential is tried again by one call; 0 never.", unit=SECONDS, ge=0, le=DAY
    )
    park_max: Duration = setting(
        0.0,
        "Longest wait of a request for a used-up limit to reset; 0 refuses at once.",
        unit=SECONDS,
        ge=0,
        le=7 * DAY,
    )
    wake_spread: Duration = setting(
        5.0, "Time within which parked requests wake at random once the limit was reset.", unit=SECONDS, ge=0, le=3600
    )
    ease_interval: Duration = setting(
        10.0, "Time after which a tenth of a lowered load is given back.", unit=SECONDS, ge=0.01, le=3600
    )
    resume_on_start: bool = setting(
        False, "Whether requests that the last shutdown broke off are run again when the engine starts."
    )
    checkpoint_expiry: Duration = setting(
        7 * DAY,
        "Age at which the checkpoint of such a request is deleted; 0 keeps all.",
        unit=SECONDS,
        ge=0,
        le=365 * DAY,
    )
