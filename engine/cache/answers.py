"""The answer cache as the dispatcher uses it: asynchronous, with the tiers behind it."""

from __future__ import annotations

from engine.base.clock import Clock
from engine.cache.memory import MemoryCache
from engine.requests import Answer


class TieredAnswerCache:
    """Looks an answer up in its tiers; today the one in memory."""

    def __init__(self, memory: MemoryCache[Answer], clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def get(self, key: str) -> Answer | None:
        """The answer kept under a key, or None."""
        return self._memory.get(key, self._clock.monotonic())

    async def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; its size is that of its text and key in bytes."""
        self._memory.put(key, answer, len(answer.text.encode()) + len(key), self._clock.monotonic())
