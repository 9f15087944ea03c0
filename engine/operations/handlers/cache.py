"""What the cache holds; forgetting answers, and asking for them ahead of time."""

from __future__ import annotations

import asyncio

from engine.base.errors import QuarterdeckError
from engine.cache.keys import cache_key
from engine.events.types import CachePrewarmed
from engine.operations.declared.cache import (
    CACHE_STATISTICS,
    CLEAR_CACHE,
    DELETE_CACHED,
    PREWARM_CACHE,
    CacheLevel,
    CachePrompt,
    CacheResult,
    ClearCache,
    Forgotten,
    PrewarmCache,
    Prewarmed,
    PrewarmResult,
)
from engine.operations.handlers.binding import CallContext, handles, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments
from engine.requests import Request

_AT_ONCE = 4
"""Prompts of a prewarming that are on their way together."""


@handles(CACHE_STATISTICS)
async def statistics(services: Services, _call: CallContext, _args: NoArguments) -> CacheResult:
    """Both levels."""
    return CacheResult(cache=rows_as(CacheLevel, services.answers.statistics()))


@handles(CLEAR_CACHE)
async def clear(services: Services, call: CallContext, args: ClearCache) -> Forgotten:
    """Of the caller's tenant."""
    return Forgotten(forgotten=await services.answers.clear(call.caller.tenant, args.tag, args.level))


@handles(DELETE_CACHED)
async def delete(services: Services, call: CallContext, args: CachePrompt) -> Forgotten:
    """One answer. Raises NotFound for an unknown profile."""
    request = Request(prompt=args.prompt, profile=args.profile, tenant=call.caller.tenant, cacheable=True)
    key = await cache_key(request, services.dispatcher.check(request))
    return Forgotten(forgotten=int(await services.answers.delete(key, call.caller.tenant)))


@handles(PREWARM_CACHE)
async def prewarm(services: Services, call: CallContext, args: PrewarmCache) -> PrewarmResult:
    """Asks what is not known, some at a time; every one that ends is an event. Raises what the first check raises."""
    found = Prewarmed(asked=0, known=0, failed=0)
    prompts = list(dict.fromkeys(args.prompts))
    waiting = iter(prompts)

    async def ask() -> None:
        for prompt in waiting:
            try:
                answer = await services.engine.submit(_request(call, args, prompt))
            except QuarterdeckError as error:
                found.failed += 1
                found.reason = found.reason or error.message
            else:
                found.known += answer.cached
                found.asked += not answer.cached
            done = found.asked + found.known + found.failed
            services.bus.publish(CachePrewarmed(done=done, total=len(prompts), failed=found.failed))

    services.engine.check(_request(call, args, prompts[0]))
    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(prompts))):
            group.create_task(ask())
    return PrewarmResult(prewarmed=found)


def _request(call: CallContext, args: PrewarmCache, prompt: str) -> Request:
    return Request(
        prompt=prompt,
        profile=args.profile,
        tenant=call.caller.tenant,
        user=call.caller.user,
        priority="low",
        cacheable=True,
        cache_tags=args.cache_tags,
    )
