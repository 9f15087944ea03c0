"""What the answer cache says: its levels, and how it is prewarmed."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Event


class CacheReading(msgspec.Struct, frozen=True):
    """One level: what it holds against its bounds (0 is none), hits and misses, mean seconds of a hit.

    `gone` counts what went by cause; `oldest` is the age in seconds of what was kept first.
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
    gone: dict[str, int]
    oldest: float


class CacheMeasured(Event, frozen=True):
    """The levels of the answer cache; every second in which anything but their age changed."""

    levels: tuple[CacheReading, ...]


class CachePrewarmed(Event, frozen=True):
    """One prompt more of a prewarming of the cache has its end; `failed` of those that are done have no answer."""

    done: int
    total: int
    failed: int = 0
