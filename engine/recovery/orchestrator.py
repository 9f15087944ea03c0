"""Recovery: picks a strategy by the class of a failure, runs it once for all who wait, watches whether it helped."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from engine.base.clock import Clock
from engine.base.errors import BadInput, ErrorKind, NotFound, QuarterdeckError
from engine.base.nursery import Nursery
from engine.base.plugins import nearest
from engine.base.text import one_line
from engine.events.bus import Bus
from engine.events.types import Notice, RecoveryEnded, RecoveryStarted, Severity
from engine.pool.intensity import Intensity, IntensityLimits
from engine.recovery.escalation import ESCALATION, FAIL_FAST, PLAIN_RETRY, escalate, strategy_for
from engine.recovery.failure import Failure, TargetKind, target_of
from engine.recovery.retry.budget import Budget
from engine.recovery.run import Key, RecoveryCase, RecoveryRun
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult, RecoveryStrategy
from engine.recovery.strategies.registry import Strategies
from engine.settings.schema import Settings

WATCH_S = 30.0
"""An attempt that still runs so long after its recovery shows that it helped."""
STALE_S = 30.0
"""Age in seconds at which what was seen is no more reason to act."""
TARGETS_KEPT = 1000
"""Targets whose last recovery and number of starts are remembered, those used last."""
_SLACK = 10.0
_LEAST_S = 30.0
"""A run may take so many times its estimate, and so long at least."""
_REPLACE = "Correct the strategy, or name another in `recovery.strategies`."
_STOPPING = RecoveryResult(False, "the engine stops")


@dataclass(frozen=True, slots=True)
class RecoveryLimits:
    """`starts` bounds the runs at one target; `observe` only tells what would be done."""

    observe: bool = False
    starts: IntensityLimits = field(default_factory=lambda: IntensityLimits(5, 60.0, 60.0))


def _none_able(_name: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """What recovery could do about a failure: the strategy of its class, and whether one of a name is able to act.

    With `observe` nothing is done; it is only published what would be.
    """

    first: str = PLAIN_RETRY
    able: Callable[[str], bool] = _none_able
    observe: bool = False


@dataclass(slots=True)
class _Record:
    """What is remembered of a target: recent starts, the end of the last run that helped, what was reported of it."""

    starts: Intensity = field(default_factory=Intensity)
    helped_at: float = float("-inf")
    told_until: float = float("-inf")


class Orchestrator:
    """Owner of the recoveries under way; used on the engine's thread only."""

    def __init__(
        self,
        ports: RecoveryPorts,
        strategies: Strategies,
        limits: Callable[[], RecoveryLimits],
        budget: Budget,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._ports = ports
        self._limits = limits
        self._budget = budget
        self._bus = bus
        self._clock = clock
        self._runs = Nursery("recovery", self._on_error)
        self._closed = False
        self._under_way: dict[Key, RecoveryRun] = {}
        self._records: OrderedDict[Key, _Record] = OrderedDict()
        self._number = 0
        self.strategies = strategies

    # the way of a failed request

    def options(self, failure: Failure) -> RecoveryOptions:
        """What could be done about a failure; nothing is begun."""
        first = strategy_for(failure, self.strategies.by_class)
        return RecoveryOptions(first, lambda name: self._able(name, failure), self._limits().observe)

    def begin(self, name: str, failure: Failure, case: RecoveryCase | None = None) -> RecoveryRun | None:
        """Run a strategy, or join the run that is under way; `case` waits for it.

        None when there is nothing to run, when what was seen is out of date, or when it was tried too often lately.
        """
        if name in {PLAIN_RETRY, FAIL_FAST}:
            return None
        strategy = self._known(name)
        key = (name, target_of(strategy.target_kind, failure))
        recovery = self._under_way.get(key)
        if recovery is not None and recovery.done.done() and failure.began >= recovery.finished_at:
            self._end(recovery, ok=False, reason=f"it failed again: {failure.reason}")
            recovery = None
        if recovery is None:
            recovery = self._start_automatic(strategy, key, failure, case)
        if recovery is not None and case is not None:
            recovery.waiters += 1
            recovery.joined += 1
            case.run = recovery
        return recovery

    async def recovered(self, failure: Failure, case: RecoveryCase) -> str:
        """Wait for the case's run, and escalate where it failed; why no attempt may follow, or nothing."""
        while (recovery := case.run) is not None:
            result = await asyncio.shield(recovery.done)
            if result.ok or recovery.observed:
                return ""
            case.run = None
            case.state = escalate(case.state, f"{recovery.strategy} failed: {result.reason}")
            self.begin(case.state.level, failure, case)
        return case.state.why

    def closed(self, case: RecoveryCase, *, worked: bool | None) -> None:
        """The case's attempt after its recovery ended: this shows whether it helped. None: the request left."""
        recovery, case.run = case.run, None
        if recovery is None or recovery.over:
            return
        recovery.waiters -= 1
        if not recovery.done.done() or (not worked and recovery.waiters):
            return
        if worked is False:
            self._end(recovery, ok=False, reason="the request failed again")
        else:
            result = recovery.done.result()
            self._end(recovery, ok=result.ok, reason=result.reason)

    def _able(self, name: str, failure: Failure) -> bool:
        """Whether a strategy can act on a failure; one that raises cannot."""
        try:
            return self._known(name).can_recover(failure)
        except Exception as error:  # noqa: BLE001 - a strategy may be a plugin's
            text = f"the recovery strategy {name} raised in `can_recover`: {error!r}"
            self._bus.publish(Notice(severity=Severity.WARNING, text=text, remedy=_REPLACE))
            return False

    # by hand, and for a breaker

    async def execute(self, name: str, target: Failure) -> RecoveryEnded:
        """Run a strategy by hand, whatever was tried before. Raises NotFound, BadInput."""
        strategy = self.checked(name, target)
        key = (name, target_of(strategy.target_kind, target))
        recovery = self._under_way.get(key)
        if recovery is None or recovery.done.done():
            if recovery is not None:
                self._end(recovery, ok=True, reason=recovery.done.result().reason)
            recovery = self._start(strategy, key, target)
        recovery.joined += 1
        result = await asyncio.shield(recovery.done)
        return self._ended_event(recovery, ok=result.ok, reason=result.reason)

    async def aclose(self) -> None:
        """End the runs under way; who waits for one learns that it failed. No other one begins by itself."""
        self._closed = True
        await self._runs.aclose()
        for recovery in list(self._under_way.values()):
            if not recovery.done.done():
                self._finished(recovery, _STOPPING)  # it was cancelled before its first next_level
            result = recovery.done.result()
            self._end(recovery, ok=result.ok, reason=result.reason)

    def validate(self) -> None:
        """Raises AssertionError where the state contradicts itself; for tests."""
        for key, recovery in self._under_way.items():
            assert recovery.key == key, "a run is kept under another's key"  # noqa: S101
            assert not recovery.over, "a run that is over is under way"  # noqa: S101
            assert 0 <= recovery.waiters <= recovery.joined, "more left than came"  # noqa: S101
        assert 0 <= self._budget.tokens <= self._budget.size, "the budget was overdrawn"  # noqa: S101
        assert len(self._records) <= TARGETS_KEPT, "too many targets are remembered"  # noqa: S101

    # runs

    def _start_automatic(
        self, strategy: RecoveryStrategy, key: Key, failure: Failure, case: RecoveryCase | None
    ) -> RecoveryRun | None:
        now, limits = self._now(), self._limits()
        record = self._record(key)
        if failure.began < record.helped_at or now - failure.seen > STALE_S:
            return None  # what was seen is from before the last recovery: trying again is enough
        if self._closed:
            return None
        if limits.observe:
            return self._observe(strategy, key, failure)
        held = record.starts.held(now) or record.starts.crashed(now, limits.starts)
        cost = None if held else self._budget.take(ErrorKind.PROCESS)
        if cost is not None:
            return self._start(strategy, key, failure, cost)
        spent = f"it was tried {limits.starts.crashes} times within {limits.starts.period:.0f} s"
        self._refuse(strategy, key, failure, spent if held else "the retry budget is spent: too many calls fail", case)
        return None

    def _start(self, strategy: RecoveryStrategy, key: Key, failure: Failure, cost: int = 0) -> RecoveryRun:
        recovery = self._made(key, failure, cost=cost)
        self._under_way[key] = recovery
        self._publish_start(recovery, strategy.estimated_time)
        self._runs.spawn(self._run(strategy, recovery), f"{key[0]} {key[1]}")
        return recovery

    def _observe(self, strategy: RecoveryStrategy, key: Key, failure: Failure) -> RecoveryRun:
        recovery = self._made(key, failure, observed=True)
        result = RecoveryResult(True, f"observed: {key[0]} would be run at {key[1]}")
        recovery.done.set_result(result)
        self._publish_start(recovery, strategy.estimated_time)
        self._end(recovery, ok=True, reason=result.reason)
        return recovery

    def _refuse(
        self, strategy: RecoveryStrategy, key: Key, failure: Failure, why: str, case: RecoveryCase | None
    ) -> None:
        """It was tried too often lately: reported once a period; a strategy with a next level gives the request up."""
        if case is not None and key[0] in ESCALATION:
            case.state = replace(case.state, why=f"{key[0]} is not run again: {why}")
        record, now = self._record(key), self._now()
        if now < record.told_until:
            return
        record.told_until = now + self._limits().starts.period
        refused = self._made(key, failure)
        refused.done.set_result(RecoveryResult(False, why))
        self._publish_start(refused, strategy.estimated_time)
        self._bus.publish(self._ended_event(refused, ok=False, reason=why, gave_up=True))

    async def _run(self, strategy: RecoveryStrategy, recovery: RecoveryRun) -> None:
        result, limit = _STOPPING, max(_LEAST_S, strategy.estimated_time * _SLACK)
        try:
            async with asyncio.timeout(limit):
                result = await strategy.execute(recovery.failure, self._ports)
        except TimeoutError:
            result = RecoveryResult(False, f"it took over {limit:g} s")
        except QuarterdeckError as error:
            result = RecoveryResult(False, one_line(error.message))
        except Exception as error:  # noqa: BLE001 - the worker's border: a strategy may be anybody's
            result = RecoveryResult(False, f"the strategy failed: {error!r}")
        finally:
            self._finished(recovery, result)

    def _finished(self, recovery: RecoveryRun, result: RecoveryResult) -> None:
        recovery.finished_at = self._now()
        recovery.done.set_result(result)
        if not result.ok or recovery.waiters == 0:
            self._end(recovery, ok=result.ok, reason=result.reason)
        else:
            loop = asyncio.get_running_loop()
            recovery.timer = loop.call_later(WATCH_S, lambda: self._end(recovery, ok=True, reason=result.reason))

    def _end(self, recovery: RecoveryRun, *, ok: bool, reason: str) -> None:
        if recovery.over:
            return
        recovery.over = True
        recovery.ended_at = self._now() if recovery.joined else recovery.finished_at
        if recovery.timer is not None:
            recovery.timer.cancel()
        if self._under_way.get(recovery.key) is recovery:
            del self._under_way[recovery.key]
        if ok and not recovery.observed:
            self._record(recovery.key).helped_at = recovery.finished_at
            if recovery.cost:
                self._budget.worked(recovery.cost)
        gave_up = not ok and ESCALATION.get(recovery.strategy) == FAIL_FAST
        self._bus.publish(self._ended_event(recovery, ok=ok, reason=reason, gave_up=gave_up))

    # small things

    def _made(self, key: Key, failure: Failure, *, observed: bool = False, cost: int = 0) -> RecoveryRun:
        self._number += 1
        done: asyncio.Future[RecoveryResult] = asyncio.get_running_loop().create_future()
        now = self._now()
        return RecoveryRun(f"v{self._number:04d}", key, failure, now, done, observed, cost, finished_at=now)

    def _publish_start(self, recovery: RecoveryRun, estimated_time: float) -> None:
        self._bus.publish(
            RecoveryStarted(
                recovery=recovery.id,
                strategy=recovery.key[0],
                target=recovery.key[1],
                error=recovery.failure.id,
                reason=recovery.failure.reason,
                estimated=estimated_time,
                observed=recovery.observed,
                by=recovery.failure.by,
            )
        )

    def _ended_event(self, recovery: RecoveryRun, *, ok: bool, reason: str, gave_up: bool = False) -> RecoveryEnded:
        return RecoveryEnded(
            recovery=recovery.id,
            strategy=recovery.key[0],
            target=recovery.key[1],
            ok=ok,
            reason=one_line(reason),
            took=round(max(0.0, (recovery.ended_at or recovery.finished_at) - recovery.began), 6),
            gave_up=gave_up,
            waiters=recovery.joined,
            observed=recovery.observed,
        )

    def _record(self, key: Key) -> _Record:
        record = self._records.setdefault(key, _Record())
        self._records.move_to_end(key)
        if len(self._records) > TARGETS_KEPT:
            self._records.popitem(last=False)
        return record

    def _known(self, name: str) -> RecoveryStrategy:
        return self.strategies.by_name[name]

    def checked(self, name: str, target: Failure) -> RecoveryStrategy:
        """The strategy of that name, which can do something about the target. Raises NotFound, BadInput."""
        known: Mapping[str, RecoveryStrategy] = self.strategies.by_name
        strategy = known.get(name)
        if strategy is None:
            sentence = f"There is no recovery strategy {name!r}{nearest(name, known)}."
            raise NotFound(sentence, field="strategy", remedy=f"Known ones: {', '.join(known)}.")
        if name != FAIL_FAST and (strategy.target_kind is not TargetKind.ENGINE) and not strategy.can_recover(target):
            takes = {
                TargetKind.SESSION: "session:ID or profile:NAME",
                TargetKind.CONVERSATION: "conversation:ID or session:ID",
            }
            remedy = f"It takes {takes.get(strategy.target_kind, 'credential:NAME')}."
            raise BadInput(f"{name} can do nothing about that target.", field="target", remedy=remedy)
        return strategy

    def _on_error(self, name: str, error: BaseException) -> None:
        self._bus.publish(Notice(severity=Severity.CRITICAL, text=f"{name} failed: {error!r}"))

    def _now(self) -> float:
        return self._clock.monotonic()


def recovery_limits(settings: Settings) -> RecoveryLimits:
    """How often a recovery may be tried."""
    recovery = settings.recovery
    starts = IntensityLimits(recovery.starts, recovery.period, recovery.period, recovery.period)
    return RecoveryLimits(recovery.observe, starts)
