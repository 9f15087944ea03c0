"""The pool of sessions, with what it stores and what watches it."""

from __future__ import annotations

import contextlib

from engine.base.caller import DEFAULT_TENANT
from engine.events.types import BreakerChanged, EventEnvelope
from engine.launchers.host import Host
from engine.launchers.session_host import ThisHost
from engine.maintenance import Maintenance
from engine.parts.agents import Agents
from engine.parts.core import Core
from engine.parts.flow import Flow
from engine.parts.part import Part
from engine.parts.permissions import Permissions
from engine.parts.processes import Processes
from engine.parts.resilience import Resilience
from engine.pool.balancers import named_balancer
from engine.pool.capacity_planner import CapacityPlanner
from engine.pool.conversation_locks import LocalLocks
from engine.pool.conversation_recorder import ConversationRecorder
from engine.pool.conversations import Conversations
from engine.pool.limits import PoolLimits, pool_limits
from engine.pool.pool import Pool
from engine.pool.ports import PoolPorts
from engine.pool.resource_monitor import ResourceMonitor
from engine.pool.routing import Router
from engine.pool.scaling_policies import named_scaler
from engine.pool.terminals import Terminals
from engine.pool.wake_checks import WakeChecks, verdicts_file
from engine.sessions.clocks import turn_limits
from engine.sessions.ports import SessionPorts
from engine.settings.schema import Settings
from engine.store.conversations import ConversationStore
from engine.store.leases import SqliteLeases
from engine.store.sqlite import StoreUnusable


class Sessions(Part):
    """Owner of the pool, the conversation locks and the monitor of resources."""

    name = "session pool"

    def __init__(
        self,
        core: Core,
        processes: Processes,
        agents: Agents,
        resilience: Resilience,
        permissions: Permissions,
        flow: Flow,
    ) -> None:
        self._limits: PoolLimits = pool_limits(core.settings)
        self._turn_limits = turn_limits(core.settings)
        self.locks = SqliteLeases(core.state / "leases.db", core.id, processes.registry.gone)
        self.known = ConversationStore(core.state / "conversations.db")
        self.router = Router(named_balancer(core.settings))
        self._notify = core.notice
        self.planner = CapacityPlanner(lambda: self._limits, core.bus, named_scaler(core.settings, core.notice))
        resources = Host(core.state, watches=agents.choice.backend == "claude")
        host = ThisHost(processes.launcher, processes.containment, resources, processes.paging)
        session = self._session_ports(core, agents, resilience, permissions, host)
        self.ports = PoolPorts(
            session=session,
            limits=lambda: self._limits,
            router=self.router,
            growth=self.planner,
            conversations=Conversations(LocalLocks(self.locks), core.bus, self.known),
            default=lambda: agents.profiles.find("default", DEFAULT_TENANT),
            profile=agents.profiles.known,
            rng=core.rng,
            host=host,
            queue=flow.queue,
            concurrency=flow.concurrency,
            unable=agents.login.missing,
            wake_checks=WakeChecks(verdicts_file(core.state)),
        )
        self.pool = Pool(self.ports)
        self.monitor = ResourceMonitor(self.pool, self.ports)
        self.terminals = Terminals(
            self.pool, self.ports, processes.containment, lambda: core.settings.engine.stop_term_grace
        )

        self.recorder = ConversationRecorder(self.ports.conversations, self.known, core.transcripts)
        core.bus.listen(self.recorder.follow)
        core.bus.listen(self._follow_breakers)

    def _session_ports(
        self, core: Core, agents: Agents, resilience: Resilience, permissions: Permissions, host: ThisHost
    ) -> SessionPorts:
        """What each session works with."""
        return SessionPorts(
            backend=agents.backend,
            launcher=host.launcher,
            host=host.id,
            bus=core.bus,
            clock=core.clock,
            permissions=permissions.broker,
            transcripts=core.transcripts,
            limits=lambda: self._turn_limits,
            tool_ended=resilience.tools.ended,
        )

    async def open(self) -> None:
        """Open the stores, so that no request waits for it. Raises StoreUnusable for that of the locks."""
        self.locks.open()
        with contextlib.suppress(StoreUnusable):  # the first request that needs it gets the error
            self.known.file.open()

    def configure(self, before: Settings, after: Settings) -> None:
        """Other limits, and the named balancer and scaler."""
        names = {each.session_pool.load_balancing.strategy for each in (before, after)}
        balancer = named_balancer(after) if len(names) > 1 else self.router.balancer
        policies = {each.session_pool.auto_scaling.policy for each in (before, after)}
        scaler = named_scaler(after, self._notify) if len(policies) > 1 else self.planner.policy
        self.router.balancer = balancer
        self.planner.use(scaler)
        self._limits, self._turn_limits = pool_limits(after), turn_limits(after)

    async def stop(self, *, at_once: bool) -> None:
        """End the readings, then every session."""
        await self.monitor.aclose()
        await self.terminals.aclose()
        await self.pool.aclose(at_once=at_once)

    async def aclose(self) -> None:
        """Close the stores."""
        self.recorder.write()
        self.known.close()
        self.locks.close()

    def add_chores(self, maintenance: Maintenance) -> None:
        """Sessions are read, the pool reconciled, health checked once a second."""
        maintenance.add("the reading of the sessions", self.monitor.read)
        maintenance.add("the pool's upkeep", self.pool.reconcile)
        maintenance.add("the health checks", self.monitor.check)
        maintenance.add("the watch over terminals", self.terminals.watch, essential=False)

    def profile_of(self, session: str) -> str:
        """The name of a session's profile; empty for one that is gone."""
        member = self.pool.members.get(session)
        return member.request.profile.name if member is not None else ""

    def _follow_breakers(self, stamped: EventEnvelope) -> None:
        """An idle session whose breaker opens serves nobody any more; a leased one is looked at when its turn ends."""
        event = stamped.event
        if not isinstance(event, BreakerChanged) or event.new not in {"open", "forced_open"}:
            return
        kind, _, session = event.breaker.partition(":")
        if kind == "session" and session in self.pool.members and not self.pool.leased(session):
            self.pool.retire(session, f"its breaker opened: {event.reason}")
