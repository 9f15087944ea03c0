"""Group `cache`: both levels beside what others use, and what each eviction policy keeps."""

from __future__ import annotations

import asyncio
import importlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from engine.bench.cpu import fastest
from engine.bench.figures import Figure, at_least, at_most, figure, ratio_at_most, skipped
from engine.cache.disk import BATCH, DiskCache, DiskLimits
from engine.cache.eviction_policies import EVICTION_POLICIES, EvictionPolicy
from engine.cache.memory import CacheLimits, MemoryCache

_GET_NS, _DISK_GET_US, _DISK_SET_US, _LOOP_SET_US = 400.0, 30.0, 30.0, 150.0
_POINTS, _AFTER_SHIFT = 8.0, -1.0
_KEYS = 1000
_SHIFT = 10_000_000
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """Requests of a trace, entries of the cache that it is put to, values on disk, repeats of a timing."""

    requests: int = 400_000
    entries: int = 4000
    values: int = 3000
    repeats: int = 20


FULL, QUICK = Size(), Size(120_000, 1200, 800, 8)


def measure(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """All figures of the group."""
    progress("level 1")
    rows = _level_1(size)
    progress("eviction policies")
    rows += _policies(size, seed)
    progress("level 2")
    return [*rows, *_level_2(folder, size, seed)]


def _level_1(size: Size) -> list[Figure]:
    keys = [f"{number:064x}" for number in range(_KEYS)]
    cache: MemoryCache[str] = MemoryCache(CacheLimits(_KEYS * 2, 1 << 30, 1e9))
    for key in keys:
        cache.put(key, key, 100, 0.0)
    ours = fastest(lambda: [cache.get(key, 1.0) for key in keys], size.repeats) / _KEYS * 1e9
    name = "level 1 get, least recently used with bytes and time to live"
    rows = [at_most(name, ours, "ns", _GET_NS, against=f"CPU, fastest of {size.repeats}")]
    for peer, make in (("cachetools.LRUCache", _cachetools), ("cachebox.LRUCache", _cachebox)):
        rows.append(_beside(peer, make, keys, ours, size))
    return rows


def _beside(peer: str, make: Callable[[int], Any], keys: Sequence[str], ours: float, size: Size) -> Figure:
    """Our get beside another's, which bounds entries alone; the plain way is cachetools."""
    name = f"level 1 get beside {peer}"
    try:
        cache = make(_KEYS * 2)
    except ImportError:
        return skipped(name, "it is not installed; `pip install 'quarterdeck[bench]'`")
    for key in keys:
        cache[key] = key
    theirs = fastest(lambda: [cache[key] for key in keys], size.repeats) / _KEYS * 1e9
    against = f"{theirs:.0f} ns there, bound by entries alone"
    if peer.startswith("cachetools"):
        return ratio_at_most(name, ours, "ns", theirs, 1.0, against=against)
    return figure(name, ours, "ns", against=f"{against}; written in Rust", ratio=ours / theirs)


def _policies(size: Size, seed: int) -> list[Figure]:
    static = zipf(size.requests, size.requests, seed)
    shifted = [*static, *zipf(size.requests // 2, size.requests, seed + 1, first=_SHIFT)]
    scanned = with_scans(static)
    found = {
        name: (
            100 * hit_ratio(make(), static, size.entries, size.requests // 4),
            100 * hit_ratio(make(), shifted, size.entries, size.requests),
            100 * hit_ratio(make(), scanned, size.entries),
        )
        for name, make in EVICTION_POLICIES.items()
    }
    lru = found["lru"]
    best = max(found, key=lambda name: found[name][0])
    gain, after, scans = (found[best][at] - lru[at] for at in range(3))
    what = f"{size.requests} requests, {size.entries} entries, seed {seed}"
    rows = [
        figure(f"hits of `{name}`: Zipf, after a shift, with scans", each[0], "%",
               against=f"{each[1]:.1f} % after a shift, {each[2]:.1f} % with scans")
        for name, each in found.items()
    ]  # fmt: skip
    return [
        *rows,
        at_least(
            f"hits of `{best}` over `lru`, Zipf 1.0", gain, "points", _POINTS, against=f"{what}, first quarter warms"
        ),
        at_least(f"hits of `{best}` over `lru`, after a shift", after, "points", _AFTER_SHIFT, against=what),
        figure(f"hits of `{best}` over `lru`, with scans", scans, "points", against=f"{what}, 300 scanned in 1000"),
    ]


def zipf(count: int, keys: int, seed: int, first: int = 0) -> list[str]:
    """Keys by Zipf's law of exponent 1."""
    weights = list(accumulate(1 / (rank + 1) for rank in range(keys)))
    rng = random.Random(seed)  # noqa: S311 - a model
    return [f"k{first + each}" for each in rng.choices(range(keys), cum_weights=weights, k=count)]


def hit_ratio(policy: EvictionPolicy, trace: Sequence[str], entries: int, measured_from: int = 0) -> float:
    """Hits of a cache of so many entries, from some request on."""
    cache: MemoryCache[str] = MemoryCache(CacheLimits(entries, 1 << 40, 1e9), policy)
    hits = 0
    for number, key in enumerate(trace):
        if cache.get(key, 0.0) is None:
            cache.put(key, key, 1, 0.0)
        elif number >= measured_from:
            hits += 1
    return hits / (len(trace) - measured_from)


def with_scans(trace: Sequence[str]) -> list[str]:
    """The trace with 300 keys that come once after each thousand."""
    scans = (f"s{number}" for number in range(len(trace)))
    return [
        key for at in range(0, len(trace), 1000) for key in (*trace[at : at + 1000], *(next(scans) for _ in range(300)))
    ]


def _level_2(folder: Path, size: Size, seed: int) -> list[Figure]:
    rng = random.Random(seed)  # noqa: S311 - a model
    words = [f"word{number}" for number in range(2000)]
    values = [" ".join(rng.choices(words, k=500)).encode() for _ in range(size.values)]
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_disk(folder / "answers.db", values)) + _diskcache(folder / "theirs", values)


async def _disk(path: Path, values: Sequence[bytes]) -> list[Figure]:
    cache = DiskCache(path, DiskLimits(1 << 30, 1e9), time.time, lambda _what: None)
    await cache.open()
    loop_s, thread_s = 0.0, 0.0
    for at in range(0, len(values), BATCH - 1):
        batch = values[at : at + BATCH - 1]
        began = time.perf_counter()
        for number, value in enumerate(batch):
            cache.put(f"k{at + number}", value)
        loop_s += time.perf_counter() - began
        before = await _thread_time(cache)
        await cache.flush()
        thread_s += await _thread_time(cache) - before
    keys = [f"k{number}" for number in range(len(values))]
    get_s = await asyncio.get_running_loop().run_in_executor(cache.thread, lambda: _reads(cache, keys))
    began = time.perf_counter()
    for key in keys:
        await cache.get(key)
    loop_get_s = time.perf_counter() - began
    share = sum(len(value) for value in values) / max(1, cache.facts.size)
    await cache.aclose()
    count, mean = len(values), sum(len(value) for value in values) // len(values)
    return [
        at_most("level 2 get", get_s / count * 1e6, "us", _DISK_GET_US, against=f"CPU of its own thread; {mean} bytes"),
        figure("level 2 get, as one asker sees it", loop_get_s / count * 1e6, "us", against="wall, there and back"),
        at_most("level 2 set, batched", thread_s / count * 1e6, "us", _DISK_SET_US,
                against=f"CPU of its own thread; compressed, {BATCH} a batch"),
        at_most("level 2 set, as the loop sees it", loop_s / count * 1e6, "us", _LOOP_SET_US, against="wall"),
        figure("level 2, bytes kept to bytes on disk", share, "times", against="zstd 3; words of a model vocabulary"),
    ]  # fmt: skip


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


def _cachetools(most: int) -> Any:
    return importlib.import_module("cachetools").LRUCache(most)


def _cachebox(most: int) -> Any:
    return importlib.import_module("cachebox").LRUCache(most)
