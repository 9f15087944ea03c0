"""The shell around a breaker: asks before a call, votes after it, and publishes its changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from engine.clock import Clock
from engine.errors import ErrorKind, Overloaded, QuarterdeckError, TurnFailed
from engine.events.bus import Bus
from engine.events.types import BreakerChanged
from engine.recovery.breaker import Breaker, Permit, Refusal
from engine.sessions.summaries import one_line

_GUARDED = frozenset({ErrorKind.NETWORK, ErrorKind.AUTH, ErrorKind.RESOURCE, ErrorKind.INTERNAL, ErrorKind.TIMEOUT})


class Call:
    """One call through the gate."""

    def __init__(self) -> None:
        self.ok = False

    def succeeded(self) -> None:
        """The API answered."""
        self.ok = True


class Gate:
    """Owner of the breaker named `name`."""

    def __init__(self, name: str, breaker: Breaker, bus: Bus, clock: Clock) -> None:
        self.name = name
        self.breaker = breaker
        self._bus = bus
        self._clock = clock

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Guard one call. Raises Overloaded while the breaker is open; only failures of the API count against it."""
        permit = self._ask()
        call = Call()
        try:
            yield call
        except QuarterdeckError as error:
            self._vote(permit, error)
            raise
        except asyncio.CancelledError:
            self.breaker.returned(permit)
            raise
        if call.ok:
            before = self.breaker.state
            self.breaker.succeeded(permit)
            self._publish_change(before.value, "calls work again")

    def _ask(self) -> Permit:
        before = self.breaker.state
        answer = self.breaker.ask(self._clock.monotonic())
        self._publish_change(before.value, "its open time is over")
        if isinstance(answer, Refusal):
            raise Overloaded(
                f"The breaker {self.name} is open after repeated API failures.",
                remedy="`quarterdeck breakers` shows why; it tries again by itself.",
                retry_after=answer.retry_after,
                retryable=False,
            )
        return answer

    def _vote(self, permit: Permit, error: QuarterdeckError) -> None:
        if isinstance(error, TurnFailed) and error.kind in _GUARDED:
            before = self.breaker.state
            self.breaker.failed(permit, self._clock.monotonic())
            self._publish_change(before.value, error.message)
        else:
            self.breaker.returned(permit)

    def _publish_change(self, before: str, reason: str) -> None:
        after = self.breaker.state.value
        if after != before:
            self._bus.publish(BreakerChanged(breaker=self.name, old=before, new=after, reason=one_line(reason)))
