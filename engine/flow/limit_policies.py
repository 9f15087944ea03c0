"""How many requests may run at once: limit policies by name.

Own ones come by entry point (group `quarterdeck.limiters`) or as `module:Class`; each is a class without arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from engine.base.guarded import Guard, Notify, Trust
from engine.base.plugins import LIMITER_GROUP, make
from engine.flow.smoothing import ewma
from engine.settings.schema import Settings

KEY = "queue.concurrency_policy"
BUILT_IN = "aimd"
_LESS = 0.7
_ONE_BURST_S = 1.0
"""Refusals so soon after a decrease belong to what was under way then; at most a tenth of the interval."""
_STEP = 0.1
"""Share of what may run without a limit that is given back at each step, at least one request."""
_SLOWER = 3.0
"""Times that answers must begin, or go on, slower than usual before less may run."""
_SLOWER_LESS = 0.8
_SHORT, _LONG = 0.3, 0.02
"""Weights of the newest sample in the short and in the long mean."""
_ENOUGH = 20
"""Samples before a long mean is one."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a limit is decided from: monotonic seconds, the requests that run, the `most` that could without a limit.

    `interval` is the setting `recovery.ease_interval`: the seconds after which a lowered limit rises.
    """

    now: float
    running: int
    most: int
    interval: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How an answer came: seconds to its first token, seconds between tokens; None where that is not known.

    The time of a whole turn says nothing of the API's load: it is the task's.
    """

    first_token: float | None = None
    token_gap: float | None = None


class LimitPolicy(Protocol):
    """Limits the requests that run at once. It may keep state; it is called on one thread only."""

    def limit(self, facts: Running) -> int | None:
        """Requests that may run at once, at least 1; None without a limit. Called for each one, and once a second."""

    def decrease(self, facts: Running) -> int:
        """The API lacks capacity: let fewer run. Returns the limit."""


@runtime_checkable
class PacedPolicy(Protocol):
    """A limit policy that also hears how answers come, and tells when it will let more run."""

    def observe(self, facts: Running, pace: Pace) -> None:
        """An answer began, or ended."""

    def next_step(self, facts: Running) -> float | None:
        """Seconds until more may run; None when nothing rises by time."""

    reason: str
    """Why there is a limit; empty without one."""


class _Means:
    """Owner of a short and a long mean of one figure (Gradient2's, but of paces)."""

    def __init__(self) -> None:
        self.short = self.long = 0.0
        self.samples = 0

    def add(self, value: float) -> None:
        first = self.samples == 0
        self.short = value if first else ewma(self.short, value, _SHORT)
        self.long = value if first else ewma(self.long, value, max(_LONG, 1 / (self.samples + 1)))
        self.samples += 1

    @property
    def slower(self) -> float:
        """Times that the last ones are slower than usual; 1 while too few are known."""
        return self.short / self.long if self.samples >= _ENOUGH and self.long > 0 else 1.0

    def forgive(self) -> None:
        """What was slow has had its consequence: the next verdict is drawn from what comes now."""
        self.short = self.long


