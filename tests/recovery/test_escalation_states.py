"""Recovery under every order of failures, ends, departures and times: it runs once, in bounds, ever further up."""

from __future__ import annotations

import asyncio
from collections import Counter

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.events.types import RecoveryEnded, RecoveryStarted
from engine.recovery.escalation import (
    CLEAN,
    ESCALATION,
    REDUCE_LOAD,
    RESTART,
    RESUME,
    TRIES,
    EscalationState,
    levels_from,
)
from engine.recovery.failure import Failure, TargetKind, target_of
from engine.recovery.run import RecoveryCase
from engine.recovery.strategies.base import RecoveryPorts, RecoveryResult
from tests.recovery.recoveries import OrchestratorFixture, Scripted, pass_time
from tests.support.virtual_time import VirtualLoop

STARTS, PERIOD_S = 2, 60.0
BY_HAND = "hand"
KINDS = {
    RESUME: TargetKind.CONVERSATION,
    RESTART: TargetKind.SESSION,
    CLEAN: TargetKind.ENGINE,
    REDUCE_LOAD: TargetKind.ENGINE,
}
NAMES = st.sampled_from("abcd")
SESSIONS = st.sampled_from(["s1", "s1", "s1", "s2", ""])
STICKY = {"a": "session", "b": "process"}
"""Requests that fail again and again for the same reason."""
WORDS = st.sampled_from(["session", "session", "process", "process", "resource", "reduce_load", "none"])


class Counted(Scripted):
    """A strategy that works, fails or raises as the test wants, and counts its runs at each target."""

    ending = "works"

    def __init__(self, name: str) -> None:
        super().__init__(name, KINDS[name], seconds=3.0)
        self.running: Counter[str] = Counter()
        self.most = 0

    async def execute(self, failure: Failure, ports: RecoveryPorts) -> RecoveryResult:
        target = target_of(self.target_kind, failure)
        self.runs.append((asyncio.get_running_loop().time(), failure))
        self.running[target] += 1
        self.most = max(self.most, self.running[target])
        try:
            await pass_time(self.estimated_time)
            if self.ending == "raises":
                raise LookupError("no such thing")
            return RecoveryResult(self.ending == "works", self.ending)
        finally:
            self.running[target] -= 1


class Recovering(RuleBasedStateMachine):
    """Four requests that fail and recover on a loop of virtual time."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.strategies = [Counted(name) for name in KINDS]
        self.runner.run(self.build())
        self.cases = {name: RecoveryCase() for name in "abcd"}
        self.stuck = dict.fromkeys("abcd", (("", ""), 0))
        self.seen: dict[str, EscalationState] = {}
        self.tasks: dict[str, asyncio.Task[str]] = {}

    async def build(self) -> None:
        self.fixture = OrchestratorFixture(*self.strategies, starts=STARTS, budget=8)

    @rule(name=NAMES, session=SESSIONS, word=WORDS, ago=st.sampled_from([0.0, 0.0, 0.0, 5.0, 40.0]))
    def fails(self, name: str, session: str, word: str, ago: float) -> None:
        word = STICKY.get(name, word)
        if name in self.tasks:
            self.time_passes(4.0)
        if name in self.tasks:
            return

        async def fail() -> None:
            began = max(0.0, self.fixture.clock.monotonic() - ago)
            failure = self.fixture.failure(name, session=session, word=word, began=began)
            self.tasks[name] = asyncio.create_task(self.fixture.fail(self.cases[name], failure))
            await asyncio.sleep(0)

        self.runner.run(fail())
        state = self.cases[name].state
        level = (state.first, state.level)
        self.stuck[name] = (level, self.stuck[name][1] + 1) if self.stuck[name][0] == level else (level, 1)
        assert self.stuck[name][1] <= TRIES or state.level not in ESCALATION, "it did not escalate"
        self.collect()

    @rule(seconds=st.sampled_from([0.5, 4.0, 4.0, 4.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.runner.run(pass_time(seconds))
        self.collect()

    @rule(name=NAMES, worked=st.sampled_from([True, None]))
    def ends(self, name: str, worked: bool | None) -> None:
        if (task := self.tasks.pop(name, None)) is not None:
            worked = None
            task.cancel()
            self.runner.run(asyncio.sleep(0))
        self.runner.run(self.leave(name, worked=worked))

    @rule(strategy=st.integers(0, 3), ending=st.sampled_from(["works", "fails", "raises"]))
    def changes_its_mind(self, strategy: int, ending: str) -> None:
        self.strategies[strategy].ending = ending

    @rule(strategy=st.sampled_from(sorted(KINDS)))
    def runs_by_hand(self, strategy: str) -> None:
        async def begin() -> None:
            failure = self.fixture.failure(BY_HAND, session="s1")
            self.tasks[f"{BY_HAND} {len(self.tasks)}"] = asyncio.create_task(self.by_hand(strategy, failure))
            await asyncio.sleep(0)

        self.runner.run(begin())

    async def by_hand(self, strategy: str, failure: Failure) -> str:
        return (await self.fixture.orchestrator.execute(strategy, failure)).reason

    async def leave(self, name: str, *, worked: bool | None) -> None:
        self.fixture.orchestrator.closed(self.cases[name], worked=worked)
        self.cases[name] = RecoveryCase()
        self.seen.pop(name, None)
        self.stuck[name] = (("", ""), 0)

    def collect(self) -> None:
        """A request that may try again does; one that may not has ended."""
        for name, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[name]
                if task.result() and name in self.cases:
                    self.runner.run(self.leave(name, worked=None))

    @invariant()
    def nothing_contradicts(self) -> None:
        self.fixture.orchestrator.validate()
        assert [each.most for each in self.strategies if each.most > 1] == [], "two runs at one target"

    @invariant()
    def it_only_escalates(self) -> None:
        for name, case in self.cases.items():
            case.state.validate()
            before = self.seen.get(name)
            if before is not None and before.first == case.state.first:
                levels = levels_from(case.state.first)
                assert levels.index(case.state.level) >= levels.index(before.level), (before, case.state)
            self.seen[name] = case.state

    @invariant()
    def no_target_is_recovered_too_often(self) -> None:
        for strategy in self.strategies:
            starts: dict[str, list[float]] = {}
            for at, failure in strategy.runs:
                if failure.request != BY_HAND:
                    starts.setdefault(target_of(strategy.target_kind, failure), []).append(at)
            for times in starts.values():
                for first, after in zip(times, times[STARTS:], strict=False):
                    assert after - first > PERIOD_S, (strategy.name, times)

    def teardown(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        self.runner.run(self.fixture.orchestrator.aclose())
        self.fixture.orchestrator.validate()
        assert sum(sum(each.running.values()) for each in self.strategies) == 0
        begun = Counter(event.recovery for event in self.fixture.events if isinstance(event, RecoveryStarted))
        over = Counter(event.recovery for event in self.fixture.events if isinstance(event, RecoveryEnded))
        assert begun == over
        assert set(begun.values()) <= {1}
        self.runner.close()


TestRecovering = Recovering.TestCase
TestRecovering.settings = settings(max_examples=60, stateful_step_count=50, deadline=None, derandomize=True)
