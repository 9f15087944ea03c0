"""The shell around the breakers of one call: asks before it, votes after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from engine.errors import DeadlinePassed, ErrorKind, QuarterdeckError, TurnFailed
from engine.recovery.breaker import BreakerState, Permit
from engine.recovery.breakers import Breakers
from engine.sessions.outcome import Ended, Outcome

_BLAMED = {
    ErrorKind.AUTH: "credential",
    ErrorKind.RESOURCE: "credential",
    ErrorKind.NETWORK: "model",
    ErrorKind.INTERNAL: "model",
    ErrorKind.TIMEOUT: "model",
}
"""The scope that a failed turn speaks against, by the type of its error."""
_OVERLOADED = 529


class Call:
    """One call through the gate."""

    def __init__(self, breakers: Breakers, permits: dict[str, Permit]) -> None:
        self._breakers = breakers
        self.permits = permits
        self._answered = False

    def began(self) -> None:
        """The turn begins: the wait for a session is over."""
        self._breakers.began(self.permits)

    def answered(self) -> None:
        """The first sign of an answer."""
        if not self._answered:
            self._answered = True
            self._breakers.answered(self.permits)


class Gate:
    """Guards calls; the breakers are the owner's. `retire` takes a session whose own breaker opens out of service."""

    def __init__(self, breakers: Breakers, retire: Callable[[str, str], None]) -> None:
        self._breakers = breakers
        self._retire = retire

    @contextmanager
    def call(self, names: Iterable[str]) -> Iterator[Call]:
        """Guard one call by these breakers. Raises Overloaded while one is open; a clean end is a success."""
        permits = self._breakers.ask(names)
        try:
            yield Call(self._breakers, permits)
        except QuarterdeckError as error:
            blamed = blamed_scope(error)
            if blamed:
                self._breakers.failed(permits, blamed, error.message)
            else:
                self._breakers.returned(permits)
            raise
        except asyncio.CancelledError:
            self._breakers.returned(permits)
            raise
        self._breakers.succeeded(permits)

    def turn_ended(self, session: str, outcome: Outcome) -> None:
        """A session whose turns keep failing is replaced; a failure of the API says nothing about its session."""
        name = f"session:{session}"
        if outcome.ok and self._breakers.knows(name):
            self._breakers.vote(name)
        elif outcome.ended is Ended.FAILED:
            breaker = self._breakers.vote(name, outcome.reason or "no reason was given")
            if breaker.state is BreakerState.OPEN:
                self._retire(session, f"its turns keep failing: {breaker.reason}")


def blamed_scope(error: QuarterdeckError) -> str:
    """The scope of breakers that an error speaks against; empty for one that is the request's own, or ours."""
    if isinstance(error, DeadlinePassed) and error.clock:
        return "model"
    if not isinstance(error, TurnFailed):
        return ""
    if error.code == f"api_{_OVERLOADED}":
        return "model"
    return _BLAMED.get(error.kind, "")
