"""Settings of what waits, what is kept and what runs in the background: the queue, the cache, the workers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from engine.settings.fields import (
    BYTES,
    SECONDS,
    Duration,
    EvictionPolicyName,
    Group,
    LimitPolicyName,
    Number,
    Size,
    Whole,
    in_order,
    setting,
)

DAY = 86_400.0
_WEIGHT = "Share of the work beside that of the other priorities."
DropStrategy = Literal["reject", "drop_oldest", "drop_lowest", "codel"]


class Lane(Group):
    """A priority of the queue."""

    weight: Number = setting(1.0, _WEIGHT, unit="parts", ge=0.01, le=1000)
    max_waiting: Whole = setting(
        0, "Requests that may wait at this priority; 0 as many as in the queue.", unit="requests", ge=0, le=1_000_000
    )
    drop_strategy: Literal[DropStrategy, "queue"] = setting(
        "queue", "Which request is dropped when the priority is full; `queue` as the queue has it."
    )


class UrgentLane(Lane):
    """Requests of priority `urgent`."""

    weight: Number = setting(8.0, _WEIGHT, unit="parts", ge=0.01, le=1000)


class HighLane(Lane):
    """Requests of priority `high`."""

    weight: Number = setting(4.0, _WEIGHT, unit="parts", ge=0.01, le=1000)


class MediumLane(Lane):
    """Requests of priority `medium`."""

    weight: Number = setting(2.0, _WEIGHT, unit="parts", ge=0.01, le=1000)


class Lanes(Group):
    """The priorities of the queue."""

    urgent: UrgentLane = Field(default_factory=UrgentLane)
    high: HighLane = Field(default_factory=HighLane)
    medium: MediumLane = Field(default_factory=MediumLane)
    low: Lane = Field(default_factory=Lane)


class Queue(Group):
    """What happens to requests that cannot run at once."""

    max_waiting: Whole = setting(1000, "Requests that may wait.", unit="requests", ge=0, le=1_000_000)
    concurrency_policy: LimitPolicyName = setting("aimd", "What limits the requests that run at once.")
    drop_strategy: DropStrategy = setting("reject", "Which request is dropped when the queue is full.")
    aging: Duration = setting(
        60.0,
        "Time after which a waiting request goes up one priority, at most to high; 0 never.",
        unit=SECONDS,
        ge=0,
        le=DAY,
    )
    codel_target: Duration = setting(15.0, "Wait that the drop strategy `codel` holds.", unit=SECONDS, ge=0.001, le=DAY)
    codel_interval: Duration = setting(
        60.0, "Time that waits must be above it before `codel` drops.", unit=SECONDS, ge=0.001, le=DAY
    )
    interactive_reserve: Number = setting(
        0.2, "Share of the places, rounded down, that `low` requests leave to others.", unit="share", ge=0, le=0.9
    )
    priorities: Lanes = Field(default_factory=Lanes)


class CacheDisk(Group):
    """Level 2 of the cache: what is kept on disk across engines."""

    enabled: bool = setting(True, "Whether replies are kept on disk too.", restart="engine")
    max_bytes: Size = setting(256 * 1024**2, "Room for the replies kept on disk.", unit=BYTES, ge=1024, le=1024**4)


class Cache(Group):
    """Replies that are kept for requests that allow it."""

    enabled: bool = setting(True, "Whether replies are kept at all.")
    policy: EvictionPolicyName = setting("lru", "What names the reply that goes when the cache is full.")
    max_entries: Whole = setting(1024, "Replies kept.", unit="entries", ge=1, le=10_000_000)
    max_bytes: Size = setting(64 * 1024**2, "Room for the replies kept.", unit=BYTES, ge=1024, le=1024**4)
    ttl: Duration = setting(3600.0, "Age at which a reply is forgotten.", unit=SECONDS, ge=0.001, le=365 * DAY)
    disk: CacheDisk = Field(default_factory=CacheDisk)


class Workers(Group):
    """How much background work runs together: jobs of the engine, and those of programs that use it as a library."""

    minimum: Whole = setting(0, "Workers that always live.", unit="workers", ge=0, le=10_000)
    maximum: Whole = setting(16, "Workers that may live at once.", unit="workers", ge=1, le=10_000)
    max_queued: Whole = setting(10_000, "Jobs that may wait for one.", unit="jobs", ge=1, le=1_000_000)
    idle_timeout: Duration = setting(
        30.0, "Time without a job after which a worker above the minimum ends.", unit=SECONDS, ge=0, le=DAY
    )

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        return in_order(self, "minimum", "maximum")
