"""How long to wait before the next attempt: four ways to grow, four ways to spread. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.recovery.retry.curves import Curve, Jitter

Uniform = Callable[[float, float], float]
"""A random number between two."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds between `base` and `cap`."""

    base: float = 0.5
    cap: float = 30.0
    growth: Curve = Curve.EXPONENTIAL
    jitter: Jitter = Jitter.FULL


def delay_before(
    backoff: Backoff, attempt: int, uniform: Uniform, *, last: float = 0.0, load: float = 0.0, failing: float = 0.0
) -> float:
    """Seconds before attempt `attempt + 1`, for the failed attempt number `attempt` (from 1).

    `last` is the delay before, for decorrelated jitter: U(base, 3 · last). `load` and `failing` are ratios from 0 to 1:
    every delay grows by (1 + load), the adaptive one also by (1 + failing).
    """
    ceiling = min(backoff.cap, _ceiling(backoff, attempt, failing) * (1 + load))
    match backoff.jitter:
        case Jitter.NONE:
            return ceiling
        case Jitter.EQUAL:
            return ceiling / 2 + uniform(0.0, ceiling / 2)
        case Jitter.FULL:
            return uniform(0.0, ceiling)
        case Jitter.DECORRELATED:
            return min(backoff.cap, uniform(backoff.base, max(backoff.base, 3 * last)) * (1 + load))


def _ceiling(backoff: Backoff, attempt: int, failing: float) -> float:
    match backoff.growth:
        case Curve.FIXED:
            return backoff.base
        case Curve.LINEAR:
            return backoff.base * attempt
        case Curve.EXPONENTIAL:
            return backoff.base * 2.0 ** min(attempt - 1, 60)
        case Curve.ADAPTIVE:
            return backoff.base * 2.0 ** min(attempt - 1, 60) * (1 + failing)
