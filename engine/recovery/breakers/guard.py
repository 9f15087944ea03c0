"""The shell around the breakers of one call: asks before it, votes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

from engine.base.errors import DeadlinePassed, ErrorKind, QuarterdeckError, TurnFailed
from engine.recovery.breakers.registry import Breakers, Permits
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


class GuardedCall:
    """One call through the gate, while its `with` lasts. Raises BreakerOpen when refused; a clean end is a success."""

    __slots__ = ("_answered", "_breakers", "_names", "_permits")

    def __init__(self, breakers: Breakers, names: Iterable[str]) -> None:
        self._breakers = breakers
        self._names = names
        self._permits: Permits = []
        self._answered = False

    def __enter__(self) -> Self:
        self._permits = self._breakers.acquire(self._names)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            self._breakers.succeeded(self._permits)
        elif isinstance(error, QuarterdeckError) and (blamed := blamed_scope(error)):
            self._breakers.failed(self._permits, blamed, error.message)
        else:  # cancelled, or the request's own fault
            self._breakers.release(self._permits)

    @property
    def probes(self) -> bool:
        """Whether the call is a half-open breaker's probe."""
        return any(permit.probe for _, _, permit in self._permits)

    def answered(self) -> None:
        """The first sign of an answer."""
        if not self._answered:
            self._answered = True
            self._breakers.answered(self._permits)


class BreakerGuard:
    """Guards calls; the breakers are the owner's. `retire` takes a session whose own breaker opens out of service."""

    def __init__(self, breakers: Breakers, retire: Callable[[str, str], None]) -> None:
        self._breakers = breakers
        self._retire = retire

    def check(self, names: Iterable[str]) -> None:
        """Raises BreakerOpen when one of these breakers would refuse a call now; takes no permit."""
        self._breakers.check(names)

    def call(self, names: Iterable[str]) -> GuardedCall:
        """Guard one call by these breakers, with `with`."""
        return GuardedCall(self._breakers, names)

    def turn_ended(self, session: str, outcome: Outcome) -> None:
        """A session whose turns keep failing is replaced; a failure of the API does not count against its session."""
        name = f"session:{session}"
        if outcome.ended is Ended.FAILED:
            self._breakers.record(name, outcome.reason or "no reason was given")
        elif outcome.ok and self._breakers.knows(name):
            self._breakers.record(name)
        if self._breakers.refuses(name):
            self._retire(session, f"its turns keep failing: {self._breakers.get(name).reason}")


def blamed_scope(error: QuarterdeckError) -> str:
    """The scope of breakers that an error speaks against; empty for one that is the request's own, or ours."""
    if isinstance(error, DeadlinePassed) and error.clock:
        return "model"
    if not isinstance(error, TurnFailed) or not error.votes:
        return ""
    if error.code == f"api_{_OVERLOADED}":
        return "model"
    return _BLAMED.get(error.kind, "")
