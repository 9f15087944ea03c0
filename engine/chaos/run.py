"""Runs drills: warm up, strike, heal, drain, count survivors; aborts on demand or when a bound is passed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil

from engine.base.errors import BadInput
from engine.chaos.drills import Channel, Drill, EngineKilled, all_drills
from engine.chaos.environments import Plan, headless_engine, own_engine
from engine.chaos.load import CLOCK, Traffic
from engine.chaos.scorecard import (
    Injection,
    RequestOutcome,
    Scorecard,
    ScorecardEvidence,
    is_expected,
    is_moot,
    recovered_in,
    score,
)
from engine.chaos.target import Target

Progress = Callable[[str], None]
Place = Callable[[Plan, Path, ScorecardEvidence], AbstractAsyncContextManager[Target]]
Mode = Callable[["_Run", Sequence[Drill], float], Awaitable[None]]
CALM_BEFORE, HARMFUL = 0.05, 0.6
"""Shares of a drill's time: first calm, then harm; the rest is calm again."""
_AGAIN_S = 2.0
_MIXED = (Channel.PROCESSES, Channel.API, Channel.MACHINE)
_ROUND_S = (3.0, 12.0)
_DRAIN_S = 60.0
_SETTLE_S = 30.0
_LOOK_S = 0.1
_FEW = 40
_MOST_FAILED = 0.25
_LEAST_MEMORY = 256 * 1024**2


class Abort:
    """Whether and why the run is to end early."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.reason = ""

    def __call__(self, reason: str) -> None:
        """End it; the first reason counts."""
        self.reason = self.reason or reason
        self._asked.set()

    async def wait(self, seconds: float) -> None:
        """Sleep so long, or until it is aborted."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._asked.wait()
        except TimeoutError:
            return


RANDOM = "random"
"""In place of a drill: all of them that share an engine, at random and over one another."""


def chosen(names: Sequence[str], backend: str) -> tuple[str, ...]:
    """The drills of these names, `all` for every one that the backend can do. Raises BadInput."""
    known = {name: drill for name, drill in all_drills().items() if backend in drill.backends}
    if "all" in names:
        return tuple(known)
    for name in names:
        if name not in known and name != RANDOM:
            why = f"needs the simulator, not {backend}" if name in all_drills() else "is no drill"
            raise BadInput(f"{name!r} {why}.", field="drill", remedy=f"Known here: {', '.join(known)}, all, {RANDOM}.")
    return tuple(dict.fromkeys(names))


async def run(plan: Plan, folder: Path, progress: Progress, abort: Abort) -> Scorecard:
    """Run a plan; both engines, the killed one too, have stopped when it returns."""
    began, evidence, survivors = CLOCK.monotonic(), ScorecardEvidence(), 0
    drills = all_drills()
    each = plan.seconds / len(plan.drills)
    outer = [drills[name] for name in plan.drills if isinstance(drills.get(name), EngineKilled)]
    inner = [drills[name] for name in plan.drills if name != RANDOM and not isinstance(drills[name], EngineKilled)]
    mixed = [drill for drill in drills.values() if RANDOM in plan.drills and plan.backend in drill.backends]
    parts: list[tuple[str, Place, Sequence[Drill], Mode]] = [
        ("own", own_engine, inner, _Run.in_turn),
        ("mixed", own_engine, mixed, _Run.at_random),
        ("headless", headless_engine, outer, _Run.in_turn),
    ]
    for name, place, ours, mode in parts:
        if not ours or abort.reason:
            continue
        here = ScorecardEvidence()
        async with place(plan, folder / name, here) as target:
            await _Run(plan, target, here, progress, abort).under_load(ours, each, mode)
            here.calls += target.api.calls()
        survivors += target.survivors()
        evidence.join(here)
    return score(
        evidence,
        drills=plan.drills,
        seed=plan.seed,
        backend=plan.backend,
        settings=plan.settings,
        sessions=plan.sessions,
        seconds=CLOCK.monotonic() - began,
        survivors=survivors,
        aborted=abort.reason,
    )


