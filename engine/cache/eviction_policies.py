"""Which entry of a full cache goes: eviction policies by name.

Own ones come by entry point (group `quarterdeck.eviction_policies`) or as `module:Class`; each is a class without
arguments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from engine.base.guarded import Guard, Notify, Trust
from engine.base.plugins import EVICTION_GROUP, make
from engine.cache.tiny_lfu import TinyLfu
from engine.settings.schema import Settings

KEY = "cache.policy"
BUILT_IN = "lru"


class EvictionPolicy(Protocol):
    """Follows the entries of one cache and names the one that goes; it is called on one thread only."""

    def added(self, key: str, size: int) -> None:
        """An entry of so many bytes was kept; its key was not kept before."""

    def used(self, key: str) -> None:
        """An entry was read."""

    def removed(self, key: str) -> None:
        """An entry is gone: too old, replaced, or evicted."""

    def victim(self) -> str:
        """The key of the entry that goes first; there is at least one."""


class LeastRecentlyUsed:
    """Owner of the order of use: what was read or kept longest ago goes first."""

    def __init__(self) -> None:
        self._order: OrderedDict[str, None] = OrderedDict()
        self.used: Callable[[str], None] = self._order.move_to_end
        """An entry is the newest again; bound once, for this is the way of every hit."""

    def added(self, key: str, size: int) -> None:  # noqa: ARG002 - the port's signature
        """It is the newest."""
        self._order[key] = None

    def removed(self, key: str) -> None:
        """It has no place in the order."""
        del self._order[key]

    def victim(self) -> str:
        """The oldest."""
        return next(iter(self._order))


class FirstInFirstOut:
    """Owner of the order of arrival: what was kept first goes first, however often it is read."""

    def __init__(self) -> None:
        self._order: OrderedDict[str, None] = OrderedDict()
        """No dict: finding the first of one passes all places that were deleted before it."""

    def added(self, key: str, size: int) -> None:  # noqa: ARG002 - the port's signature
        """It is the newest."""
        self._order[key] = None

    def used(self, key: str) -> None:
        """Nothing changes."""

    def removed(self, key: str) -> None:
        """It has no place in the order."""
        del self._order[key]

    def victim(self) -> str:
        """The oldest."""
        return next(iter(self._order))


class LeastFrequentlyUsed:
    """Owner of how often each entry was read since it was kept: the least goes first, of those the oldest use."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._alike: dict[int, OrderedDict[str, None]] = {}
        self._least = 1

    def added(self, key: str, size: int) -> None:  # noqa: ARG002 - the port's signature
        """It was used once."""
        self._counts[key] = self._least = 1
        self._alike.setdefault(1, OrderedDict())[key] = None

    def used(self, key: str) -> None:
        """Once more."""
        count = self._counts[key]
        self._leave(key, count)
        self._counts[key] = count + 1
        self._alike.setdefault(count + 1, OrderedDict())[key] = None

    def removed(self, key: str) -> None:
        """Its count is forgotten."""
        self._leave(key, self._counts.pop(key))

    def victim(self) -> str:
        """The one of the lowest count that was used longest ago."""
        if self._least not in self._alike:
            self._least = min(self._alike)
        return next(iter(self._alike[self._least]))

    def _leave(self, key: str, count: int) -> None:
        alike = self._alike[count]
        del alike[key]
        if not alike:
            del self._alike[count]


EVICTION_POLICIES: dict[str, Callable[[], EvictionPolicy]] = {
    BUILT_IN: LeastRecentlyUsed,
    "lfu": LeastFrequentlyUsed,
    "fifo": FirstInFirstOut,
    "tinylfu": TinyLfu,
}
"""The eviction policies that are built in, by their names in the settings."""


class GuardedEviction:
    """A policy of an extension; the built-in one follows the same entries, and takes over when it fails."""

    def __init__(self, guard: Guard[EvictionPolicy], built_in: EvictionPolicy) -> None:
        self._guard = guard
        self._built_in = built_in
        self._known: set[str] = set()

    def added(self, key: str, size: int) -> None:
        """Both hear of it."""
        self._known.add(key)
        self._hear(lambda policy: policy.added(key, size))

    def used(self, key: str) -> None:
        """Both hear of it."""
        self._hear(lambda policy: policy.used(key))

    def removed(self, key: str) -> None:
        """Both hear of it."""
        self._known.discard(key)
        self._hear(lambda policy: policy.removed(key))

    def victim(self) -> str:
        """The extension's victim; one that is not kept is no answer."""
        return self._guard.ask(lambda policy: self._kept(policy.victim()))

    def _hear(self, of: Callable[[EvictionPolicy], None]) -> None:
        of(self._built_in)
        self._guard.ask(lambda policy: of(policy) if policy is not self._built_in else None)

    def _kept(self, key: str) -> str:
        if key not in self._known:
            raise LookupError(f"victim() returned {key!r}, which is no key of the cache")
        return key


def named_eviction(settings: Settings, notify: Notify) -> EvictionPolicy:
    """The eviction policy that the settings name. Raises SettingsError."""
    name = settings.cache.policy
    made = make(EVICTION_GROUP, name, EVICTION_POLICIES, KEY)
    if name in EVICTION_POLICIES:
        return made
    built_in = LeastRecentlyUsed()
    return GuardedEviction(Guard(made, built_in, Trust("eviction policy", name, KEY, BUILT_IN, notify)), built_in)
