"""How many workers there should be: a pure policy over what waits and what rests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Bounds of a pool of workers; `idle` is the seconds after which a worker above the minimum ends."""

    minimum: int = 0
    maximum: int = 16
    queued: int = 10_000
    idle: float = 30.0


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """What the pool has now; `rested` workers have been idle for longer than the limit."""

    live: int
    idle: int
    queued: int
    rested: int = 0


@dataclass(frozen=True, slots=True)
class WorkerDecision:
    """Workers to start (more than 0) or to end (less), and why."""

    change: int
    reason: str


def decide(load: WorkerLoad, limits: WorkerLimits) -> WorkerDecision:
    """As many as have work, within the bounds; those that rested go first, and the minimum always lives."""
    if load.live > limits.maximum:
        return WorkerDecision(-min(load.idle, load.live - limits.maximum), "above the maximum")
    if load.live < limits.minimum:
        return WorkerDecision(limits.minimum - load.live, "below the minimum")
    if load.queued > load.idle and load.live < limits.maximum:
        return WorkerDecision(min(load.queued - load.idle, limits.maximum - load.live), "jobs wait")
    if load.rested and not load.queued:
        return WorkerDecision(-min(load.rested, load.live - limits.minimum), "idle for too long")
    return WorkerDecision(0, "enough")