class AimdLimit:
    """Owner of the limit: 0.7 of it by each decrease, given back step by step, then gone (additive increase).

    Refusals within a second count as one, as losses of one round trip do for TCP.

    Answers that begin, or go on, three times slower than usual lower it by a fifth, at most once an interval.
    """

    def __init__(self) -> None:
        self._limit: int | None = None
        self._full = 0
        self._at = 0.0
        self._paces = {"begin": _Means(), "go on": _Means()}
        self.reason = ""

    def limit(self, facts: Running) -> int | None:
        """Requests that may run at once; None without a limit."""
        if self._limit is None:
            return None
        steps = int((facts.now - self._at) / facts.interval) if facts.interval > 0 else self._full
        if steps > 0:
            self._at += steps * facts.interval
            self._limit += steps * max(1, round(self._full * _STEP))
        if self._limit >= self._full:
            self._limit, self.reason = None, ""
        return self._limit

    def decrease(self, facts: Running) -> int:
        """Let 0.7 of what may run, or does, run; at least one may. The limit rises to `most` and is gone."""
        if self._limit is not None and facts.now - self._at < min(_ONE_BURST_S, facts.interval / 10):
            return self._limit
        return self._lower(facts, _LESS, "the API lacks capacity")

    def observe(self, facts: Running, pace: Pace) -> None:
        """Let fewer run while answers are much slower than usual."""
        for word, value in (("begin", pace.first_token), ("go on", pace.token_gap)):
            if value is None:
                continue
            means = self._paces[word]
            means.add(value)
            if means.slower > _SLOWER and facts.now - self._at >= facts.interval:
                self._lower(facts, _SLOWER_LESS, f"answers {word} {means.slower:.1f} times slower than usual")
                means.forgive()

    def next_step(self, facts: Running) -> float | None:
        """Seconds until a tenth more may run."""
        return max(0.0, self._at + facts.interval - facts.now) if self._limit is not None else None

    def _lower(self, facts: Running, factor: float, reason: str) -> int:
        before = self.limit(facts)
        if before is None:
            self._full = max(facts.most, facts.running)
            before = facts.running or facts.most
        self._limit, self._at, self.reason = max(1, int(before * factor)), facts.now, reason
        return self._limit


class GradientLimit:
    """Owner of the limit: L' = (1 - s) L + s (g L + q) with g = clamp(1.5 long / short, 0.5, 1), by first tokens.

    That is Netflix's Gradient2 (s = 0.2, q = 4) on the time to the first token; it grows only while at least half of
    it is used, falls to 0.7 at each decrease, and is gone where all may run.
    """

    _SMOOTHING, _QUEUE, _TOLERANCE = 0.2, 4.0, 1.5

    def __init__(self) -> None:
        self._limit = math.inf
        self._first = _Means()
        self.reason = ""

    def limit(self, facts: Running) -> int | None:
        """Requests that may run at once; None without a limit."""
        if self._limit >= facts.most:
            self.reason = ""
            return None
        return max(1, int(self._limit))

    def decrease(self, facts: Running) -> int:
        """Let 0.7 of what may run, or does, run."""
        self._limit = max(1.0, min(self._limit, facts.running or facts.most) * _LESS)
        self.reason = "the API lacks capacity"
        return int(self._limit)

    def observe(self, facts: Running, pace: Pace) -> None:
        """An answer began: move towards what its delay allows."""
        if pace.first_token is None:
            return
        self._first.add(pace.first_token)
        if self._first.samples < _ENOUGH:
            return
        before = min(self._limit, float(facts.most))
        gradient = max(0.5, min(1.0, self._TOLERANCE / max(self._first.slower, 1e-9)))
        wanted = ewma(before, gradient * before + self._QUEUE, self._SMOOTHING)
        if wanted > before and facts.running < before / 2:
            return
        self._limit = max(1.0, min(wanted, float(facts.most)))
        self.reason = f"answers begin {self._first.slower:.1f} times slower than usual" if gradient < 1 else self.reason

    def next_step(self, facts: Running) -> float | None:  # noqa: ARG002 - it rises with answers, not with time
        """It rises with answers, not with time."""
        return None


LIMITERS: dict[str, Callable[[], LimitPolicy]] = {BUILT_IN: AimdLimit, "gradient": GradientLimit}
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


def named_limiter(settings: Settings, notify: Notify) -> Callable[[], LimitPolicy]:
    """Makes the limit policy that the settings name, one for each credential and model. Raises SettingsError."""
    name = settings.queue.concurrency_policy
    if name in LIMITERS:
        return LIMITERS[name]
    make(LIMITER_GROUP, name, LIMITERS, KEY)  # what cannot be made is refused now

    said: set[str] = set()

    def once(text: str, remedy: str) -> None:
        """It is one extension, however many credentials it limits."""
        if not said:
            said.add(text)
            notify(text, remedy)

    def guarded() -> LimitPolicy:
        made = make(LIMITER_GROUP, name, LIMITERS, KEY)
        return GuardedLimit(Guard(made, AimdLimit(), Trust("concurrency limiter", name, KEY, BUILT_IN, once)))

    return guarded


def _whole(found: int | None) -> int | None:
    return None if found is None else int(found)
