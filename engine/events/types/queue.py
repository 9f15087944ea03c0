"""What the queue says: its lanes, its limits, and where those stand who wait."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Event


class LaneReading(msgspec.Struct, frozen=True):
    """One priority now: who waits, its bounds, the oldest wait and the percentiles of the last ones, in seconds."""

    name: str
    waiting: int
    weight: float
    max_waiting: int = 0
    drop: str = ""
    oldest: float = 0.0
    wait_p50: float = 0.0
    wait_p95: float = 0.0


class LimitReading(msgspec.Struct, frozen=True):
    """The limit of one credential and model: requests that run, that may, why, and seconds to the next step up."""

    name: str
    running: int
    limit: int | None = None
    reason: str = ""
    next_step: float | None = None


class WaitReading(msgspec.Struct, frozen=True):
    """One that waits: its position from 1, and the seconds until it should begin, None while that is not known."""

    request: str
    position: int
    expected: float | None = None


class QueueReading(msgspec.Struct, frozen=True):
    """The queue now. `drain` is in seconds, `out` in requests a second, both None while they are not known.

    `dropped` counts by cause since the start (`full`, `codel`, `hopeless`), `aged` those that went up a priority.
    """

    waiting: int
    max_waiting: int
    drain: float | None = None
    out: float | None = None
    aged: int = 0
    dropped: dict[str, int] = {}
    lanes: list[LaneReading] = []
    limits: list[LimitReading] = []
    load: float = 0.0
    """The load that somebody gave for the API, from 0 to 1."""


class QueueMeasured(Event, frozen=True):
    """How the queue stands, and the first of those who wait; once a second while anything is on its way."""

    queue: QueueReading
    waits: tuple[WaitReading, ...] = ()
