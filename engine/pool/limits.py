"""The settings that the pool obeys, as its policies want them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.pool.host_capacity import HostCapacityLimits
from engine.pool.intensity import IntensityLimits
from engine.pool.scaling_policies import ScalerLimits
from engine.pool.session_limits import MemoryLimitSettings
from engine.settings.schema import Settings
from engine.settings.schema_work import AutoScaling, SessionLimits, SessionPool


@dataclass(frozen=True)
class PoolLimits:
    """Read afresh for every decision. Times in seconds; `warm` spares are by profile name."""

    scaling: ScalerLimits
    host_capacity: HostCapacityLimits
    quotas: MemoryLimitSettings
    intensity: IntensityLimits
    warm: dict[str, int]
    weights: dict[str, float]
    warm_jitter: float
    max_starting: int
    max_waking: int
    wake_spares: int
    acquire_timeout: float
    start_timeout: float
    idle_timeout: float
    page_out_after: float
    page_out_above: float
    background_timeout: float
    max_lifetime: float
    max_turns: int
    term_grace: float
    probe_timeout: float
    health_interval: float
    observe: bool
    transcript_max: int
    output_max: int

    @property
    def min_size(self) -> int:
        """Sessions kept when there is nothing to do."""
        return self.scaling.min_size

    @property
    def max_size(self) -> int:
        """Sessions that may exist."""
        return self.scaling.max_size


def pool_limits(settings: Settings) -> PoolLimits:
    """The pool's part of the settings."""
    pool, limits = settings.session_pool, settings.session_pool.limits
    warm = {name: profile.warm for name, profile in settings.profiles.items() if profile.warm}
    warm["default"] = max(pool.warm, warm.get("default", 0))
    return PoolLimits(
        scaling=_scaler_limits(pool.auto_scaling, pool),
        host_capacity=HostCapacityLimits(limits.memory_floor, limits.disk_floor, limits.session_memory),
        quotas=_memory_limits(limits),
        intensity=IntensityLimits(pool.crashes_borne, pool.crash_period, pool.crash_hold),
        warm=warm,
        weights={name: profile.weight for name, profile in settings.profiles.items()},
        warm_jitter=pool.warm_jitter,
        max_starting=pool.max_starting,
        max_waking=pool.max_waking,
        wake_spares=pool.wake_spares,
        acquire_timeout=pool.acquire_timeout,
        start_timeout=pool.start_timeout,
        idle_timeout=pool.idle_timeout,
        page_out_after=pool.page_out_after,
        page_out_above=pool.page_out_above,
        background_timeout=pool.background_timeout,
        max_lifetime=pool.max_lifetime,
        max_turns=pool.max_turns_per_session,
        term_grace=settings.engine.stop_term_grace,
        probe_timeout=pool.probe_timeout,
        health_interval=pool.load_balancing.health_check_interval,
        observe=pool.health_observe,
        transcript_max=limits.transcript_max,
        output_max=limits.output_max,
    )


def _scaler_limits(scaling: AutoScaling, pool: SessionPool) -> ScalerLimits:
    return ScalerLimits(
        min_size=pool.min_size,
        max_size=pool.max_size,
        enabled=scaling.enabled,
        up=scaling.scale_up_threshold,
        down=scaling.scale_down_threshold,
        target_cpu=scaling.target_cpu,
        target_memory=scaling.target_memory,
        cooldown=scaling.cooldown,
        window=scaling.window,
        step_up=scaling.step_up,
        step_down=scaling.step_down,
    )


def _memory_limits(limits: SessionLimits) -> MemoryLimitSettings:
    return MemoryLimitSettings(
        memory_soft=limits.memory_soft,
        memory_hard=limits.memory_hard,
        cpu_soft=limits.cpu_soft,
        cpu_hard=limits.cpu_hard,
        cpu_for=limits.cpu_for,
        slope=limits.memory_slope,
    )
