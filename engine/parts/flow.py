"""How much is let in and through: the answer cache, the queue, the limits of concurrency."""

from __future__ import annotations

from msgspec.structs import replace

from engine.cache.answers import TieredAnswerCache
from engine.cache.disk import DiskCache, DiskLimits
from engine.cache.eviction_policies import named_eviction
from engine.cache.memory import MemoryCache, cache_limits
from engine.events.types import CacheMeasured, CacheReading
from engine.flow.concurrency_limit import ConcurrencyLimits
from engine.flow.limit_policies import named_limiter
from engine.flow.queue_limits import queue_limits
from engine.flow.wait_queue import FairQueue
from engine.maintenance import Maintenance
from engine.parts.core import Core
from engine.parts.part import Part
from engine.pool.lease import Waiter
from engine.requests import Answer
from engine.settings.schema import Settings


class Flow(Part):
    """Owner of the cache and the queue."""

    name = "queue and cache"

    def __init__(self, core: Core) -> None:
        settings = core.settings
        self._notify, self._bus = core.notice, core.bus
        self._published: tuple[CacheReading, ...] = ()
        self.cache: MemoryCache[Answer] = MemoryCache(cache_limits(settings), named_eviction(settings, core.notice))
        disk = DiskCache(core.state / "answers.db", _disk_limits(settings), core.clock.wall, self._on_file)
        kept = disk if settings.cache.disk.enabled else None
        self.answers = TieredAnswerCache(self.cache, core.clock, kept, policy=settings.cache.policy)
        self.answers.enabled = settings.cache.enabled
        self.queue: FairQueue[Waiter] = FairQueue(queue_limits(settings))
        self.concurrency = ConcurrencyLimits(
            lambda: core.settings.session_pool.max_size,
            lambda: core.settings.recovery.ease_interval,
            core.clock,
            named_limiter(settings, core.notice),
            lambda: self.queue.limits.reserve,
        )

    async def open(self) -> None:
        """Open level 2 of the cache; without its file it is empty, and says so."""
        if self.answers.disk is not None:
            await self.answers.disk.open()

    async def aclose(self) -> None:
        """Write what level 2 has not written yet."""
        if self.answers.disk is not None:
            await self.answers.disk.aclose()

    def configure(self, before: Settings, after: Settings) -> None:
        """Other bounds for the cache and the queue, and the named policies."""
        eviction, limiter = self.cache.policy, None
        if before.cache.policy != after.cache.policy:
            eviction = named_eviction(after, self._notify)
        if before.queue.concurrency_policy != after.queue.concurrency_policy:
            limiter = named_limiter(after, self._notify)
        if eviction is not self.cache.policy:
            self.cache.use(eviction)
        if limiter is not None:
            self.concurrency.use(limiter)
        self.cache.limits, self.answers.policy = cache_limits(after), after.cache.policy
        self.answers.enabled = after.cache.enabled
        if self.answers.disk is not None:
            self.answers.disk.configure(_disk_limits(after))
        self.queue.configure(queue_limits(after))

    def add_chores(self, maintenance: Maintenance) -> None:
        """The file of level 2 is looked at once a second, and what the levels hold is published."""
        maintenance.add("the cache's statistics", self._publish_cache, essential=False)
        if (disk := self.answers.disk) is not None:
            maintenance.add("the cache on disk", disk.check)

    def _publish_cache(self) -> None:
        levels = tuple(self.answers.statistics())
        still = tuple(replace(each, oldest=0.0) for each in levels)
        if still != self._published:
            self._published = still
            self._bus.publish(CacheMeasured(levels))

    def _on_file(self, what: str) -> None:
        self._notify(
            what, "Look at the file and at the disk; while it cannot be used, answers are cached in memory alone."
        )


def _disk_limits(settings: Settings) -> DiskLimits:
    return DiskLimits(settings.cache.disk.max_bytes, settings.cache.ttl)
