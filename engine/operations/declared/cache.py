"""The answer cache: its levels, and the answers that are kept."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation

PREWARM_MOST = 1000


class CacheLevel(msgspec.Struct, kw_only=True):
    """One level: what it holds against its bounds (0 is none), hits and misses, mean seconds of a hit.

    `gone` counts what went by cause (`room`, `age`, `deleted`, `cleared`, `replaced`, `damaged`, `held up` by a slow
    disk); `oldest` is the age of what was kept first, in seconds.
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


class CacheResult(msgspec.Struct, kw_only=True):
    """The levels of the cache as they are now."""

    cache: list[CacheLevel]


class ClearCache(msgspec.Struct, kw_only=True, frozen=True):
    """What to forget: all of the caller's tenant, or what bears a tag; of both levels (0), or of one."""

    tag: str = ""
    level: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0


class CachePrompt(msgspec.Struct, kw_only=True, frozen=True):
    """The prompt whose answer is to be forgotten, as it was asked."""

    prompt: Annotated[str, msgspec.Meta(min_length=1)]
    profile: str = "default"


class Forgotten(msgspec.Struct, kw_only=True):
    """How many answers went."""

    forgotten: int


class PrewarmCache(msgspec.Struct, kw_only=True, frozen=True):
    """Prompts to be answered ahead of their askers, at priority `low`, for as long as the cache keeps answers."""

    prompts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=PREWARM_MOST)]
    profile: str = "default"
    cache_tags: tuple[str, ...] = ()


class Prewarmed(msgspec.Struct, kw_only=True):
    """How many were asked, how many answers were there already, how many prompts failed and the first reason."""

    asked: int
    known: int
    failed: int
    reason: str = ""


class PrewarmResult(msgspec.Struct, kw_only=True):
    """How the cache was prewarmed."""

    prewarmed: Prewarmed


CACHE_STATISTICS = Operation(
    "cache.statistics",
    "GET /api/cache",
    NoArguments,
    CacheResult,
    "Show the cache by level: use, hits, and what went.",
    command="cache statistics",
    examples=("quarterdeck cache statistics --json",),
)
CLEAR_CACHE = Operation(
    "cache.clear",
    "POST /api/cache/clear",
    ClearCache,
    Forgotten,
    "Forget cached answers: all, of a tag, of a level.",
    Scope.OPERATOR,
    confirm="Forget the cached answers?",
    command="cache clear",
    examples=("quarterdeck cache clear --tag docs",),
)
DELETE_CACHED = Operation(
    "cache.delete",
    "POST /api/cache/delete",
    CachePrompt,
    Forgotten,
    "Forget the cached answer of one prompt.",
    Scope.OPERATOR,
    command="cache delete",
    examples=("quarterdeck cache delete 'say hello'",),
)
PREWARM_CACHE = Operation(
    "cache.prewarm",
    "POST /api/cache/prewarm",
    PrewarmCache,
    PrewarmResult,
    "Answer prompts ahead of their askers.",
    Scope.OPERATOR,
    command="cache prewarm",
    examples=("quarterdeck cache prewarm 'say hello' 'say goodbye'",),
)
