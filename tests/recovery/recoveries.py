"""An orchestrator on virtual time, with strategies that do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.base.errors import ErrorClass, ErrorKind, QuarterdeckError, TurnFailed
from engine.dispatch.next_step import GiveUp, Recover, RequestState, Retry, next_step
from engine.events.bus import Bus
from engine.events.types import EventEnvelope, RecoveryEnded, RecoveryStarted
from engine.pool.intensity import IntensityLimits
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.orchestrator import Orchestrator, RecoveryLimits
from engine.recovery.retry.budget import Budget
from engine.recovery.retry.policy import RetryPolicy
from engine.recovery.run import RecoveryCase
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult
from engine.recovery.strategies.registry import Strategies

WELL = RecoveryResult(True, "done")
ILL = RecoveryResult(False, "it did not work")
Work = Callable[[], Awaitable[RecoveryResult]]


class LoopClock:
    """The virtual loop's time."""

    paused = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self.monotonic()


_ANY_ATTEMPTS = RetryPolicy(max_attempts=1_000_000)


class Scripted:
    """A strategy that takes `seconds` and ends as `results` say, the last one again and again."""

    def __init__(self, name: str, target_kind: TargetKind, *results: RecoveryResult, seconds: float = 1.0) -> None:
        self.name, self.target_kind, self.estimated_time = name, target_kind, seconds
        self.runs: list[tuple[float, Failure]] = []
        self._results = results or (WELL,)

    def can_recover(self, failure: Failure) -> bool:
        return bool(failure.session)

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        assert ports is not None
        self.runs.append((asyncio.get_running_loop().time(), failure))
        await pass_time(self.estimated_time)
        return self._results[min(len(self.runs), len(self._results)) - 1]


class OrchestratorFixture:
    """The orchestrator over scripted strategies that stand in for resume_conversation, restart_process and others."""

    def __init__(self, *scripted: Scripted, starts: int = 5, observe: bool = False, budget: int = 500) -> None:
        clock = LoopClock()
        self.clock = clock
        self.bus = Bus(clock)
        self.events: list[RecoveryStarted | RecoveryEnded] = []
        self.bus.listen(self._hear)
        self.strategies = Strategies({}, lambda: 0.0)
        self.strategies.by_name.update({each.name: each for each in scripted})
        self.budget = Budget(budget)
        limits = RecoveryLimits(observe, IntensityLimits(starts, 60.0, 60.0, 60.0))
        ports: RecoveryPorts = object()  # type: ignore[assignment]  # scripted strategies act on nothing
        self.orchestrator = Orchestrator(ports, self.strategies, lambda: limits, self.budget, self.bus, clock)

    @property
    def ended(self) -> list[RecoveryEnded]:
        return [event for event in self.events if isinstance(event, RecoveryEnded)]

    def failure(
        self, name: str = "a", *, session: str = "s0001", word: str = "session", began: float = -1.0
    ) -> Failure:
        now = self.clock.monotonic()
        return Failure(
            id=f"{name}.1",
            error=failure(word),
            request=name,
            session=session,
            conversation="c1",
            tenant="default",
            profile="default",
            credential="credential:default",
            began=now if began < 0 else began,
            seen=now,
        )

    async def fail(self, case: RecoveryCase, failure: Failure) -> str:
        """What the dispatcher does after a failed attempt; why no other may follow, or nothing."""
        state = RequestState(attempt=1, left=float("inf"), escalation=case.state)
        retryable = replace(failure, error=failure.error and failure.error.changed(retryable=True))
        step = next_step(retryable, state, _ANY_ATTEMPTS, self.orchestrator.options(failure), lambda low, _high: low)
        self.orchestrator.closed(case, worked=False)
        assert isinstance(step, Retry | Recover | GiveUp)
        case.state = step.escalation
        if isinstance(step, GiveUp):
            self.orchestrator.begin(step.strategy, failure)
            return step.reason
        if isinstance(step, Recover):
            self.orchestrator.begin(step.strategy, failure, case)
        return await self.orchestrator.recovered(failure, case)

    def _hear(self, stamped: EventEnvelope) -> None:
        if isinstance(stamped.event, RecoveryStarted | RecoveryEnded):
            self.events.append(stamped.event)


async def pass_time(seconds: float) -> None:
    """On virtual time: nobody waits."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        await asyncio.sleep(left)


def failure(word: str, kind: ErrorKind = ErrorKind.PROCESS, category: str = "crash") -> QuarterdeckError:
    """An error whose class asks for the strategy of that word."""
    error = TurnFailed("it failed", kind=kind)
    error.verdict = ErrorClass("rule", category, "high", word)
    return error
