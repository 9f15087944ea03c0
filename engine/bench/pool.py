"""Group `pool`: leases, warm hits, scaling, crashes, hangs, leaks; in the full run 100 real CLIs at once."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import psutil

from engine.backends.binary import find_claude
from engine.base.processes import ENGINE_TAG, tagged
from engine.bench.figures import FULL, QUICK, Figure, Size, at_least, at_most, figure, skipped
from engine.bench.fixtures import ONE_AT_A_TIME, ROOMY, ask, lifetimes, running, simulator_settings, until
from engine.bench.loop_lag import SETTINGS, loop_lag
from engine.bench.pool_real import real_sessions
from engine.bench.victims import victims
from engine.engine import Engine
from engine.pool.routing import LeaseRequest
from engine.pool.statistics import percentiles
from engine.requests import Request

Progress = Callable[[str], None]
__all__ = ["FULL", "QUICK", "measure"]
MIB = 1024 * 1024
_NO_CLI = "no Claude Code CLI; `pip install 'quarterdeck[claude]'` brings one"


def measure(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """All figures of the group; those that need the CLI are skipped without one."""
    rows = [*victims(seed), *_on_simulator(folder / "simulator", size, seed, progress)]
    binary = find_claude(None)
    if binary is None:
        return [*rows, skipped("real sessions", _NO_CLI)]
    return [*rows, *asyncio.run(real_sessions(binary, folder / "claude", size, seed, progress))]


# on the simulator


def _on_simulator(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    rows: list[Figure] = []
    parts: list[tuple[str, Sequence[str], Callable[[Engine, Size, int], Awaitable[list[Figure]]]]] = [
        ("leases", ["session_pool.min_size=4", "session_pool.max_size=4"], _leases),
        ("warm hits", ["session_pool.warm=2", "session_pool.warm_jitter=0s", "session_pool.max_size=40"], _warm_hits),
        ("create and remove", ONE_AT_A_TIME, _lifetimes),
        ("leaks", ["session_pool.min_size=4", "session_pool.max_size=8"], _leaks),
    ]
    if size.big:
        parts.append(("100 busy sessions", SETTINGS, _loop_lag))
        parts.append(("300 simulator processes", ["session_pool.max_size=300", "session_pool.max_starting=4"], _many))
    for name, overrides, part in parts:
        progress(name)
        with running(simulator_settings(folder / name.replace(" ", "-"), [*ROOMY, *overrides])) as thread:
            rows += thread.call(_gather(part, thread.engine, size, seed)).result()
    return rows


async def _gather(
    part: Callable[[Engine, Size, int], Awaitable[list[Figure]]], engine: Engine, size: Size, seed: int
) -> list[Figure]:
    return await part(engine, size, seed)


async def _leases(engine: Engine, size: Size, seed: int) -> list[Figure]:  # noqa: ARG001 - one signature for all
    await until(lambda: engine.pool.statistics().idle == 4)
    request = LeaseRequest(engine.profiles.find("default", "default"), "")
    began = time.thread_time()
    for _ in range(size.leases):
        engine.pool.release(await engine.pool.lease(request))
    each = 1e6 * (time.thread_time() - began) / size.leases
    held = [await engine.pool.lease(request) for _ in range(4)]
    order: list[int] = []

    async def wait(number: int) -> None:
        lease = await engine.pool.lease(request)
        order.append(number)
        engine.pool.release(lease)

    began = time.thread_time()
    waiting = [asyncio.create_task(wait(number)) for number in range(size.waiters)]
    await asyncio.sleep(0)
    for lease in held:
        engine.pool.release(lease)
    await asyncio.gather(*waiting)
    queued = 1e6 * (time.thread_time() - began) / size.waiters
    late = sum(place != number for place, number in enumerate(order))
    return [
        at_most("lease + release, uncontended", each, "µs", 20.0, against="CPU of the engine's thread"),
        figure(f"lease + release, {size.waiters} waiting", queued, "µs", against="CPU of the engine's thread"),
        at_most(f"served out of order of {size.waiters} waiters", late, "requests", 0, against="order of arrival"),
    ]


async def _lifetimes(engine: Engine, size: Size, seed: int) -> list[Figure]:  # noqa: ARG001 - one signature for all
    return await lifetimes(engine, size.lifetimes // 10, "a simulator process")


async def _loop_lag(engine: Engine, size: Size, seed: int) -> list[Figure]:  # noqa: ARG001 - one signature for all
    return await loop_lag(engine)


async def _warm_hits(engine: Engine, size: Size, seed: int) -> list[Figure]:  # noqa: ARG001 - one signature for all
    took: list[float] = []
    for number in range(12):
        await until(lambda: engine.pool.statistics().warm >= 2)
        hits, watch = engine.pool.record.counts.warm_hits, _Watch()
        answer = await engine.submit(Request(id=uuid.uuid4().hex[:12], prompt=f"[[words: 1]] {number}"), watch)
        if engine.pool.record.counts.warm_hits > hits:
            took.append(watch.took)
        engine.pool.retire(answer.session, "used")
    return [
        at_least("warm hits", len(took), "of 12 requests", 12),
        at_most("warm hit to its prompt on the wire, p95", 1e3 * percentiles(took).p95, "ms", 5.0, against="submit"),
    ]


class _Watch:
    """A listener that notes when its turn begins."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.took = 0.0

    def started(self, session: str, conversation: str) -> None:  # noqa: ARG002 - the port's signature
        """The turn begins."""
        self.took = time.perf_counter() - self._began

    def delta(self, text: str) -> None:
        """A piece of the answer."""

    def dropped(self, size: int) -> None:
        """A piece that comes again."""


