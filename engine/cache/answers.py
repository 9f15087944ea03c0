"""The answer cache as the dispatcher uses it: level 1 in memory, level 2 on disk behind it."""

from __future__ import annotations

import msgspec

from engine.base.clock import Clock
from engine.cache.disk import DiskCache, Kept
from engine.cache.memory import Label, MemoryCache
from engine.events.types import CacheReading
from engine.requests import Answer

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


class TieredAnswerCache:
    """Looks an answer up in memory, then on disk; what is found on disk is kept in memory again."""

    def __init__(
        self, memory: MemoryCache[Answer], clock: Clock, disk: DiskCache | None = None, *, policy: str = "lru"
    ) -> None:
        self.memory = memory
        self.disk = disk
        self.enabled = True
        self.policy = policy
        """The name of level 1's, as it is shown."""
        self._clock = clock
        self._took = [0.0, 0.0]

    async def get(self, key: str) -> Answer | None:
        """The answer kept under a key, or None; none while the cache is off."""
        if not self.enabled:
            return None
        began = self._clock.monotonic()
        answer = self.memory.get(key, began)
        if answer is not None:
            self._took[0] += self._clock.monotonic() - began
            return answer
        if self.disk is None or (kept := await self.disk.get(key)) is None:
            return None
        self._took[1] += self._clock.monotonic() - began
        return self._back(key, kept)

    async def put(self, key: str, answer: Answer, *, ttl: float | None = None, label: Label | None = None) -> None:
        """Keep an answer; its size is that of its text and key in bytes."""
        if not self.enabled:
            return
        named = label or Label()
        self.memory.put(key, answer, _size(key, answer), self._clock.monotonic(), ttl=ttl, label=named)
        if self.disk is not None:
            self.disk.put(key, _encode(answer), ttl=ttl, label=named)

    async def delete(self, key: str, tenant: str) -> bool:
        """Forget one answer of a tenant, on both levels; False when it has none of this key."""
        in_memory = self.memory.delete(key, tenant)
        return (await self.disk.delete(key, tenant) if self.disk is not None else False) or in_memory

    async def clear(self, tenant: str | None = None, tag: str = "", level: int = 0) -> int:
        """Forget what a tenant has, or all; of a tag, or any; of a level, or both. Returns how many entries went."""
        removed = self.memory.clear(tenant, tag) if level in {0, 1} else 0
        if self.disk is not None and level in {0, 2}:
            removed += await self.disk.clear(tenant, tag)
        return removed

    def statistics(self) -> list[CacheReading]:
        """Each level as it is now."""
        memory, limits = self.memory, self.memory.limits
        oldest = memory.oldest(self._clock.monotonic())
        first = CacheReading(
            1, self.policy, len(memory), limits.max_entries, memory.size, limits.max_bytes, memory.hits, memory.misses,
            _mean(self._took[0], memory.hits), dict(memory.removed), oldest,
        )  # fmt: skip
        if (disk := self.disk) is None:
            return [first]
        facts, oldest = disk.facts, disk.oldest
        second = CacheReading(
            2, "lru", facts.entries, 0, facts.size, disk.limits.max_bytes, disk.hits, disk.misses,
            _mean(self._took[1], disk.hits), dict(disk.removed), oldest,
        )  # fmt: skip
        return [first, second]

    def _back(self, key: str, kept: Kept) -> Answer | None:
        try:
            answer = _decode(kept.value)
        except msgspec.MsgspecError:  # written by another release
            return None
        now = self._clock.monotonic()
        self.memory.put(key, answer, _size(key, answer), now, ttl=kept.left, label=kept.label)
        return answer


def _size(key: str, answer: Answer) -> int:
    return len(answer.text.encode()) + len(key)


def _mean(total: float, count: int) -> float:
    return total / count if count else 0.0
