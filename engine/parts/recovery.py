"""Recovery: the orchestrator with its strategies, and the cleanup of what is left over."""

from __future__ import annotations

from engine.parts.core import Core
from engine.parts.flow import Flow
from engine.parts.part import Part
from engine.parts.processes import Processes
from engine.parts.resilience import Resilience
from engine.parts.sessions import Sessions
from engine.recovery.cleanup import Cleanup
from engine.recovery.orchestrator import Orchestrator, recovery_limits
from engine.recovery.recoveries import Recoveries
from engine.recovery.recovery_actions import RecoveryActions
from engine.recovery.strategies.registry import Strategies, strategies
from engine.settings.schema import Settings


class Recovery(Part):
    """Owner of the recoveries under way. Raises SettingsError for a strategy that is not there."""

    name = "recovery"

    def __init__(
        self, core: Core, processes: Processes, flow: Flow, resilience: Resilience, sessions: Sessions
    ) -> None:
        self._core = core
        conversations = sessions.ports.conversations
        self.cleanup = Cleanup(
            containment=processes.containment,
            registry=processes.registry,
            leases=sessions.locks,
            conversations=conversations,
            living=lambda: {*sessions.pool.members, *sessions.terminals.ids},
            own_children=lambda: processes.launcher.child_pids,
            drafts=(core.state / "engines", core.state / "checkpoints"),
            bus=core.bus,
            clock=core.clock,
        )
        actions = RecoveryActions(
            sessions.pool, conversations, resilience.breakers, flow.concurrency, self.cleanup, core.bus
        )
        self.orchestrator = Orchestrator(
            actions,
            self._strategies(core.settings),
            lambda: recovery_limits(core.settings),
            resilience.budget,
            core.bus,
            core.clock,
        )
        self.recoveries = Recoveries(self.orchestrator, actions, core.bus, core.clock)

    def configure(self, before: Settings, after: Settings) -> None:
        """The strategies that the settings name."""
        named = [(each.recovery.strategies, each.circuit_breaker.recovery) for each in (before, after)]
        if named[0] != named[1]:
            self.orchestrator.strategies = self._strategies(after)

    async def stop(self, *, at_once: bool) -> None:  # noqa: ARG002 - a strategy has no polite end
        """End the recoveries under way."""
        await self.recoveries.aclose()

    def for_breaker(self, breaker: str) -> None:
        """A failure opened a breaker: run the strategy that the settings name for that."""
        strategy = self._core.settings.circuit_breaker.recovery
        if strategy and self._core.phase == "running" and not breaker.startswith("tool:"):
            self.recoveries.for_breaker(strategy, breaker)

    def _strategies(self, settings: Settings) -> Strategies:
        return strategies(settings, lambda: self._core.settings.recovery.credential_hold)
