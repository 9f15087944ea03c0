"""Rows of group `cache` about level 2: what its thread and the loop pay, beside diskcache."""

from __future__ import annotations

import asyncio
import importlib
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from engine.base.compression import LEVEL, pack
from engine.bench.cpu import fastest
from engine.bench.figures import Figure, at_most, figure, skipped
from engine.cache.disk import BATCH, DiskCache, DiskLimits

_DISK_GET_US, _DISK_SET_US, _LOOP_SET_US = 30.0, 30.0, 150.0
_REPEATS = 40


def level_2(folder: Path, count: int, seed: int) -> list[Figure]:
    """All rows of level 2, for so many values."""
    rng = random.Random(seed)  # noqa: S311 - a model
    words = [f"word{number}" for number in range(2000)]
    values = [" ".join(rng.choices(words, k=500)).encode() for _ in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_disk(folder / "answers.db", values)) + _diskcache(folder / "theirs", values)


async def _disk(path: Path, values: Sequence[bytes]) -> list[Figure]:
    cache = DiskCache(path, DiskLimits(1 << 30, 1e9), time.time, lambda _what: None)
    await cache.open()
    loop_s, batches = 0.0, list[float]()
    for at in range(0, len(values), BATCH - 1):
        batch = values[at : at + BATCH - 1]
        began = time.perf_counter()
        for number, value in enumerate(batch):
            cache.put(f"k{at + number}", value)
        loop_s += time.perf_counter() - began
        before = await _thread_time(cache)
        await cache.flush()
        batches.append((await _thread_time(cache) - before) / len(batch))
    keys = [f"k{number}" for number in range(len(values))]
    get_s = await asyncio.get_running_loop().run_in_executor(cache.thread, lambda: _reads(cache, keys))
    began = time.perf_counter()
    for key in keys:
        await cache.get(key)
    loop_get_s = time.perf_counter() - began
    share = sum(len(value) for value in values) / max(1, cache.facts.size)
    await cache.aclose()
    count, mean = len(values), sum(len(value) for value in values) // len(values)
    set_s, packing_s = statistics.mean(sorted(batches)[: max(1, len(batches) // 4)]), _packing(values[:BATCH])
    return [
        at_most("level 2 get", get_s / count * 1e6, "us", _DISK_GET_US, against=f"CPU of its own thread; {mean} bytes"),
        figure("level 2 get, as one asker sees it", loop_get_s / count * 1e6, "us", against="wall, there and back"),
        at_most("level 2 set, batched", set_s * 1e6, "us", _DISK_SET_US,
                against=f"CPU of its own thread, fastest quarter of the batches of {BATCH}; "
                f"compressing alone takes {packing_s * 1e6:.0f} us"),
        at_most("level 2 set, as the loop sees it", loop_s / count * 1e6, "us", _LOOP_SET_US, against="wall"),
        figure("level 2, bytes kept to bytes on disk", share, "times",
               against=f"zstd {LEVEL}; words of a model vocabulary"),
    ]  # fmt: skip


def _packing(values: Sequence[bytes]) -> float:
    """CPU seconds that compressing one takes."""
    return fastest(lambda: [pack(value) for value in values], _REPEATS) / len(values)


def _reads(cache: DiskCache, keys: Sequence[str]) -> float:
    """CPU seconds that reading these takes on the cache's own thread."""
    began = time.thread_time()
    for key in keys:
        cache.read(key)
    return time.thread_time() - began


async def _thread_time(cache: DiskCache) -> float:
    """CPU seconds of the cache's thread so far."""
    return await asyncio.get_running_loop().run_in_executor(cache.thread, time.thread_time)


def _diskcache(folder: Path, values: Sequence[bytes]) -> list[Figure]:
    name = "level 2 beside diskcache: set, get"
    try:
        theirs = importlib.import_module("diskcache").Cache(str(folder))
    except ImportError:
        return [skipped(name, "it is not installed; `pip install 'quarterdeck[bench]'`")]
    began = time.thread_time()
    for number, value in enumerate(values):
        theirs.set(f"k{number}", value)
    middle = time.thread_time()
    for number in range(len(values)):
        theirs.get(f"k{number}")
    ended = time.thread_time()
    theirs.close()
    count = len(values)
    against = f"diskcache get {(ended - middle) / count * 1e6:.0f} us; uncompressed, each set by itself; CPU"
    return [figure("diskcache set", (middle - began) / count * 1e6, "us", against=against)]
