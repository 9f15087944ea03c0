"""How many sessions there should be: a pure decision from the load, with its reason.

A scaling policy recommends a size. Up at once on a waiter, in steps; down only to the highest recommendation of a
window, and only after a cooldown (the stabilisation of the Kubernetes HPA).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from engine.pool.scaling_policies import ByUtilisation, Load, ScalerLimits, ScalingPolicy

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ScaleDecision:
    """The size to go to, why, and what it was decided from."""

    target: int
    reason: str
    load: Load

    @property
    def change(self) -> int:
        """Sessions to add, or to give back when negative."""
        return self.target - self.load.size


class Scaler:
    """Owner of the recommendations of the window, of the last change, and of the size that was asked for by hand."""

    def __init__(self, policy: ScalingPolicy | None = None) -> None:
        self.policy: ScalingPolicy = policy or ByUtilisation()
        self._wanted: int | None = None
        self._recommended: deque[tuple[float, int]] = deque()
        self._changed_at = -math.inf

    @property
    def asked(self) -> int | None:
        """The size that was asked for by hand, None when the pool follows the load."""
        return self._wanted

    def ask(self, size: int | None) -> None:
        """Keep this size from now on; None follows the load again."""
        self._wanted = size

    def decide(self, load: Load, limits: ScalerLimits) -> ScaleDecision:
        """The size for this load. Call it on every change and once a tick."""
        if self._wanted is not None:
            return self._towards(load, limits, self._wanted, "asked for by hand")
        if not limits.enabled:
            return self._towards(load, limits, load.size, "autoscaling is off")
        found = self.policy.recommend(load, limits)
        self._remember(load.now, found.size, limits.window)
        if found.size >= load.size:
            return self._grow(load, limits, found.size, found.reason)
        return self._shrink(load, limits, found.reason)

    def ceiling(self, load: Load, limits: ScalerLimits) -> tuple[int, str]:
        """The most sessions that there may be for those who wait, and what sets it: a waiter needs no threshold.

        CPU is no reason to stop an idle session and start another in its place: that costs more of it.
        """
        if self._wanted is not None:
            return self._wanted, f"{self._wanted} sessions were asked for"
        if not limits.enabled:
            return max(load.size, limits.min_size, 1), "autoscaling is off"
        if load.size and (brake := _memory_brake(load, limits) or ("" if load.idle else _cpu_brake(load, limits))):
            return load.size, brake
        found = self.policy.recommend(load, limits)
        if found.ceiling < limits.max_size:
            return max(found.ceiling, limits.min_size), found.reason
        return limits.max_size, f"max_size is {limits.max_size}"

    def _grow(self, load: Load, limits: ScalerLimits, recommended: int, reason: str) -> ScaleDecision:
        floor = limits.min_size
        if recommended > max(load.size, floor):
            brake = _memory_brake(load, limits) or _cpu_brake(load, limits)
            if brake and load.size > 0:
                return self._towards(load, limits, load.size, brake)
            recommended = min(recommended, load.size + limits.step_up)
        return self._towards(load, limits, recommended, reason)

    def _shrink(self, load: Load, limits: ScalerLimits, reason: str) -> ScaleDecision:
        highest = max(size for _, size in self._recommended)
        if highest >= load.size:
            return self._towards(load, limits, load.size, f"{highest} were needed within {limits.window:g} s")
        if load.now - self._changed_at < limits.cooldown:
            return self._towards(load, limits, load.size, f"changed less than {limits.cooldown:g} s ago")
        return self._towards(load, limits, max(highest, load.size - limits.step_down), reason)

    def _towards(self, load: Load, limits: ScalerLimits, target: int, reason: str) -> ScaleDecision:
        bounded = max(limits.min_size, min(limits.max_size, target))
        if bounded != target:
            reason = f"{reason}; {'min_size' if bounded > target else 'max_size'} is {bounded}"
        if bounded != load.size:
            self._changed_at = load.now
        return ScaleDecision(bounded, reason, load)

    def _remember(self, now: float, size: int, window: float) -> None:
        while self._recommended and now - self._recommended[0][0] > window:
            self._recommended.popleft()
        while self._recommended and self._recommended[-1][1] <= size:  # only a maximum that may still count is kept
            self._recommended.pop()
        self._recommended.append((now, size))


def _memory_brake(load: Load, limits: ScalerLimits) -> str:
    """Why one process more would do harm, or nothing."""
    if limits.target_memory > 1 and load.memory_bytes > limits.target_memory:
        taken, target = load.memory_bytes / MIB, limits.target_memory / MIB
        return f"the sessions take {taken:.0f} MiB, above the target {target:.0f} MiB"
    if limits.target_memory <= 1 and load.memory > limits.target_memory:
        return f"memory {load.memory:.0%} is above its target {limits.target_memory:.0%}"
    return ""


def _cpu_brake(load: Load, limits: ScalerLimits) -> str:
    """Why more work at once would do harm, or nothing."""
    if load.cpu > limits.target_cpu and not load.starting:  # a start is CPU itself, and soon over
        return f"CPU {load.cpu:.0%} is above its target {limits.target_cpu:.0%}"
    return ""
