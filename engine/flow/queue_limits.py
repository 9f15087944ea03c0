"""The bounds of the queue and of its lanes, as the settings state them."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.flow.fair_line import LANES
from engine.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """A priority: its weight, how many may wait in it, and who goes when it is full."""

    weight: float
    max_waiting: int
    drop: str


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many may wait, who goes when it is full, and each lane's own; times in seconds, `reserve` is a share."""

    max_waiting: int = 1000
    drop: str = "reject"
    aging: float = 60.0
    codel_target: float = 15.0
    codel_interval: float = 60.0
    reserve: float = 0.0
    lanes: dict[str, LaneLimits] = field(default_factory=dict)

    @property
    def weights(self) -> dict[str, float]:
        """The weights by priority."""
        return {name: lane.weight for name, lane in self.lanes.items()}

    def strategy(self, priority: str) -> str:
        """Who goes when a lane, or the queue at an arrival in it, is full."""
        lane = self.lanes.get(priority)
        return lane.drop if lane is not None and lane.drop != "queue" else self.drop


def queue_limits(settings: Settings) -> QueueLimits:
    """The bounds of the settings."""
    queue, named = settings.queue, settings.queue.priorities
    found = zip(LANES, (named.urgent, named.high, named.medium, named.low), strict=True)
    lanes = {name: LaneLimits(lane.weight, lane.max_waiting, lane.drop_strategy) for name, lane in found}
    return QueueLimits(
        queue.max_waiting,
        queue.drop_strategy,
        queue.aging,
        queue.codel_target,
        queue.codel_interval,
        queue.interactive_reserve,
        lanes,
    )
