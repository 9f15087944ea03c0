"""The cache's statistics; deleting and prewarming answers."""

from __future__ import annotations

import asyncio

import msgspec

from engine.base.errors import QuarterdeckError
from engine.cache.keys import cache_key
from engine.events.types import CachePrewarmed
from engine.operations.declared.cache import (
    CACHE_STATISTICS,
    CLEAR_CACHE,
    DELETE_CACHED,
    PREWARM_CACHE,
    CacheDeleted,
    CacheLevel,
    CachePrompt,
    CacheResult,
    ClearCache,
    PrewarmCache,
    Prewarmed,
    PrewarmResult,
)
from engine.operations.handlers.binding import CallContext, handles, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments
from engine.requests import Request

_AT_ONCE = 4
"""Prompts of a prewarming that run at once."""


@handles(CACHE_STATISTICS)
async def statistics(services: Services, _call: CallContext, _args: NoArguments) -> CacheResult:
    """Both levels."""
    return CacheResult(cache=rows_as(CacheLevel, services.answers.statistics()))


@handles(CLEAR_CACHE)
async def clear(services: Services, call: CallContext, args: ClearCache) -> CacheDeleted:
    """Of the caller's tenant."""
    tag = args.tag if args.tag is not msgspec.UNSET else ""
    return CacheDeleted(deleted=await services.answers.clear(call.caller.tenant, tag, args.level))


@handles(DELETE_CACHED)
async def delete(services: Services, call: CallContext, args: CachePrompt) -> CacheDeleted:
    """One answer. Raises NotFound for an unknown profile."""
    request = Request(prompt=args.prompt, profile=args.profile, tenant=call.caller.tenant, cacheable=True)
    key = await cache_key(request, services.dispatcher.check(request))
    return CacheDeleted(deleted=int(await services.answers.delete(key, call.caller.tenant)))


@handles(PREWARM_CACHE)
async def prewarm(services: Services, call: CallContext, args: PrewarmCache) -> PrewarmResult:
    """Answer what is not cached, some at a time; publish each end. Raises what the first check raises."""
    found = Prewarmed(answered=0, cached=0, failed=0)
    prompts = list(dict.fromkeys(args.prompts))
    waiting = iter(prompts)

    async def answer_next() -> None:
        for prompt in waiting:
            try:
                answer = await services.engine.submit(_request(call, args, prompt))
            except QuarterdeckError as error:
                found.failed += 1
                found.reason = found.reason or error.message
            else:
                found.cached += answer.cached
                found.answered += not answer.cached
            done = found.answered + found.cached + found.failed
            services.bus.publish(CachePrewarmed(done=done, total=len(prompts), failed=found.failed))

    services.engine.check(_request(call, args, prompts[0]))
    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(prompts))):
            group.create_task(answer_next())
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
