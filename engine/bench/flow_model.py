"""Models that the flow policies are measured on, in virtual time: an API whose capacity steps, and a busy pool.

The policies are the engine's own objects; only sessions, API and time are modelled. Every figure says so.
"""

from __future__ import annotations

import heapq
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from engine.base.clock import ManualClock
from engine.flow.concurrency_limit import ConcurrencyLimits, Place
from engine.flow.limit_policies import LimitPolicy, Pace
from engine.flow.queue_limits import QueueLimits
from engine.flow.wait_queue import FairQueue

KEY = "credential:model model:model"
_TURN_S, _FIRST_S = 5.0, 0.6
"""Mean turn and time to its first token, both without load."""
_REFUSAL_S = 0.3
"""Time that a refusal takes."""


@dataclass(frozen=True)
class Steps:
    """An API's capacity: how many requests it serves at once, from each of these seconds on."""

    capacities: tuple[tuple[float, int], ...] = ((0.0, 16), (600.0, 6), (1200.0, 12), (1800.0, 4), (2400.0, 16))
    until: float = 3000.0

    def at(self, now: float) -> int:
        """The capacity now."""
        return next(capacity for since, capacity in reversed(self.capacities) if now >= since)


class FixedLimit:
    """As many at once as are allowed, whatever happens: what the adaptive limits are measured against."""

    def __init__(self, most: int) -> None:
        self._most = most

    def limit(self, _facts: object) -> int:
        """Always the same."""
        return self._most

    decrease = limit


class Model:
    """Owner of the virtual time: acts in the order of their times, until all time is over."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock(0.0)
        self.rng = random.Random(seed)  # noqa: S311 - a model
        self._acts: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self.clock.monotonic()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        self._number += 1
        heapq.heappush(self._acts, (self.now + seconds, self._number, act))

    def run(self, until: float, before_each: Callable[[], None]) -> None:
        """Let the time go by."""
        before_each()
        while self._acts and self._acts[0][0] < until:
            at, _number, act = heapq.heappop(self._acts)
            self.clock.advance(at - self.now)
            act()
            before_each()


class SteppingApi(Model):
    """An API that refuses what is above its capacity, under a queue that is never empty.

    With `strict` seconds a refusal costs one place for so long: some APIs punish those that press on.
    """

    def __init__(self, make: Callable[[], LimitPolicy], most: int, seed: int, strict: float) -> None:
        super().__init__(seed)
        self._limits = ConcurrencyLimits(lambda: most, lambda: 10.0, self.clock, make)
        self._steps, self._most, self._strict = Steps(), most, strict
        self._punished: list[float] = []
        self._serving = self._answers = 0

    def goodput(self) -> float:
        """Answers a second."""
        self.run(self._steps.until, self._fill)
        return self._answers / self._steps.until

    def _fill(self) -> None:
        for _ in range(self._most):
            if self._limits.running >= self._most or self._limits.refusal(KEY, "medium"):
                return
            self._begin()

    def _begin(self) -> None:
        self._punished = [until for until in self._punished if until > self.now]
        place = self._limits.take(KEY)
        if self._serving >= max(1, self._steps.at(self.now) - len(self._punished)):
            self._punished.append(self.now + self._strict)
            self.later(_REFUSAL_S, lambda: self._refused(place))
            return
        self._serving += 1
        first = _FIRST_S * self.rng.uniform(0.7, 1.3)
        self.later(max(first, self.rng.expovariate(1 / _TURN_S)), lambda: self._answered(place, first))

    def _refused(self, place: Place) -> None:
        self._limits.decrease(KEY)
        place.close()

    def _answered(self, place: Place, first: float) -> None:
        self._serving -= 1
        self._answers += 1
        place.observe(Pace(first_token=first))
        place.close()


@dataclass(frozen=True, eq=False)
class ModelRequest:
    """A request of the model."""

    priority: str
    user: str
    since: float


class BusyPool(Model):
    """A pool that `low` requests of 2 to 30 s fill, and people who ask `high` ones of 0.5 to 4 s every five seconds."""

    def __init__(self, limits: QueueLimits, sessions: int, seed: int) -> None:
        super().__init__(seed)
        self._queue: FairQueue[ModelRequest] = FairQueue(limits)
        self._places = ConcurrencyLimits(
            lambda: sessions, lambda: 10.0, self.clock, lambda: FixedLimit(sessions), lambda: limits.reserve
        )
        self._waits: list[float] = []
        for number in range(3 * sessions):
            self._come("low", f"batch {number % 4}")
        self.later(1.0, self._arrive)

    def interactive_wait(self, seconds: float = 3600.0) -> float:
        """95th percentile of the waits of `high` requests, in seconds."""
        self.run(seconds, self._serve)
        return statistics.quantiles(self._waits, n=20)[-1]

    def _come(self, priority: str, user: str) -> None:
        one = ModelRequest(priority, user, self.now)
        self._queue.add(one, priority, self.now, tenant="", user=user)

    def _arrive(self) -> None:
        self._come("high", f"person {self.rng.randrange(5)}")
        self.later(self.rng.expovariate(0.2), self._arrive)

    def _serve(self) -> None:
        self._queue.shed(self.now)
        for one in self._queue:
            if not self._places.refusal(KEY, one.priority):
                self._begin(one)

    def _begin(self, one: ModelRequest) -> None:
        self._queue.remove(one, self.now, served=True)
        low = one.priority == "low"
        if not low:
            self._waits.append(self.now - one.since)
        took = self.rng.uniform(2.0, 30.0) if low else self.rng.uniform(0.5, 4.0)
        place = self._places.take(KEY)
        self.later(took, lambda: self._ended(place, one, took))

    def _ended(self, place: Place, one: ModelRequest, took: float) -> None:
        place.close()
        self._queue.ended("", one.user, took)
        if one.priority == "low":
            self._come("low", one.user)
