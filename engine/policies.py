"""What the settings say, as each pure policy wants to be told it."""

from __future__ import annotations

from collections.abc import Callable

from engine.base.errors import ErrorKind
from engine.base.plugins import BALANCER_GROUP, find
from engine.cache.memory import CacheLimits
from engine.launchers.cgroups import GroupLimits
from engine.pool.balancers import BALANCERS, Balancer
from engine.pool.intensity import IntensityLimits
from engine.recovery.breakers.breaker import BreakerLimits
from engine.recovery.orchestrator import RecoveryLimits
from engine.recovery.retry.backoff import Backoff, Curve, Jitter
from engine.recovery.retry.policy import RetryPolicy
from engine.recovery.strategies.registry import Strategies
from engine.sessions.clocks import TurnLimits
from engine.settings.schema import Settings


def balancer(settings: Settings) -> Balancer:
    """The balancer that the settings name. Raises SettingsError."""
    name = settings.session_pool.load_balancing.strategy
    return find("balancer", BALANCER_GROUP, name, BALANCERS, "session_pool.load_balancing.strategy")()


def group_limits(settings: Settings) -> GroupLimits:
    """What a cgroup bounds."""
    limits = settings.session_pool.limits
    return GroupLimits(limits.memory_soft, limits.memory_hard)


def cache_limits(settings: Settings) -> CacheLimits:
    """The bounds of the answer cache; none is kept when it is off."""
    cache = settings.cache
    return CacheLimits(cache.max_entries if cache.enabled else 0, cache.max_bytes, cache.ttl)


def breaker_limits(settings: Settings) -> BreakerLimits:
    """When a breaker opens and closes."""
    return BreakerLimits(**settings.circuit_breaker.model_dump(exclude={"recovery"}))


def retry_policy(settings: Settings) -> RetryPolicy:
    """How often and how soon an error of each kind is tried again."""
    retry = settings.retry
    given = retry.attempts.model_dump()
    attempts = {ErrorKind(name): most for name, most in given.items() if most is not None}
    backoff = Backoff(retry.base_delay, retry.max_delay, Curve(retry.backoff), Jitter(retry.jitter))
    recovery = settings.recovery
    return RetryPolicy(
        retry.max_attempts, attempts, backoff, retry.breaker_wait, recovery.park_max, recovery.wake_spread
    )


def recovery_limits(settings: Settings) -> RecoveryLimits:
    """How often a recovery may be tried."""
    recovery = settings.recovery
    starts = IntensityLimits(recovery.starts, recovery.period, recovery.period, recovery.period)
    return RecoveryLimits(recovery.observe, starts)


def strategies(settings: Settings, credential_hold: Callable[[], float]) -> Strategies:
    """The recovery strategies that the settings name. Raises SettingsError."""
    return Strategies(settings.recovery.strategies, credential_hold, settings.circuit_breaker.recovery or "")


def turn_limits(settings: Settings) -> TurnLimits:
    """The clocks of a turn."""
    pool = settings.session_pool
    return TurnLimits(pool.first_byte_timeout, pool.inactivity_timeout, pool.turn_timeout)
