"""How often and how soon an attempt may be repeated, as the settings state it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.base.errors import ErrorKind
from engine.recovery.retry.backoff import Backoff
from engine.recovery.retry.curves import Curve, Jitter
from engine.settings.schema import RetryByType, RetryOfType, Settings


@dataclass(frozen=True, slots=True)
class TypePolicy:
    """The policy of one type of error: attempts in all, and the delays between them."""

    max_attempts: int
    backoff: Backoff


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` in all, or what `attempts` says for the type of the error.

    `breaker_wait` is the longest wait in seconds for an open breaker, which is no attempt; `park_max` that for a limit
    to reset, after which requests wake within `wake_spread` seconds.
    """

    max_attempts: int = 3
    attempts: Mapping[ErrorKind, int] = field(default_factory=dict)
    backoff: Backoff = field(default_factory=Backoff)
    breaker_wait: float = 0.0
    park_max: float = 0.0
    wake_spread: float = 5.0
    by_type: Mapping[ErrorKind, TypePolicy] = field(default_factory=dict)
    """Policies of types of errors, which come before everything else."""

    def most(self, kind: ErrorKind) -> int:
        """Attempts for this type of error."""
        own = self.by_type.get(kind)
        return own.max_attempts if own is not None else self.attempts.get(kind, self.max_attempts)

    def backoff_of(self, kind: ErrorKind) -> Backoff:
        """Delays for this type of error."""
        own = self.by_type.get(kind)
        return own.backoff if own is not None else self.backoff


def retry_policy(settings: Settings) -> RetryPolicy:
    """How often and how soon an error of each kind is tried again."""
    retry = settings.retry
    given = retry.attempts.model_dump()
    attempts = {ErrorKind(name): most for name, most in given.items() if most is not None}
    backoff = Backoff(retry.base_delay, retry.max_delay, Curve(retry.backoff), Jitter(retry.jitter))
    recovery = settings.recovery
    policy = RetryPolicy(
        retry.max_attempts, attempts, backoff, retry.breaker_wait, recovery.park_max, recovery.wake_spread
    )
    return replace(policy, by_type=_types(retry.by_type, policy))


def _types(by_type: RetryByType, policy: RetryPolicy) -> dict[ErrorKind, TypePolicy]:
    """The policies of the types of which the settings state anything; the rest of each is as for all types."""
    given = {kind: getattr(by_type, kind.value) for kind in ErrorKind}
    return {kind: _type_policy(own, kind, policy) for kind, own in given.items() if own != RetryOfType()}


def _type_policy(own: RetryOfType, kind: ErrorKind, policy: RetryPolicy) -> TypePolicy:
    backoff = policy.backoff
    return TypePolicy(
        policy.most(kind) if own.max_attempts is None else own.max_attempts,
        Backoff(
            backoff.base if own.base_delay is None else own.base_delay,
            backoff.cap if own.max_delay is None else own.max_delay,
            backoff.growth if own.backoff_strategy is None else Curve(own.backoff_strategy),
            backoff.jitter if own.jitter is None else Jitter(own.jitter),
        ),
    )
