"""Group `workers`: bounded workers beside one task a job that waits at a semaphore."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from engine.base.clock import SystemClock
from engine.bench.figures import Figure, at_most, figure, ratio_at_most
from engine.workers.scaler import WorkerLimits
from engine.workers.workers import Workers

_AT_ONCE = 16
_TASKS, _MEMORY = 0.5, 0.7
Progress = Callable[[str], None]
Run = Callable[[int, Callable[[], None]], Awaitable[None]]


@dataclass(frozen=True)
class Size:
    """Jobs of a run, and runs of each way, which take turns."""

    jobs: int = 10_000
    repeats: int = 15


FULL, QUICK = Size(), Size(3000, 6)


def measure(_folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:  # noqa: ARG001 - nothing is random
    """All figures of the group."""
    progress(f"{size.jobs} jobs, {_AT_ONCE} at once")
    ways: dict[str, Run] = {"ours": _workers, "bounded": _semaphore, "bare": _bare}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(size.repeats):
        for name, run in ways.items():
            times[name].append(_cpu(run, size.jobs))
    ours, bounded, bare = (min(times[name]) / size.jobs * 1e6 for name in ways)
    progress("tasks and memory while they wait")
    tasks, memory = _waiting(_workers, size.jobs)
    their_tasks, their_memory = _waiting(_semaphore, size.jobs)
    what = f"{size.jobs} jobs, {_AT_ONCE} at once"
    return [
        figure("CPU of a job on a worker", ours, "us", ratio=ours / bounded,
               against=f"one task a job behind a semaphore: {bounded:.2f} us; fastest of {size.repeats} in turns"),
        figure("CPU of a job on a worker, beside a bare task", ours, "us", ratio=ours / bare,
               against=f"`asyncio.create_task`, unbounded and unsupervised: {bare:.2f} us"),
        ratio_at_most("tasks while all jobs wait", tasks, "tasks", their_tasks, _TASKS,
                      against=f"{what}; one task a job behind a semaphore: {their_tasks:g}"),
        ratio_at_most("memory while all jobs wait", memory / 1024, "KB", their_memory / 1024, _MEMORY,
                      against=f"{what}; one task a job behind a semaphore: {their_memory / 1024:.0f} KB"),
        at_most("workers at once, at most", float(_most_live(size.jobs)), "workers", _AT_ONCE, against=what),
    ]  # fmt: skip


async def _job() -> None:
    await asyncio.sleep(0)


async def _workers(jobs: int, when_waiting: Callable[[], None]) -> None:
    workers = Workers("bench", WorkerLimits(0, _AT_ONCE, jobs), SystemClock(), lambda _name, _error: None)
    made = [workers.spawn(_job(), "job") for _ in range(jobs)]
    when_waiting()
    for job in made:
        await job.result
    await workers.aclose()


async def _semaphore(jobs: int, when_waiting: Callable[[], None]) -> None:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one() -> None:
        async with places:
            await _job()

    tasks = [asyncio.create_task(one()) for _ in range(jobs)]
    when_waiting()
    await asyncio.gather(*tasks)


async def _bare(jobs: int, when_waiting: Callable[[], None]) -> None:
    tasks = [asyncio.create_task(_job()) for _ in range(jobs)]
    when_waiting()
    await asyncio.gather(*tasks)


def _cpu(run: Run, jobs: int) -> float:
    async def timed() -> float:
        began = time.process_time()
        await run(jobs, lambda: None)
        return time.process_time() - began

    return asyncio.run(timed())


def _waiting(run: Run, jobs: int) -> tuple[float, float]:
    """Tasks and bytes at the moment when all jobs were handed over."""
    found: list[tuple[float, float]] = []

    def look() -> None:
        found.append((len(asyncio.all_tasks()) - 1, tracemalloc.get_traced_memory()[0]))

    tracemalloc.start()
    try:
        asyncio.run(_run(run, jobs, look))
    finally:
        tracemalloc.stop()
    return found[0]


def waiting_tasks(jobs: int) -> tuple[float, float]:
    """Tasks while so many jobs wait: of the workers, and of one task a job behind a semaphore."""
    return _waiting(_workers, jobs)[0], _waiting(_semaphore, jobs)[0]


async def _run(run: Run, jobs: int, look: Callable[[], None]) -> None:
    await run(jobs, look)


def _most_live(jobs: int) -> int:
    """The most workers that there were, seen by each job."""
    most = 0

    async def work() -> None:
        workers = Workers("bench", WorkerLimits(0, _AT_ONCE, jobs), SystemClock(), lambda _name, _error: None)

        async def one() -> None:
            nonlocal most
            most = max(most, workers.statistics().active)
            await asyncio.sleep(0)

        for job in [workers.spawn(one(), "job") for _ in range(jobs)]:
            await job
        await workers.aclose()

    asyncio.run(work())
    return most
