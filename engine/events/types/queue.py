"""Events of the queue: its lanes, its limits, and the positions of the waiting requests."""

from __future__ import annotations

import msgspec

from engine.events.types.base import Event


class LaneReading(msgspec.Struct, frozen=True):
    """One priority now: waiting requests, its bounds, the oldest wait and percentiles of the last waits, in seconds."""

    name: str
    waiting: int
    weight: float
    max_waiting: int = 0
    drop: str = ""
    oldest: float = 0.0
    wait_p50: float = 0.0
    wait_p95: float = 0.0


class LimitReading(msgspec.Struct, frozen=True):
    """The limit of one credential and model: running requests, the limit, its reason, seconds until it next rises."""

    name: str
    running: int
    limit: int | None = None
    reason: str = ""
    next_step: float | None = None


class WaitReading(msgspec.Struct, frozen=True):
    """One waiting request: its position from 1, and the expected seconds until it starts, None while unknown."""

    request: str
    position: int
    expected: float | None = None


class QueueReading(msgspec.Struct, frozen=True):
    """The queue now: `drain_time` in seconds, `throughput` in requests a second, both None while unknown.

    `dropped` counts by cause since the start (`full`, `codel`, `hopeless`), `aged` those that went up a priority.
    """

    waiting: int
    max_waiting: int
    drain_time: float | None = None
    throughput: float | None = None
    aged: int = 0
    dropped: dict[str, int] = {}
    lanes: list[LaneReading] = []
    limits: list[LimitReading] = []
    load: float = 0.0
    """The load of the API that `queue backpressure` set, from 0 to 1."""


class QueueMeasured(Event, frozen=True):
    """The queue and its first waiting requests; published once a second while any request waits or runs."""

    queue: QueueReading
    waits: tuple[WaitReading, ...] = ()
