"""How many requests may run at once: limit policies by name.

Own ones come by entry point (group `quarterdeck.limiters`) or as `module:Class`; each is a class without arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.base.guarded import Guard, Notify, Trust
from engine.base.plugins import LIMITER_GROUP, make
from engine.settings.schema import Settings

KEY = "queue.concurrency_policy"
BUILT_IN = "aimd"
_LESS = 0.5
_STEP = 0.1
"""Share of what may run without a limit that is given back at each step, at least one request."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a limit is decided from: monotonic seconds, the requests that run, the `most` that could without a limit.

    `interval` is the setting `recovery.ease_interval`: the seconds after which a lowered limit rises.
    """

    now: float
    running: int
    most: int
    interval: float


class LimitPolicy(Protocol):
    """Limits the requests that run at once. It may keep state; it is called on one thread only."""

    def limit(self, facts: Running) -> int | None:
        """Requests that may run at once, at least 1; None without a limit. Called for each one, and once a second."""

    def decrease(self, facts: Running) -> int:
        """The API lacks capacity: let fewer run. Returns the limit."""


class AimdLimit:
    """Owner of the limit: halved by each decrease, given back step by step, then gone (additive increase)."""

    def __init__(self) -> None:
        self._limit: int | None = None
        self._full = 0
        self._at = 0.0

    def limit(self, facts: Running) -> int | None:
        """Requests that may run at once; None without a limit."""
        if self._limit is None:
            return None
        steps = int((facts.now - self._at) / facts.interval) if facts.interval > 0 else self._full
        if steps > 0:
            self._at += steps * facts.interval
            self._limit += steps * max(1, round(self._full * _STEP))
        if self._limit >= self._full:
            self._limit = None
        return self._limit

    def decrease(self, facts: Running) -> int:
        """Halve what may run, or what does; at least one may. The limit rises to `most` and is gone."""
        before = self.limit(facts)
        if before is None:
            self._full = max(facts.most, facts.running)
            before = facts.running or facts.most
        self._limit, self._at = max(1, int(before * _LESS)), facts.now
        return self._limit


LIMITERS: dict[str, Callable[[], LimitPolicy]] = {BUILT_IN: AimdLimit}
"""The limit policies that are built in, by their names in the settings."""


class GuardedLimit:
    """A policy of an extension, with the built-in one behind it; one request may always run."""

    def __init__(self, guard: Guard[LimitPolicy]) -> None:
        self._guard = guard

    def limit(self, facts: Running) -> int | None:
        """The extension's limit, at least 1."""
        found = self._guard.ask(lambda policy: _whole(policy.limit(facts)))
        return None if found is None else max(1, found)

    def decrease(self, facts: Running) -> int:
        """The extension's lower limit, at least 1."""
        return max(1, self._guard.ask(lambda policy: int(policy.decrease(facts))))


def named_limiter(settings: Settings, notify: Notify) -> LimitPolicy:
    """The limit policy that the settings name. Raises SettingsError."""
    name = settings.queue.concurrency_policy
    made = make(LIMITER_GROUP, name, LIMITERS, KEY)
    if name in LIMITERS:
        return made
    return GuardedLimit(Guard(made, AimdLimit(), Trust("concurrency limiter", name, KEY, BUILT_IN, notify)))


def _whole(found: int | None) -> int | None:
    return None if found is None else int(found)
