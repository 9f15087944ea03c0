"""Answers that nobody waited for, kept for a while so that their callers can read them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec

from engine.base.clock import Clock
from engine.base.errors import NotFound, QuarterdeckError
from engine.requests import Answer

MAX_ANSWERS = 1000
"""Answers that are kept; at the bound the oldest is forgotten."""
MAX_BYTES = 16 * 1024 * 1024
"""Size of all kept answers as JSON; at the bound the oldest are forgotten."""
LIFE_S = 3600.0
"""Seconds that an answer is kept."""


class KeptAnswers:
    """Owner of the ended requests that were sent with `wait: false`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._size = 0
        self._waiting: set[str] = set()

    def expect(self, name: str) -> None:
        """The request `name` is on its way; its end will be kept."""
        self._waiting.add(name)

    def get(self, name: str) -> bytes:
        """How a request ended, as JSON: `answer`, or `error` in the form of every error. Raises NotFound."""
        self._forget_old()
        if name in self._waiting:
            return msgspec.json.encode({"id": name, "state": "running"})
        if name not in self._kept:
            remedy = "Answers of `wait: false` are kept for an hour; GET /api/prompts lists the others."
            raise NotFound(f"No request {name} is on its way or kept.", field="id", remedy=remedy)
        return self._kept[name][1]

    def keep(self, name: str, outcome: Answer | QuarterdeckError) -> None:
        """It ended so."""
        encoded = msgspec.json.encode(_row(name, outcome, self._clock.wall()))
        self._waiting.discard(name)
        self._drop(name)
        self._kept[name] = (self._now(), encoded)
        self._size += len(encoded)
        while self._kept and (len(self._kept) > MAX_ANSWERS or self._size > MAX_BYTES):
            self._drop(next(iter(self._kept)))

    def _forget_old(self) -> None:
        while self._kept and self._now() - next(iter(self._kept.values()))[0] > LIFE_S:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: str) -> None:
        if (found := self._kept.pop(name, None)) is not None:
            self._size -= len(found[1])

    def _now(self) -> float:
        return self._clock.monotonic()


def _row(name: str, outcome: Answer | QuarterdeckError, now: float) -> dict[str, Any]:
    if isinstance(outcome, QuarterdeckError):
        return {"id": name, "state": "failed", "ended_at": now, "error": outcome.as_dict()}
    return {"id": name, "state": "answered", "ended_at": now, "answer": outcome}