class _Run:
    """One ground's drills under traffic."""

    def __init__(
        self, plan: Plan, target: Target, evidence: ScorecardEvidence, progress: Progress, abort: Abort
    ) -> None:
        self._plan = plan
        self._ground = target
        self._evidence = evidence
        self._progress = progress
        self._abort = abort
        self._chance = random.Random(plan.seed)  # noqa: S311 - drills, not secrets

    async def under_load(self, drills: Sequence[Drill], seconds: float, mode: Mode) -> None:
        """Warm up, do the drills, wait until their harm is mended."""
        users = max(1, int(self._plan.sessions * 0.7))
        traffic = Traffic(self._ground.ask, users, self._plan.seed, drills[0].name)
        self._evidence.asked = traffic.asked
        load = asyncio.create_task(traffic.run())
        try:
            await self._warm_up(traffic.asked)
            await mode(self, drills, seconds)
            last = CLOCK.wall() - _SETTLE_S
            recent = [strike for strike in self._evidence.strikes if (strike.healed or last) >= last]
            await self._look(_SETTLE_S, lambda: not any(map(self._unsettled, recent)))
        finally:
            traffic.stop()
            self._progress("draining")
            await asyncio.wait([load], timeout=_DRAIN_S)
            load.cancel()  # what has no end by now is lost
            with contextlib.suppress(asyncio.CancelledError):
                await load

    async def in_turn(self, drills: Sequence[Drill], seconds: float) -> None:
        """Each for so many seconds, one after the other."""
        for drill in drills:
            if not self._abort.reason:
                self._progress(f"{drill.name}: {drill.about}")
                await self._drill(drill, seconds)

    async def at_random(self, drills: Sequence[Drill], seconds: float) -> None:
        """One drill of each lane at a time, chosen at random, for so many seconds in all."""
        end = CLOCK.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for lane in _MIXED:
                group.create_task(self._lane([drill for drill in drills if drill.lane is lane], end))

    async def _lane(self, drills: Sequence[Drill], end: float) -> None:
        while (left := end - CLOCK.monotonic()) > 0 and not self._abort.reason:
            drill = self._chance.choice(drills)
            self._progress(f"{left:4.0f} s left  {drill.name}")
            await self._drill(drill, min(left, self._chance.uniform(*_ROUND_S)))

    async def _warm_up(self, asked: list[RequestOutcome]) -> None:
        self._progress("warming up")
        await self._look(_DRAIN_S, lambda: sum(one.answered for one in asked) >= 2 * self._plan.sessions)

    async def _drill(self, drill: Drill, seconds: float) -> None:
        began, mine = CLOCK.monotonic(), list[Injection]()
        await self._look(CALM_BEFORE * seconds)
        harmful = CLOCK.monotonic() + HARMFUL * seconds
        try:
            while not self._abort.reason:
                struck = await drill.inject(self._ground, self._chance, self._plan.radius)
                mine += struck
                self._evidence.strikes += struck
                now = CLOCK.monotonic()
                await self._look(min(_AGAIN_S, harmful - now) if drill.again else harmful - now)
                if CLOCK.monotonic() >= harmful or not drill.again:
                    break
        finally:
            await drill.heal(self._ground)
            for strike in mine:
                strike.healed = CLOCK.wall()
        await self._look(began + seconds - CLOCK.monotonic())

    async def _look(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        """Wait, with an eye on the bounds."""
        end = CLOCK.monotonic() + seconds
        while (left := end - CLOCK.monotonic()) > 0 and not self._abort.reason and not done():
            await self._abort.wait(min(_LOOK_S, left))
            if reason := bound_passed(self._evidence, psutil.virtual_memory().available):
                self._abort(reason)

    def _unsettled(self, strike: Injection) -> bool:
        concerns = strike.outage or (strike.session and not is_moot(strike, self._evidence.events))
        return bool(concerns) and recovered_in(strike, self._evidence) is None


def bound_passed(evidence: ScorecardEvidence, memory: int) -> str:
    """Why the run must not go on; empty when it may. `memory` is what the machine has left, in bytes."""
    if memory < _LEAST_MEMORY:
        return f"{memory >> 20} MiB of memory are left"
    recent = [one for one in evidence.asked[-10 * _FEW :] if one.ended is not None]
    failed = sum(not one.answered and not is_expected(one, evidence.strikes) for one in recent)
    if len(recent) >= _FEW and failed > _MOST_FAILED * len(recent):
        return f"{failed} of {len(recent)} requests failed outside any outage"
    return ""
