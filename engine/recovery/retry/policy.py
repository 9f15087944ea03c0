"""How often and how soon an attempt may be repeated, as the settings state it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.base.errors import ErrorKind
from engine.recovery.retry.backoff import Backoff
from engine.recovery.retry.curves import Curve, Jitter
from engine.settings.schema import Settings


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
    """Whole policies of types of errors, which come before everything else."""

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
    return RetryPolicy(
        retry.max_attempts, attempts, backoff, retry.breaker_wait, recovery.park_max, recovery.wake_spread
    )