async def _leaks(engine: Engine, size: Size, seed: int) -> list[Figure]:
    rng = random.Random(seed)  # noqa: S311 - load, not secrets
    await fill_thread_pool()
    await _load(engine, size.turns // 10, size.lifetimes // 10, rng)
    before, memory = held(engine), psutil.Process().memory_info().rss
    await _load(engine, size.turns, size.lifetimes, rng)
    await until(lambda: engine.pool.statistics().starting == 0 and engine.pool.statistics().active == 0)
    after, grown = held(engine), (psutil.Process().memory_info().rss - memory) / MIB
    load = f"{size.turns} turns, {size.lifetimes} session lifetimes"
    rows = [at_most(f"growth of {name}", after[name] - before[name], name, 0, against=load) for name in before]
    return [*rows, at_most("growth of the engine's memory", grown, "MiB", 16.0, against=load)]


async def _load(engine: Engine, turns: int, lifetimes: int, rng: random.Random) -> None:
    """So many turns; now and then a session is killed, stopped, or recycled."""
    each = max(1, turns // max(1, lifetimes))
    for first in range(0, turns, each):
        await asyncio.gather(*(ask(engine, f"[[words: 5]] {first + n}") for n in range(each)))
        sessions = sorted(engine.pool.sessions)
        if sessions and lifetimes:
            await engine.pool.stop_session(rng.choice(sessions), "bench", kill=rng.random() < 0.5)


async def fill_thread_pool() -> None:
    """asyncio makes its workers on demand, up to a bound: have them all, so that one more is a leak."""
    most = min(32, (os.cpu_count() or 1) + 4)
    everybody = threading.Barrier(most)
    await asyncio.gather(*(asyncio.to_thread(everybody.wait) for _ in range(most)))


def held(engine: Engine) -> dict[str, int]:
    """Descriptors, tasks, threads and processes beyond what the sessions that live now account for."""
    sessions = len(engine.pool.sessions)
    processes = len(tagged(lambda tags: tags.get(ENGINE_TAG) == engine.id))
    return {
        "file descriptors": len(list(Path("/proc/self/fd").iterdir())) - 4 * sessions,
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "processes": processes - sessions,
    }


async def _many(engine: Engine, size: Size, seed: int) -> list[Figure]:  # noqa: ARG001 - one signature for all
    engine.pool.scale(300)
    await until(lambda: engine.pool.statistics().idle == 300)
    answers = await asyncio.gather(*(ask(engine, f"[[words: 5]] {n}") for n in range(900)), return_exceptions=True)
    failed = sum(isinstance(answer, BaseException) for answer in answers)
    return [at_most("errors, 300 simulator processes, 900 turns", failed, "turns", 0)]
