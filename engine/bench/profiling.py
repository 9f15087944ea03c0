"""Group `profiling`: what the profiler and the indicators cost what they measure, in turns with and without them."""

from __future__ import annotations

import asyncio
import json
import statistics
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from engine.base.clock import SystemClock
from engine.bench.figures import Figure, at_most, figure
from engine.events.bus import Bus
from engine.profiling.loop_lag import LoopLag
from engine.profiling.loop_steps import StepWatch
from engine.profiling.outputs.flamegraph import flamegraph
from engine.profiling.outputs.speedscope import speedscope
from engine.profiling.performance import PerformanceMeter
from engine.profiling.sampler import Sampler
from engine.profiling.stacks import Function, Stack, StackCounter

_RATE, _COST, _MEASURED, _DEPTH, _IDLE_THREADS = 100.0, 3.0, 0.1, 20, 4
_MESSAGE = json.dumps({"type": "assistant", "message": {"content": [{"type": "text", "text": "word " * 200}]}})
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """Pairs of runs, steps of the loop in each run, and seconds of an idle loop."""

    pairs: int = 40
    steps: int = 4000
    idle: int = 20


FULL, QUICK = Size(), Size(24, 2000, 5)


def measure(_folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:  # noqa: ARG001 - nothing is random
    """All figures of the group."""
    with ThreadPoolExecutor(_IDLE_THREADS) as pool:
        list(pool.map(lambda _: time.sleep(0.01), range(_IDLE_THREADS)))
        progress(f"{size.pairs} pairs of runs with and without the sampler")
        rows = _sampling(size)
        progress("allocations traced")
        rows.append(_tracing(size))
    progress(f"{size.idle} s of an idle loop with and without the indicators")
    rows.append(_indicators(size))
    progress("a capture is written")
    return [*rows, *_writing(size)]


def _sampling(size: Size) -> list[Figure]:
    """CPU of the whole process for the same work, the sampler's thread included."""
    found: dict[float, list[float]] = {0.0: [], _RATE: []}
    own = []
    asyncio.run(_work(size.steps))
    for number in range(size.pairs):
        for rate in (0.0, _RATE) if number % 2 else (_RATE, 0.0):
            cpu, sampler, seconds = _timed(size.steps, rate)
            found[rate].append(cpu)
            if rate:
                own.append(sampler / seconds)
    cost = (_fast(found[_RATE]) / _fast(found[0.0]) - 1) * 100
    half = found[0.0][::2], found[0.0][1::2]
    noise = f"two halves of the runs without it differ by {abs(_fast(half[0]) / _fast(half[1]) - 1) * 100:.1f} %"
    return [
        at_most(
            f"CPU that sampling at {_RATE:g} Hz adds to a busy loop", cost, "%", _COST,
            against=f"the same work without it, {size.pairs} runs of each in turns, fastest quarter; {noise}",
        ),
        at_most(
            f"CPU of the sampler's own thread at {_RATE:g} Hz", statistics.median(own) * 100, "% of one CPU", _COST,
            against=f"its thread's clock; {_IDLE_THREADS + 2} threads, stacks of {_DEPTH} functions and more",
        ),
    ]  # fmt: skip


def _fast(seconds: list[float]) -> float:
    """The mean of the fastest quarter: what else runs only adds."""
    return statistics.mean(sorted(seconds)[: max(1, len(seconds) // 4)])


def _timed(steps: int, rate: float) -> tuple[float, float, float]:
    """CPU seconds of the process, those of the sampler, and seconds."""
    sampler = None
    if rate:
        sampler = Sampler(rate, threading.get_ident(), StackCounter(), StepWatch(0.02), time.time)
    began, cpu = time.perf_counter(), time.process_time()
    if sampler is not None:
        sampler.start()
    asyncio.run(_work(steps))
    if sampler is not None:
        sampler.stop()
    return time.process_time() - cpu, sampler.cpu if sampler is not None else 0.0, time.perf_counter() - began


def _tracing(size: Size) -> Figure:
    pairs = []
    for _ in range(max(3, size.pairs // 8)):
        plain = _timed(size.steps // 4, 0.0)[0]
        tracemalloc.start()
        pairs.append(_timed(size.steps // 4, 0.0)[0] / plain)
        tracemalloc.stop()
    cost = (statistics.median(pairs) - 1) * 100
    return figure("CPU that tracing allocations adds to it", cost, "%", against="off unless `memory` is asked for")


def _indicators(size: Size) -> Figure:
    """CPU of a process whose loop does nothing but measure itself once a second, and of one that does not even that."""
    without, measured = (asyncio.run(_idle(size.idle, measured=each)) * 100 for each in (False, True))
    against = f"{size.idle} s of an idle loop; one that wakes up once a second takes {without:.3f} %"
    return at_most(
        "CPU of the indicators in an idle loop", measured - without, "% of one CPU", _MEASURED, against=against
    )


async def _idle(seconds: int, *, measured: bool) -> float:
    """CPU seconds a second."""
    bus = Bus(SystemClock())
    meter, mailbox = PerformanceMeter(bus, LoopLag(), time.monotonic), bus.subscribe()
    if measured:
        meter.open()
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(seconds):
        await asyncio.sleep(1)
        meter.measure()
        mailbox.take()
    spent = (time.process_time() - cpu) / (time.perf_counter() - began)
    meter.close()
    return spent


def _writing(size: Size) -> list[Figure]:
    """Of a capture with many distinct stacks."""
    names = [Function(f"function_{number}", "engine/module.py", number) for number in range(500)]
    count = size.steps
    stacks = [
        Stack("engine", tuple(names[(at * step) % 500] for step in range(1, 31)), 1 + at % 7) for at in range(count)
    ]
    rows = []
    writers: dict[str, Callable[[], bytes]] = {
        "speedscope file": lambda: speedscope("bench", stacks, _RATE),
        "flame graph": lambda: flamegraph("bench", stacks),
    }
    for name, write in writers.items():
        began = time.process_time()
        written = len(write())
        spent = time.process_time() - began
        rows.append(figure(name, spent * 1e3, "ms", against=f"{count} stacks of 30, {written // 1024} KB; in a thread"))
    return rows


async def _work(steps: int) -> None:
    """Steps of a loop that parses messages below a stack as deep as an engine's."""
    for _ in range(steps):
        _deep(_DEPTH)
        await asyncio.sleep(0)


def _deep(left: int) -> int:
    if left:
        return _deep(left - 1)
    return sum(len(json.dumps(json.loads(_MESSAGE))) for _ in range(5))
