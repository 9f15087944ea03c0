"""Group `cache`: both levels beside what others use, and what each eviction policy keeps."""

from __future__ import annotations

import contextlib
import importlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from pathlib import Path
from typing import Any

from engine.bench.cpu import fastest
from engine.bench.disk_cache import level_2
from engine.bench.figures import Figure, at_least, at_most, figure, ratio_at_most, skipped
from engine.bench.traces import SHAPES
from engine.cache.eviction_policies import EVICTION_POLICIES, EvictionPolicy
from engine.cache.memory import CacheLimits, MemoryCache

_GET_NS, _PUT_RATIO = 400.0, 1.5
_POINTS, _AFTER_SHIFT, _ON_TRACES = 8.0, -1.0, 0.0
_TRACE_SHARE = 0.1
"""Entries of the cache by keys of a public trace's shape."""
_KEYS, _FULL_OF = 1000, 20_000
_PLAIN = "cachetools.LRUCache"
_PEERS = {_PLAIN: "cachetools", "cachebox.LRUCache": "cachebox"}
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
    return [*rows, *level_2(folder, size.values, seed)]


def _level_1(size: Size) -> list[Figure]:
    """Ours and the peers' in turns, so that what runs beside slows all of them down."""
    keys = [f"{number:064x}" for number in range(_KEYS)]
    cache: MemoryCache[str] = MemoryCache(CacheLimits(_KEYS * 2, 1 << 30, 1e9))
    for key in keys:
        cache.put(key, key, 100, 0.0)
    ways: dict[str, Callable[[], object]] = {"ours": lambda: [cache.get(key, 1.0) for key in keys]}
    for peer, module in _PEERS.items():
        with contextlib.suppress(ImportError):
            ways[peer] = _reads_of(importlib.import_module(module).LRUCache(_KEYS * 2), keys)
    runs = [{name: fastest(work, 1) / _KEYS * 1e9 for name, work in ways.items()} for _ in range(2 * size.repeats)]
    took = {name: min(run[name] for run in runs) for name in ways}
    name = "level 1 get, least recently used with bytes and time to live"
    rows = [at_most(name, took["ours"], "ns", _GET_NS, against=f"CPU, fastest of {len(runs)}")]
    return [*rows, *(_beside(peer, took) for peer in _PEERS), *_full()]


def _reads_of(peer: Any, keys: Sequence[str]) -> Callable[[], object]:
    for key in keys:
        peer[key] = key
    return lambda: [peer[key] for key in keys]


def _beside(peer: str, took: dict[str, float]) -> Figure:
    """Our get beside another's, which bounds entries alone; the plain way is cachetools."""
    name, ours = f"level 1 get beside {peer}", took["ours"]
    if peer not in took:
        return skipped(name, "it is not installed; `pip install 'quarterdeck[bench]'`")
    against = f"{took[peer]:.0f} ns there, in turns, bound by entries alone"
    if peer == _PLAIN:
        return ratio_at_most(name, ours, "ns", took[peer], 1.0, against=against)
    return figure(name, ours, "ns", against=f"{against}; written in Rust", ratio=ours / took[peer])


def _full() -> list[Figure]:
    """What it costs to keep an entry where another one must go, by policy."""
    took = {name: _put_us(make()) for name, make in EVICTION_POLICIES.items()}
    rows = []
    for name, each in took.items():
        title, against = f"put into a full level 1, `{name}`", f"`lru`: {took['lru']:.2f} us; {_FULL_OF} entries, CPU"
        if name == "fifo":
            rows.append(ratio_at_most(title, each, "us", took["lru"], _PUT_RATIO, against=against))
        else:
            rows.append(figure(title, each, "us", against=against, ratio=each / took["lru"]))
    return rows


def _put_us(policy: EvictionPolicy) -> float:
    cache: MemoryCache[str] = MemoryCache(CacheLimits(_FULL_OF, 1 << 40, 1e9), policy)
    names = count()
    for _ in range(_FULL_OF):
        cache.put(f"k{next(names)}", "", 1, 0.0)
    puts = 2 * _FULL_OF
    began = time.process_time()
    for _ in range(puts):
        cache.put(f"k{next(names)}", "", 1, 0.0)
    return (time.process_time() - began) / puts * 1e6


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
        *(_on_trace(name, make(size.requests, seed), best) for name, make in SHAPES.items()),
    ]


def _on_trace(name: str, trace: Sequence[str], best: str) -> Figure:
    """How the policy that is best on Zipf's law does on the shape of a public trace."""
    keys = len(set(trace))
    entries = int(_TRACE_SHARE * keys)
    hits = {each: 100 * hit_ratio(make(), trace, entries) for each, make in EVICTION_POLICIES.items()}
    shown = ", ".join(f"`{each}` {value:.1f} %" for each, value in hits.items())
    against = f"{len(trace)} requests for {keys} keys, {entries} entries, {shown}"
    return at_least(
        f"hits of `{best}` over `lru`, shape of {name}", hits[best] - hits["lru"], "points", _ON_TRACES, against=against
    )


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
