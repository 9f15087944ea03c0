"""Recovery's parts put together, from the engine's parts and its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.flow.concurrency_limit import ConcurrencyLimiter
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry
from engine.launchers.local import LocalLauncher
from engine.pool.members import PoolPorts
from engine.pool.pool import Pool
from engine.recovery.breakers.registry import Breakers
from engine.recovery.cleanup import Cleanup
from engine.recovery.orchestrator import Orchestrator, recovery_limits
from engine.recovery.recoveries import Recoveries
from engine.recovery.recovery_actions import RecoveryActions
from engine.recovery.retry.budget import Budget
from engine.recovery.strategies.registry import Strategies, strategies
from engine.settings.schema import Settings
from engine.store.leases import SqliteLeases


@dataclass(frozen=True)
class RecoveryParts:
    """What recovery is made of; `settings` gives those in force."""

    settings: Callable[[], Settings]
    ports: PoolPorts
    pool: Pool
    containment: Containment
    launcher: LocalLauncher
    registry: EngineRegistry
    leases: SqliteLeases
    breakers: Breakers
    limiter: ConcurrencyLimiter
    budget: Budget

    def cleaner(self) -> Cleanup:
        """What takes left-overs away."""
        state = self.settings().engine.state_dir
        return Cleanup(
            containment=self.containment,
            registry=self.registry,
            leases=self.leases,
            conversations=self.ports.conversations,
            living=lambda: self.pool.members,
            own_children=lambda: self.launcher.child_pids,
            drafts=(state / "engines", state / "checkpoints"),
            bus=self.ports.bus,
            clock=self.ports.clock,
        )

    def recoveries(self, cleaner: Cleanup) -> Recoveries:
        """The orchestrator and its face. Raises SettingsError for a strategy that is not there."""
        bus, clock = self.ports.bus, self.ports.clock
        acts = RecoveryActions(self.pool, self.ports.conversations, self.breakers, self.limiter, cleaner, bus)
        orchestrator = Orchestrator(
            acts,
            self.strategies(self.settings()),
            lambda: recovery_limits(self.settings()),
            self.budget,
            bus,
            clock,
        )
        return Recoveries(orchestrator, acts, bus, clock)

    def strategies(self, settings: Settings) -> Strategies:
        """The strategies that settings name. Raises SettingsError."""
        return strategies(settings, lambda: self.settings().recovery.credential_hold)

    def follow(self, before: Settings, after: Settings, current: Strategies) -> Strategies:
        """The strategies after a change of the settings. Raises SettingsError, and nothing has changed."""
        named = [(each.recovery.strategies, each.circuit_breaker.recovery) for each in (before, after)]
        return current if named[0] == named[1] else self.strategies(after)
