"""Level 1: answers kept in memory, bound by entries and bytes, with a time to live; a policy names what goes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.cache.eviction_policies import EvictionPolicy, LeastRecentlyUsed
from engine.settings.schema import Settings

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Bounds: entries, bytes in all, seconds that an entry lives when it states no time of its own."""

    max_entries: int
    max_bytes: int
    ttl: float


@dataclass(frozen=True, slots=True)
class Label:
    """Whose entry it is, and the tags by which it can be deleted with others of the same tenant."""

    tenant: str = ""
    tags: frozenset[str] = frozenset()


NO_LABEL = Label()


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    size: int
    kept: float
    expires: float
    label: Label


class MemoryCache(Generic[V]):
    """Owner of its entries; `now` is a monotonic time in seconds."""

    def __init__(self, limits: CacheLimits, policy: EvictionPolicy | None = None) -> None:
        self._limits = limits
        self.policy: EvictionPolicy = policy or LeastRecentlyUsed()
        self._used = self.policy.used
        self._entries: dict[str, _Entry[V]] = {}
        self.size = 0
        self.hits = self.misses = 0
        self.removed: Counter[str] = Counter()
        """Entries that went, by cause: `room`, `age`, `deleted`, `cleared`, `replaced`."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def limits(self) -> CacheLimits:
        """The bounds in force."""
        return self._limits

    @limits.setter
    def limits(self, limits: CacheLimits) -> None:
        """Other bounds from now on; what is too much goes at once."""
        self._limits = limits
        while self._entries and (self.size > limits.max_bytes or len(self._entries) > limits.max_entries):
            self._drop(self.policy.victim(), "room")

    def get(self, key: str, now: float) -> V | None:
        """The value, or None when there is none or it is too old."""
        try:
            entry = self._entries[key]
        except KeyError:
            self.misses += 1
            return None
        if entry.expires <= now:
            self._drop(key, "age")
            self.misses += 1
            return None
        self._used(key)
        self.hits += 1
        return entry.value

    def put(
        self, key: str, value: V, size: int, now: float, *, ttl: float | None = None, label: Label = NO_LABEL
    ) -> bool:
        """Keep a value of `size` bytes for `ttl` seconds; False when it alone is over the bound."""
        if size > self._limits.max_bytes or self._limits.max_entries < 1:
            return False
        self._drop(key, "replaced")
        while self._entries and not self._fits(size):
            self._drop(self.policy.victim(), "room")
        lives = self._limits.ttl if ttl is None else ttl
        self._entries[key] = _Entry(value, size, now, now + lives, label)
        self.size += size
        self.policy.added(key, size)
        return True

    def use(self, policy: EvictionPolicy) -> None:
        """Evict by another policy from now on; it hears of the entries in the order in which they were kept."""
        for key, entry in self._entries.items():
            policy.added(key, entry.size)
        self.policy, self._used = policy, policy.used

    def delete(self, key: str, tenant: str) -> bool:
        """Forget one entry of a tenant; False when it has none of this key."""
        entry = self._entries.get(key)
        if entry is None or entry.label.tenant != tenant:
            return False
        return self._drop(key, "deleted")

    def clear(self, tenant: str | None = None, tag: str = "") -> int:
        """Forget all, or what a tenant has, or what of it bears a tag; returns how many entries that were."""
        going = [
            key
            for key, entry in self._entries.items()
            if (tenant is None or entry.label.tenant == tenant) and (not tag or tag in entry.label.tags)
        ]
        return sum(self._drop(key, "cleared") for key in going)

    def oldest(self, now: float) -> float:
        """Age of the oldest entry in seconds; 0 for none."""
        return now - min((entry.kept for entry in self._entries.values()), default=now)

    def keys(self) -> Iterable[str]:
        """The keys as they were kept."""
        return list(self._entries)

    def _fits(self, size: int) -> bool:
        return self.size + size <= self._limits.max_bytes and len(self._entries) < self._limits.max_entries

    def _drop(self, key: str, cause: str) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self.size -= entry.size
        self.policy.removed(key)
        self.removed[cause] += 1
        return True


def cache_limits(settings: Settings) -> CacheLimits:
    """The bounds of level 1; none is kept while the cache is off."""
    cache = settings.cache
    return CacheLimits(cache.max_entries if cache.enabled else 0, cache.max_bytes, cache.ttl)
