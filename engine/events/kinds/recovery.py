"""What is said of errors and of what is done about them."""

from __future__ import annotations

from engine.events.kinds.root import Event


class BreakerChanged(Event, frozen=True):
    """A circuit breaker moved between closed, open and half_open."""

    breaker: str
    old: str
    new: str
    reason: str = ""
