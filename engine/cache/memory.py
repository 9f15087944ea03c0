"""Answers kept in memory: bound by entries and bytes, with a time to live; a policy names what goes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.cache.eviction_policies import EvictionPolicy, LeastRecentlyUsed
from engine.settings.schema import Settings

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Bounds: entries, bytes in all, seconds that an entry lives."""

    max_entries: int
    max_bytes: int
    ttl: float


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    size: int
    expires: float


class MemoryCache(Generic[V]):
    """Owner of its entries; `now` is a monotonic time in seconds."""

    def __init__(self, limits: CacheLimits, policy: EvictionPolicy | None = None) -> None:
        self.limits = limits
        self.policy: EvictionPolicy = policy or LeastRecentlyUsed()
        self._entries: dict[str, _Entry[V]] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now: float) -> V | None:
        """The value, or None when there is none or it is too old."""
        entry = self._entries.get(key)
        if entry is None or entry.expires <= now:
            if entry is not None:
                self._drop(key)
            return None
        self.policy.used(key)
        return entry.value

    def put(self, key: str, value: V, size: int, now: float) -> bool:
        """Keep a value of `size` bytes; False when it alone is over the bound."""
        if size > self.limits.max_bytes or self.limits.max_entries < 1:
            return False
        self._drop(key)
        while self._entries and not self._fits(size):
            self._drop(self.policy.victim())
        self._entries[key] = _Entry(value, size, now + self.limits.ttl)
        self.size += size
        self.policy.added(key, size)
        return True

    def use(self, policy: EvictionPolicy) -> None:
        """Evict by another policy from now on; it hears of the entries in the order in which they were kept."""
        for key, entry in self._entries.items():
            policy.added(key, entry.size)
        self.policy = policy

    def clear(self) -> int:
        """Forget everything; returns how many entries that were."""
        count = len(self._entries)
        for key in list(self._entries):
            self._drop(key)
        return count

    def _fits(self, size: int) -> bool:
        return self.size + size <= self.limits.max_bytes and len(self._entries) < self.limits.max_entries

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry.size
            self.policy.removed(key)


def cache_limits(settings: Settings) -> CacheLimits:
    """The bounds of the answer cache; none is kept when it is off."""
    cache = settings.cache
    return CacheLimits(cache.max_entries if cache.enabled else 0, cache.max_bytes, cache.ttl)
