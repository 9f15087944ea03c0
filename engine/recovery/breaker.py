"""The circuit breaker, plain version: opens on consecutive failures, half-open permits are leased and numbered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """The three states of the field."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Consecutive failures to open, seconds to stay open, calls allowed when half open."""

    failure_threshold: int = 5
    timeout: float = 60.0
    half_open_max_calls: int = 3


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call; a vote from an earlier `generation` does not count."""

    generation: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The breaker is open for `retry_after` more seconds."""

    retry_after: float


class Breaker:
    """Owner of one breaker's state; `now` is a monotonic time in seconds."""

    def __init__(self, limits: BreakerLimits) -> None:
        self.limits = limits
        self.state = BreakerState.CLOSED
        self._generation = 0
        self._failures = 0
        self._opened_at = 0.0
        self._permits = 0
        self._permits_at = 0.0
        self._successes = 0

    def ask(self, now: float) -> Permit | Refusal:
        """Leave for a call, or a refusal that says how long to wait."""
        if self.state is BreakerState.OPEN:
            left = self._opened_at + self.limits.timeout - now
            if left > 0:
                return Refusal(left)
            self._move(BreakerState.HALF_OPEN)
        if self.state is BreakerState.HALF_OPEN:
            return self._ask_half_open(now)
        return Permit(self._generation)

    def succeeded(self, permit: Permit) -> None:
        """The call worked."""
        if permit.generation != self._generation:
            return
        self._failures = 0
        if self.state is BreakerState.HALF_OPEN:
            self._successes += 1
            if self._successes >= self.limits.half_open_max_calls:
                self._move(BreakerState.CLOSED)

    def failed(self, permit: Permit, now: float) -> None:
        """The call failed for a reason that the breaker guards against."""
        if permit.generation != self._generation:
            return
        self._failures += 1
        if self.state is BreakerState.HALF_OPEN or self._failures >= self.limits.failure_threshold:
            self._opened_at = now
            self._move(BreakerState.OPEN)

    def returned(self, permit: Permit) -> None:
        """The call ended without telling anything (cancelled, or failed for its own reasons)."""
        if permit.generation == self._generation and self.state is BreakerState.HALF_OPEN:
            self._permits = max(0, self._permits - 1)

    def _ask_half_open(self, now: float) -> Permit | Refusal:
        if self._permits >= self.limits.half_open_max_calls:
            left = self._permits_at + self.limits.timeout - now
            if left > 0:
                return Refusal(left)
            self._permits = 0  # permits that never reported expire, so the breaker cannot stick
        self._permits += 1
        self._permits_at = now
        return Permit(self._generation)

    def _move(self, state: BreakerState) -> None:
        self.state = state
        self._generation += 1
        self._failures = self._permits = self._successes = 0
