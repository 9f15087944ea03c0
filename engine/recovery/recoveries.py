"""The recoveries as people and programs see them: what they achieved, and a run by hand."""

from __future__ import annotations

from typing import Any

from engine.base.clock import Clock
from engine.base.errors import QuarterdeckError
from engine.events.bus import Bus
from engine.events.state import StrategyView
from engine.events.types import Notice, RecoveryEnded, Severity
from engine.recovery.failure import TargetKind
from engine.recovery.orchestrator import Orchestrator
from engine.recovery.recovery_actions import RecoveryActions

Row = dict[str, Any]


class Recoveries:
    """The face of the orchestrator; what happened is read from the projection."""

    def __init__(self, orchestrator: Orchestrator, acts: RecoveryActions, bus: Bus, clock: Clock) -> None:
        self.orchestrator = orchestrator
        self._acts = acts
        self._bus = bus
        self._clock = clock

    def statistics(self) -> list[Row]:
        """One row a strategy: name, target kind, estimated time, and StrategyView without its durations."""
        done = self._bus.state.strategies
        return [
            {
                "strategy": name,
                "target_kind": TargetKind(strategy.target_kind).value,
                "estimated_time": strategy.estimated_time,
                **_figures(done.get(name, StrategyView())),
            }
            for name, strategy in self.orchestrator.strategies.by_name.items()
        ]

    @property
    def success_rate(self) -> float | None:
        """Recoveries that helped / recoveries; None before the first."""
        done = self._bus.state.strategies.values()
        runs = sum(each.runs for each in done)
        return sum(each.worked for each in done) / runs if runs else None

    async def execute(self, strategy: str, target: str, by: str) -> RecoveryEnded:
        """Run a strategy by hand and wait for its end. Raises NotFound, BadInput."""
        return await self.orchestrator.execute(strategy, self._acts.named(target, by, self._clock.monotonic()))

    def for_breaker(self, strategy: str, breaker: str) -> None:
        """A breaker opened: run what the settings state, within the bounds of every automatic recovery."""
        by = f"the breaker {breaker}"
        try:
            failure = self._acts.named(breaker, by, self._clock.monotonic())
            if self.orchestrator.checked(strategy, failure):
                self.orchestrator.begin(strategy, failure)
        except QuarterdeckError as error:
            text = f"{strategy} was not run for {by}: {error.message}"
            remedy = "Set another `circuit_breaker.recovery`, or none."
            self._bus.publish(Notice(severity=Severity.WARNING, text=text, remedy=remedy))

    async def aclose(self) -> None:
        """End the runs under way."""
        await self.orchestrator.aclose()


def _figures(view: StrategyView) -> Row:
    return {
        "runs": view.runs,
        "worked": view.worked,
        "gave_up": view.gave_up,
        "observed": view.observed,
        "success_rate": round(view.success_rate, 4),
        "mean": round(view.mean, 4),
        "p95": round(view.p95, 4),
    }
