"""One breaker of a running engine, as the library shows it."""

from __future__ import annotations

from dataclasses import replace

from engine.engine import Engine
from engine.events.types import RecoveryEnded
from engine.library.checks import at_least, share
from engine.library.types import CircuitMetrics, CircuitThresholds


class CircuitBreaker:
    """Reads and changes one breaker by name; used on the engine's thread."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name
        engine.breakers.get(name)  # raises NotFound

    @property
    def state(self) -> str:
        """closed, open, half_open, forced_open or disabled."""
        return self._engine.breakers.get(self.name).state.value

    @property
    def metrics(self) -> CircuitMetrics:
        """The calls of its window."""
        found = self._engine.breakers.get(self.name).metrics(self._engine.clock.monotonic())
        return CircuitMetrics(
            total_calls=found.calls,
            success_calls=found.calls - found.failures,
            failure_calls=found.failures,
            slow_calls=found.slow,
            last_failure=found.last_failure,
            window_start=found.window_start,
        )

    @property
    def thresholds(self) -> CircuitThresholds:
        """When it opens, as it stands."""
        limits = self._engine.breakers.get(self.name).limits
        return CircuitThresholds(
            failure_rate=limits.failure_rate,
            slow_call_rate=limits.slow_rate,
            min_calls=limits.minimum_calls,
            sliding_window=limits.window,
            half_open_max_calls=limits.half_open_max_calls,
        )

    def set_thresholds(self, thresholds: CircuitThresholds) -> None:
        """Replace this breaker's thresholds live, whatever the settings state for all."""
        breakers = self._engine.breakers
        limits = replace(
            breakers.get(self.name).limits,
            failure_rate=thresholds.failure_rate,
            slow_rate=thresholds.slow_call_rate,
            minimum_calls=thresholds.min_calls,
            window=thresholds.sliding_window,
            half_open_max_calls=thresholds.half_open_max_calls,
        )
        breakers.set_limits(self.name, limits)

    def adjust_thresholds(self, load: float) -> CircuitThresholds:
        """The thresholds under a load from 0 to 1: failure_rate · (1 - load / 2), until the next reading."""
        share("load", load)
        self._engine.breakers.get(self.name).load = load
        thresholds = self.thresholds
        return replace(thresholds, failure_rate=thresholds.failure_rate * (1 - load / 2))

    def handle_partial_failure(self, success: int, failure: int) -> None:
        """Count a call of several parts, of which so many succeeded and failed. Raises BadInput."""
        at_least("success", success, 0)
        at_least("failure", failure, 0)
        self._engine.breakers.partial(self.name, success, failure, "parts of a call failed")

    async def execute_recovery(self, strategy: str, by: str = "library") -> RecoveryEnded:
        """Run a recovery strategy for what this breaker guards, and wait for its end. Raises NotFound, BadInput."""
        return await self._engine.recoveries.execute(strategy, self.name, by)
