"""A sliding window of call results: a ring of one-second buckets with running totals, as resilience4j has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Votes of some seconds."""

    calls: int = 0
    failures: int = 0
    slow: int = 0


class Window:
    """Owner of the buckets of the last `seconds`; `now` is a monotonic time in seconds. Constant time a vote."""

    def __init__(self, seconds: int) -> None:
        self._buckets = [Tally() for _ in range(max(1, seconds))]
        self._at = 0
        self.total = Tally()

    def add(self, now: float, *, failed: bool = False, slow: bool = False) -> None:
        """One call ended, or a running one turned slow."""
        if int(now) > self._at:
            self.advance(now)
        bucket, total = self._buckets[self._at % len(self._buckets)], self.total
        bucket.calls += 1
        total.calls += 1
        if failed:
            bucket.failures += 1
            total.failures += 1
        if slow:
            bucket.slow += 1
            total.slow += 1

    def fail_one(self, now: float) -> None:
        """A call that voted already, as slow, has failed as well."""
        self.advance(now)
        self._buckets[self._at % len(self._buckets)].failures += 1
        self.total.failures += 1

    def advance(self, now: float) -> None:
        """Forget what has left the window."""
        second = int(now)
        steps = min(second - self._at, len(self._buckets))
        for step in range(1, steps + 1):
            gone = self._buckets[(self._at + step) % len(self._buckets)]
            self.total.calls -= gone.calls
            self.total.failures -= gone.failures
            self.total.slow -= gone.slow
            gone.calls = gone.failures = gone.slow = 0
        self._at = max(self._at, second)

    def resize(self, seconds: int) -> None:
        """Keep another number of seconds; what the newest of them hold stays."""
        size = max(1, seconds)
        kept = [
            (self._at - age, self._buckets[(self._at - age) % len(self._buckets)]) for age in range(len(self._buckets))
        ]
        self._buckets = [Tally() for _ in range(size)]
        self.total = Tally()
        for second, bucket in kept[:size]:
            self._buckets[second % size] = bucket
            self.total.calls += bucket.calls
            self.total.failures += bucket.failures
            self.total.slow += bucket.slow

    def clear(self) -> None:
        """Forget everything."""
        for bucket in self._buckets:
            bucket.calls = bucket.failures = bucket.slow = 0
        self.total = Tally()
