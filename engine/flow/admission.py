"""Admission: how many requests may be in the engine at once, and what is refused at the bound. Plain version."""

from __future__ import annotations

from dataclasses import dataclass

from engine.base.errors import Overloaded

_RETRY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """`max_waiting` requests that do not run yet."""

    max_waiting: int


class Admission:
    """Owner of the count of requests that wait."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.limits = limits
        self.waiting = 0
        self.refused = 0

    def enter(self) -> None:
        """A request begins to wait. Raises Overloaded at the bound: the newest is refused."""
        if self.waiting >= self.limits.max_waiting:
            self.refused += 1
            raise Overloaded(
                f"{self.waiting} requests wait already, as many as may.",
                remedy="Try again later, or raise `queue.max_waiting`.",
                retry_after=_RETRY_AFTER_S,
            )
        self.waiting += 1

    def leave(self) -> None:
        """The request runs, or gave up."""
        self.waiting -= 1
