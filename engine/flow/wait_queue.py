"""The one place where requests wait: bounded by admission, let through by the limit of concurrency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.flow.admission import Admission
from engine.flow.concurrency_limit import ConcurrencyLimiter


class RequestQueue:
    """Counts the requests that wait, and gives places among those that run by priority."""

    def __init__(self, admission: Admission, limiter: ConcurrencyLimiter) -> None:
        self._admission = admission
        self._limiter = limiter

    @property
    def limit(self) -> int | None:
        """Requests that may run at once now; None without a limit."""
        return self._limiter.limit

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count a request as waiting while the `with` lasts. Raises Overloaded when the queue is full."""
        self._admission.enter()
        try:
            yield
        finally:
            self._admission.leave()

    async def enter(self, priority: str) -> None:
        """Take a place among the running requests, or wait for one."""
        await self._limiter.enter(priority)

    def leave(self) -> None:
        """Give the place back."""
        self._limiter.leave()

    def resume(self) -> None:
        """Take a place at once, whatever the limit: a request that waited for a person goes on."""
        self._limiter.go_on()
