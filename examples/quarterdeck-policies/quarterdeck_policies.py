"""Policies of one's own: classes without arguments that meet the ports named below.

Install them beside Quarterdeck (`pip install examples/quarterdeck-policies`), then choose one by its name, such as
`quarterdeck config set session_pool.auto_scaling.policy=three`.
"""

from __future__ import annotations

from engine.flow.limit_policies import Running
from engine.pool.scaling_policies import Load, Recommendation, ScalerLimits
from engine.recovery.breakers.limits import BreakerLimits
from engine.recovery.breakers.trip_policies import CallsSeen


class Three:
    """A scaler (`engine.pool.scaling_policies.ScalingPolicy`): three sessions, whatever the load."""

    def recommend(self, load: Load, limits: ScalerLimits) -> Recommendation:  # noqa: ARG002 - the port's signature
        """Three, also for those who wait."""
        return Recommendation(3, "three are enough")


class Half:
    """A concurrency limiter (`engine.flow.limit_policies.LimitPolicy`): half of the sessions that there may be."""

    def limit(self, facts: Running) -> int | None:
        """Half of what could run."""
        return max(1, facts.most // 2)

    def decrease(self, facts: Running) -> int:
        """The limit is low already."""
        return max(1, facts.most // 2)


class FirstFailure:
    """A trip policy (`engine.recovery.breakers.trip_policies.TripPolicy`): one failure opens the breaker."""

    def reason_to_open(self, seen: CallsSeen, limits: BreakerLimits) -> str:  # noqa: ARG002 - the port's signature
        """The failure."""
        return f"its first failure: {seen.reason}" if seen.reason else ""


class Largest:
    """An eviction policy (`engine.cache.eviction_policies.EvictionPolicy`): the largest reply goes first."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def added(self, key: str, size: int) -> None:
        """Remember its size."""
        self._sizes[key] = size

    def used(self, key: str) -> None:
        """Reading one changes nothing."""

    def removed(self, key: str) -> None:
        """Forget its size."""
        del self._sizes[key]

    def victim(self) -> str:
        """The largest."""
        return max(self._sizes, key=lambda key: (self._sizes[key], key))
