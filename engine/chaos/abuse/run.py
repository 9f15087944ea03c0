"""Abuses an engine of its own, one harm after the other, and scores how a healthy client fares beside it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.base.errors import BadInput
from engine.chaos.abuse.harms import HARMS, about
from engine.chaos.abuse.healthy import HealthyClient
from engine.chaos.abuse.target import Target, until
from engine.pool.statistics import percentiles

MOST_TIMES, AIM_MS = 5.0, 50.0
"""How many times its own p99 at rest a healthy client may wait; the aim for it in milliseconds is reported."""
MOST_MEMORY = 0.10
MOST_FAILED = 0.01
"""Share of a healthy client's calls that may fail."""
READY_S = 5.0
_REST_S, _SETTLE_S = 5.0, 15.0
_WARM = 200
_MIB = 1024**2


class Abuse(msgspec.Struct, frozen=True):
    """One harm: how the healthy client fared meanwhile, and how the engine came out of it.

    `p99_ms` are milliseconds, `times` their ratio to the client's p99 at rest in the same run, `memory` the engine's
    resident memory after the relief as a share of that before it, `ready_s` seconds from the relief until it was ready.
    """

    name: str
    about: str
    calls: int
    failed: int
    p99_ms: float
    times: float
    memory: float
    ready_s: float
    problems: list[str]
    delays: list[str]


class AbuseCard(msgspec.Struct, frozen=True):
    """The whole run."""

    rest_p99_ms: float
    aim_ms: float
    abuses: list[Abuse]
    exit_code: int | None
    survivors: int

    def problems(self) -> list[str]:
        """What is wrong however fast the machine is, in sentences."""
        found = [f"{each.name}: {problem}" for each in self.abuses for problem in each.problems]
        if self.exit_code != 0:
            found.append(f"the engine ended with {self.exit_code} on SIGHUP, not with 0")
        if self.survivors:
            found.append(f"{self.survivors} processes outlived the engine")
        return found

    def delays(self) -> list[str]:
        """What took too long, in sentences."""
        return [f"{each.name}: {delay}" for each in self.abuses for delay in each.delays]


@dataclass(frozen=True, slots=True)
class AbusePlan:
    """Which harms, for how many seconds each, on an engine that `program`, the front door, starts."""

    names: tuple[str, ...]
    seconds: float
    program: Sequence[str]


def chosen_harms(names: Sequence[str]) -> tuple[str, ...]:
    """The harms of these names, all for none. Raises BadInput."""
    for name in names:
        if name not in HARMS:
            raise BadInput(f"{name!r} is no abuse.", field="drill", remedy=f"Known ones: {', '.join(HARMS)}.")
    return tuple(dict.fromkeys(names)) or tuple(HARMS)


async def abuse(plan: AbusePlan, folder: Path, progress: Callable[[str], None]) -> AbuseCard:
    """Run a plan; the engine has stopped when it returns. Raises NoEngine when it does not start."""
    target = Target(folder / "abused", plan.program)
    await target.start()
    try:
        client = HealthyClient(target.socket)
        try:
            card = await _abuse(plan, target, client, progress)
        finally:
            await asyncio.to_thread(client.close)
    finally:
        exit_code = await target.stop(signal.SIGHUP)
    return msgspec.structs.replace(card, exit_code=exit_code, survivors=await asyncio.to_thread(target.survivors))


async def _abuse(plan: AbusePlan, target: Target, client: HealthyClient, progress: Callable[[str], None]) -> AbuseCard:
    progress("at rest")
    await _until_ready(target)
    for _ in range(_WARM):  # what is loaded at first use is loaded, so that it is no growth later
        await target.call("GET", "/api/config")
    client.take()
    await asyncio.sleep(max(_REST_S, plan.seconds))
    rest = percentiles(client.take()[0]).p99
    abuses = []
    for name in plan.names:
        progress(name)
        abuses.append(await _one(name, plan.seconds, target, client, rest))
    return AbuseCard(1e3 * rest, AIM_MS, abuses, None, 0)


async def _one(name: str, seconds: float, target: Target, client: HealthyClient, rest: float) -> Abuse:
    before = target.memory
    client.take()
    problems = await HARMS[name](target, seconds)
    waits, failed = client.take()
    ready = await _until_ready(target)
    memory = await _memory_after(target, before)
    p99 = percentiles(waits).p99
    times = p99 / rest if rest else 0.0
    if failed > MOST_FAILED * (len(waits) + failed):
        problems.append(f"{failed} of a healthy client's {len(waits) + failed} calls failed")
    if not await target.is_ready():
        problems.append("it did not become ready again")
    if not waits:
        problems.append("a healthy client got no answer")
    if memory > 1 + MOST_MEMORY:
        problems.append(f"memory stayed at {memory:.2f} times what it was ({before / _MIB:.0f} MiB)")
    delays = []
    if times > MOST_TIMES:
        delays.append(f"a healthy client waited {1e3 * p99:.0f} ms (p99), {times:.1f} times its {1e3 * rest:.1f} ms")
    if ready > READY_S:
        delays.append(f"it was ready again after {ready:.1f} s")
    return Abuse(name, about(name), len(waits) + failed, failed, 1e3 * p99, times, memory, ready, problems, delays)


async def _until_ready(target: Target) -> float:
    """Seconds until it is ready."""
    return await until(target.is_ready, 2 * _SETTLE_S)


async def _memory_after(target: Target, before: int) -> float:
    """The share of its memory of before, once it is back or the time for that is over."""

    async def is_back() -> bool:
        return target.memory <= before * (1 + MOST_MEMORY)

    await until(is_back, _SETTLE_S)
    return target.memory / before
