"""How many sessions a load calls for: scaling policies by name; the scaler bounds what they recommend.

Own ones come by entry point (group `quarterdeck.scalers`) or as `module:Class`; each is a class without arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.base.guarded import Guard, Notify, Trust
from engine.base.plugins import SCALER_GROUP, make
from engine.settings.schema import Settings

KEY = "session_pool.auto_scaling.policy"
BUILT_IN = "utilisation"


@dataclass(frozen=True, slots=True)
class ScalerLimits:
    """The settings that scaling obeys. Thresholds and targets are ratios, times are seconds.

    A `target_memory` above 1 is in bytes, of all sessions together.
    """

    min_size: int
    max_size: int
    enabled: bool = True
    up: float = 0.8
    down: float = 0.3
    target_cpu: float = 0.9
    target_memory: float = 0.85
    cooldown: float = 30.0
    window: float = 120.0
    step_up: int = 8
    step_down: int = 2


@dataclass(frozen=True, slots=True)
class Load:
    """What scaling looks at. `size` counts starting sessions too; `cpu` and `memory` are the machine's, as ratios.

    `spare` counts the never used sessions that are kept beside those that are needed; `memory_bytes` is what all
    sessions take.
    """

    now: float
    busy: int
    waiting: int
    size: int
    starting: int = 0
    cpu: float = 0.0
    memory: float = 0.0
    spare: int = 0
    memory_bytes: int = 0

    @property
    def needed(self) -> int:
        """Sessions that have something to do."""
        return self.busy + self.waiting

    @property
    def idle(self) -> int:
        """Sessions that are up and have nothing to do."""
        return max(0, self.size - self.busy - self.starting)

    @property
    def utilisation(self) -> float:
        """(busy + waiting) / all, as the statistics show it; 1 for waiters without a session."""
        return self.needed / self.size if self.size else float(self.waiting > 0)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The sessions that a load calls for, and why. Those who wait may get up to `most`; without it, up to `size`."""

    size: int
    reason: str
    most: int | None = None

    @property
    def ceiling(self) -> int:
        """The most sessions that there may be for those who wait."""
        return self.size if self.most is None else max(self.size, self.most)


class ScalingPolicy(Protocol):
    """Recommends a size. It may keep state; it is called on one thread only, at every change and once a second.

    The scaler keeps the bounds, the steps, the cooldown, the window and the targets of CPU and memory.
    """

    def recommend(self, load: Load, limits: ScalerLimits) -> Recommendation:
        """The size for this load."""


class ByUtilisation:
    """`⌈(busy + waiting) / up threshold⌉` above the upper threshold or with a waiter; less below the lower one."""

    def recommend(self, load: Load, limits: ScalerLimits) -> Recommendation:
        """The size for this load; whoever waits may have a session as long as there is room."""
        size, reason = _by_utilisation(load, limits)
        return Recommendation(size, reason, limits.max_size)


SCALERS: dict[str, Callable[[], ScalingPolicy]] = {BUILT_IN: ByUtilisation}
"""The scaling policies that are built in, by their names in the settings."""


class GuardedScaling:
    """A policy of an extension, with the built-in one behind it."""

    def __init__(self, guard: Guard[ScalingPolicy]) -> None:
        self._guard = guard

    def recommend(self, load: Load, limits: ScalerLimits) -> Recommendation:
        """The extension's recommendation, checked."""
        return self._guard.ask(lambda policy: _checked(policy.recommend(load, limits)))


def named_scaler(settings: Settings, notify: Notify) -> ScalingPolicy:
    """The scaling policy that the settings name. Raises SettingsError."""
    name = settings.session_pool.auto_scaling.policy
    made = make(SCALER_GROUP, name, SCALERS, KEY)
    if name in SCALERS:
        return made
    return GuardedScaling(Guard(made, ByUtilisation(), Trust("scaler", name, KEY, BUILT_IN, notify)))


def _checked(found: object) -> Recommendation:
    if not isinstance(found, Recommendation):
        raise TypeError(f"recommend() returned {found!r}, which is no Recommendation")
    return Recommendation(int(found.size), str(found.reason), None if found.most is None else int(found.most))


def _by_utilisation(load: Load, limits: ScalerLimits) -> tuple[int, str]:
    wanted = max(math.ceil(load.needed / limits.up) if limits.up else 0, load.needed + load.spare)
    if load.waiting and load.size < wanted:
        return wanted, f"{load.waiting} waiting for {load.size} sessions"
    if load.utilisation > limits.up:
        return wanted, f"utilisation {load.utilisation:.0%} is above {limits.up:.0%}"
    if load.needed + load.spare > load.size:
        return load.needed + load.spare, f"{load.spare} are kept warm"
    if load.utilisation < limits.down:
        return min(load.size, wanted), f"utilisation {load.utilisation:.0%} is below {limits.down:.0%}"
    return load.size, f"utilisation {load.utilisation:.0%} is between the thresholds"
