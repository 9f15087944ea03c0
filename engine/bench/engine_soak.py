"""`bench pool --soak MINUTES`: an engine on the simulator under mixed load over time, and what of it grows.

The load comes in waves over the API; after each the engine is at rest, with the same sessions, and is sampled. A
straight line through the samples of the second half states how much they grow: in the first one histories fill.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from engine.api.server import serve
from engine.bench.figures import Figure, figure
from engine.bench.fixtures import OFTEN_KILLED, ROOMY, running, simulator_settings, until
from engine.bench.mixed_load import MixedLoad
from engine.bench.pool import fill_thread_pool, held
from engine.bench.soak import WARM, growth
from engine.engine import Engine

SESSIONS = 4
_MEMORY_MB, _OTHERS = 5.0, 2.0
"""A straight line makes one and a half of one more that came in the middle."""
_PATIENCE_S, _CLOSING_S = 120.0, 0.05
_SHORT = ("events.history=1000", "events.transcript_bytes=1MiB")
"""Histories that are full in the first half, so that what grows in the second one is something else."""
NAMES = ("file descriptors", "tasks", "threads", "processes")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The engine at rest: seconds since the first sample, memory in MB, and what it holds by name."""

    at: float
    memory: float
    holds: dict[str, int]


def measure(folder: Path, minutes: float, seed: int, progress: Progress) -> list[Figure]:
    """How flat the engine stays; `folder` takes its home."""
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "engine.sock"
    sizes = [f"session_pool.min_size={SESSIONS}", f"session_pool.max_size={SESSIONS}", f"api.socket={socket}"]
    loaded = simulator_settings(folder, [*ROOMY, *OFTEN_KILLED, *_SHORT, *sizes])
    with running(loaded, serve, owns_process=True) as thread:
        samples, load = thread.run(_soak(thread.engine, socket, minutes, seed, progress))
    done = ", ".join(f"{count} {what}" for what, count in load.done.items())
    refused = ", ".join(f"{count} {what}" for what, count in load.refused.items()) or "none"
    return [
        *figures(samples, minutes),
        figure("work of the soak", sum(load.done.values()), "pieces", against=done),
        figure("work that was refused", sum(load.refused.values()), "pieces", against=refused),
    ]


def figures(samples: Sequence[Sample], minutes: float) -> list[Figure]:
    """The rows: what the samples grow by over the second half, and at which rate."""
    kept = samples[len(samples) // WARM :]
    series = [("memory", "MB", _MEMORY_MB, [each.memory for each in kept])]
    series += [(name, name, _OTHERS, [float(each.holds[name]) for each in kept]) for name in NAMES]
    return growth("engine under mixed load", [each.at for each in kept], series, minutes)


async def _soak(
    engine: Engine, socket: Path, minutes: float, seed: int, progress: Progress
) -> tuple[list[Sample], MixedLoad]:
    await until(lambda: engine.pool.statistics().idle == SESSIONS)
    await fill_thread_pool()
    began, samples, load = time.perf_counter(), list[Sample](), MixedLoad(engine, seed)
    while (passed := time.perf_counter() - began) < 60 * minutes or len(samples) < WARM:
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=_PATIENCE_S) as client:
            await load.wave(client)
        samples.append(await _sample(engine, began))
        progress(f"wave {len(samples)}, {passed / 60:.1f} of {minutes:g} min, {samples[-1].memory:.0f} MB")
    return samples, load


async def _sample(engine: Engine, began: float) -> Sample:
    """What is there once the wave's connections are closed at both ends."""
    holds, before = held(engine), dict[str, int]()
    while holds != before:
        await asyncio.sleep(_CLOSING_S)
        holds, before = held(engine), holds
    gc.collect()
    return Sample(time.perf_counter() - began, psutil.Process().memory_info().rss / 1e6, holds)
