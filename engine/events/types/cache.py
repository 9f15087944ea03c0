"""Events of the answer cache: the statistics of its levels, and the progress of a prewarming."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Event


class CacheReading(msgspec.Struct, frozen=True):
    """One level: what it holds against its bounds (0 is none), hits and misses, mean seconds of a hit.

    `removed` counts entries by cause; `oldest` is the age of the oldest entry in seconds.
    """

    level: int
    policy: str
    entries: int
    max_entries: int
    size: int
    max_bytes: int
    hits: int
    misses: int
    hit_time: float
    removed: dict[str, int]
    oldest: float


class CacheMeasured(Event, frozen=True):
    """The statistics of both levels; published at most once a second, and only after more than an age has changed."""

    levels: tuple[CacheReading, ...]


class CachePrewarmed(Event, frozen=True):
    """Another prompt of a prewarming ended; `failed` counts those of the `done` that have no answer."""

    done: int
    total: int
    failed: int = 0
