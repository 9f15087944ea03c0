"""The thresholds and times of a breaker, as the settings state them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Times in seconds, rates as ratios of the calls in the window; a rate of 1 and more never opens.

    With `load_adjusted`, fewer calls than `minimum_calls` at low load count, and the failure rate that opens falls
    with the load: threshold · (1 - load / 2).
    """

    failure_threshold: int = 5
    timeout: float = 60.0
    half_open_max_calls: int = 3
    failure_rate: float = 0.5
    slow_rate: float = 0.8
    slow_call: float = 120.0
    minimum_calls: int = 20
    window: int = 60
    longest_timeout: float = 600.0
    forget_after: float = 300.0
    load_adjusted: bool = True


def breaker_limits(settings: Settings) -> BreakerLimits:
    """When a breaker opens and closes."""
    return BreakerLimits(**settings.circuit_breaker.model_dump(exclude={"recovery", "policy"}))
