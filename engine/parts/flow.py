"""How much is let in and through: the answer cache, the queue, the limits of concurrency."""

from __future__ import annotations

from engine.cache.answers import TieredAnswerCache
from engine.cache.eviction_policies import named_eviction
from engine.cache.memory import MemoryCache, cache_limits
from engine.flow.concurrency_limit import ConcurrencyLimits
from engine.flow.limit_policies import named_limiter
from engine.flow.queue_limits import queue_limits
from engine.flow.wait_queue import FairQueue
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
        self._notify = core.notice
        self.cache: MemoryCache[Answer] = MemoryCache(cache_limits(settings), named_eviction(settings, core.notice))
        self.answers = TieredAnswerCache(self.cache, core.clock)
        self.queue: FairQueue[Waiter] = FairQueue(queue_limits(settings))
        self.concurrency = ConcurrencyLimits(
            lambda: core.settings.session_pool.max_size,
            lambda: core.settings.recovery.ease_interval,
            core.clock,
            named_limiter(settings, core.notice),
            lambda: self.queue.limits.reserve,
        )

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
        self.cache.limits = cache_limits(after)
        self.queue.configure(queue_limits(after))
