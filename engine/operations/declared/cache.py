"""The answer cache: statistics by level; deleting and prewarming answers."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.base.text import TAG
from engine.operations.operation import NoArguments, Operation

PREWARM_MOST = 1000


class CacheLevel(msgspec.Struct, kw_only=True):
    """One level: what it holds against its bounds (0 is none), hits and misses, mean seconds of a hit.

    `removed` counts entries by cause (`room`, `age`, `deleted`, `cleared`, `replaced`, `damaged`, `held up` by a slow
    disk); `oldest` is the age of the oldest entry, in seconds.
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
    removed: dict[str, int]
    oldest: float


class CacheResult(msgspec.Struct, kw_only=True):
    """The levels of the cache as they are now."""

    cache: list[CacheLevel]


class ClearCache(msgspec.Struct, kw_only=True, frozen=True):
    """The answers to delete: all of the caller's tenant, or those with a tag; from both levels (0), or from one."""

    tag: Annotated[str, msgspec.Meta(pattern=f"^{TAG.pattern}$")] | msgspec.UnsetType = msgspec.UNSET
    level: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0


class CachePrompt(msgspec.Struct, kw_only=True, frozen=True):
    """The prompt whose cached answer to delete, word for word, and the profile that it was sent to."""

    prompt: Annotated[str, msgspec.Meta(min_length=1)]
    profile: str = "default"


class CacheDeleted(msgspec.Struct, kw_only=True):
    """The number of answers that were deleted."""

    deleted: int


class PrewarmCache(msgspec.Struct, kw_only=True, frozen=True):
    """Prompts to answer in advance, at priority `low`, and the tags of their cached answers."""

    prompts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=PREWARM_MOST)]
    profile: str = "default"
    cache_tags: tuple[str, ...] = ()


class Prewarmed(msgspec.Struct, kw_only=True):
    """Prompts answered, prompts whose answer was cached already, prompts that failed, and the reason of the first."""

    answered: int
    cached: int
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
    "Show the cache by level: use, hits, and what was removed.",
    command="cache statistics",
    examples=("quarterdeck cache statistics --json",),
)
CLEAR_CACHE = Operation(
    "cache.clear",
    "POST /api/cache/clear",
    ClearCache,
    CacheDeleted,
    "Delete cached answers: all, or those of a tag or a level.",
    Scope.OPERATOR,
    confirm="Delete the cached answers?",
    command="cache clear",
    sentence="Cached answers deleted: {deleted}.",
    examples=("quarterdeck cache clear --tag docs",),
)
DELETE_CACHED = Operation(
    "cache.delete",
    "POST /api/cache/delete",
    CachePrompt,
    CacheDeleted,
    "Delete the cached answer of one prompt.",
    Scope.OPERATOR,
    command="cache delete",
    sentence="Cached answers deleted: {deleted}.",
    examples=("quarterdeck cache delete 'say hello'",),
)
PREWARM_CACHE = Operation(
    "cache.prewarm",
    "POST /api/cache/prewarm",
    PrewarmCache,
    PrewarmResult,
    "Answer prompts in advance, so that their answers are cached.",
    Scope.OPERATOR,
    command="cache prewarm",
    examples=("quarterdeck cache prewarm 'say hello' 'say goodbye'",),
)
