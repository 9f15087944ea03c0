"""What watches the engine: the periodic maintenance, the stores, the alerts, and whether work can be taken."""

from __future__ import annotations

import asyncio
import time

from engine.alerts.build_alerts import AlertSources, build_alerts
from engine.backends.startable import Startable
from engine.base.nursery import Nursery
from engine.base.plugins import foreign_owners
from engine.events.types import PoolStatistics
from engine.log.event_log import EventLog
from engine.maintenance import Maintenance
from engine.parts.agents import Agents
from engine.parts.core import Core
from engine.parts.flow import Flow
from engine.parts.part import Part
from engine.parts.permissions import Permissions
from engine.parts.processes import Processes
from engine.parts.requests import Requests
from engine.parts.resilience import Resilience
from engine.parts.sessions import Sessions
from engine.recovery.breakers.breaker_keys import breaker_keys, is_of_one_profile
from engine.settings.schema import Settings
from engine.store.watch import StoreWatch
from engine.workers.scaler import WorkerLimits
from engine.workers.workers import Workers

_PARTIAL = ("session:", "tool:")
"""Breakers that keep no request from being answered."""


class Supervision(Part):
    """Owner of the maintenance, the watch over the stores and the alerts."""

    name = "alerts"

    def __init__(
        self,
        core: Core,
        processes: Processes,
        agents: Agents,
        flow: Flow,
        resilience: Resilience,
        sessions: Sessions,
        permissions: Permissions,
        requests: Requests,
    ) -> None:
        self._core, self._processes, self._agents, self._flow = core, processes, agents, flow
        self._resilience, self._sessions, self._requests = resilience, sessions, requests
        self.chores = Nursery("engine", core.on_chore_error)
        self.workers = Workers("background", _worker_limits(core.settings), core.clock, core.on_job_error)
        self.maintenance = Maintenance(core.bus, time.monotonic, self.workers.spawn)
        self.startable = Startable(lambda: agents.cli, sessions.profile_of, core.clock)
        core.bus.listen(self.startable.follow)
        files = (sessions.locks, sessions.known, permissions.broker.store, resilience.classification.learned)
        self.stores = StoreWatch([each.file for each in files], core.bus)
        self.alerts = build_alerts(
            AlertSources(
                engine=core.id,
                bus=core.bus,
                clock=core.clock,
                settings=lambda: core.settings,
                recovery=resilience.statistics,
                pool=self.statistics,
                open_breakers=resilience.breakers.open_ones,
                planner=sessions.planner,
                launcher=processes.launcher,
                environ=core.environ,
            )
        )
        self._add_chores()

    def configure(self, before: Settings, after: Settings) -> None:
        """The rules and channels of alerts, and the bounds of the workers."""
        if before.workers != after.workers:
            self.workers.configure(_worker_limits(after))
        self.alerts.use(after.alerts)

    def run(self, log: EventLog | None) -> None:
        """Start the periodic maintenance; `log` is a headless engine's."""
        self._core.add_chores(self.maintenance)
        if log is not None:
            self.maintenance.add("the log", lambda: log.report(self._core.bus), essential=False)
        self.chores.spawn(self.maintenance.run(), "maintenance")
        self.workers.spawn(self._look_at_packages(), "the look at the installed packages")

    async def stop(self, *, at_once: bool) -> None:  # noqa: ARG002 - a chore has no polite end
        """End the maintenance and the background work."""
        await self.chores.aclose()
        await self.workers.aclose()
        await self.maintenance.aclose()

    def statistics(self) -> PoolStatistics:
        """The pool as it is now, with what its sessions took when they were read last."""
        measured = self._core.bus.state.pool
        return self._sessions.pool.statistics(measured.memory if measured else 0, measured.cpu if measured else 0.0)

    def obstacles(self) -> list[str]:
        """Reasons why no work can be taken now; empty when it can."""
        default, phase = self._agents.profiles.known("default"), self._core.phase
        reasons = []
        if default is not None and (missing := self._agents.login.missing(default)):
            reasons.append(missing)
        reasons += self.maintenance.late() if phase == "running" else [f"the engine is {phase}"]
        reasons += self.startable.obstacles(self._agents.profiles.all())
        reasons += self.stores.reasons()
        usual = breaker_keys(default) if default is not None else []
        closed = [name for name in self._resilience.breakers.open_ones() if not name.startswith(_PARTIAL)]
        reasons += [f"the breaker {name} is open" for name in closed if name in usual or not is_of_one_profile(name)]
        if full := self._sessions.planner.disk_full:
            reasons.append(full)
        if self._flow.queue.full:
            reasons.append("the queue is full")
        return reasons

    async def _look_at_packages(self) -> None:
        for package, owner in (await asyncio.to_thread(foreign_owners)).items():
            text = f"{owner} installs a package {package} too, which may stand in for this one."
            self._core.notice(text, f"Uninstall {owner}, or give Quarterdeck an environment of its own.")

    def _add_chores(self) -> None:
        """What is done once a second, in this order; the clock goes first, since the others read it."""
        add, pool = self.maintenance.add, self._sessions.pool
        add("the engine's clock", self._core.look_for_pause)
        self._sessions.add_chores(self.maintenance)
        add("the report of waits", self._requests.dispatcher.publish_waits)
        add("the breakers", lambda: self._resilience.breakers.tick(min(1.0, pool.utilisation)))
        self._resilience.add_chores(self.maintenance)
        self._flow.add_chores(self.maintenance)
        add("the alerts", self.alerts.look)
        self._processes.add_chores(self.maintenance)
        add("the stores", self.stores.check)
        add("the workers", self._scale_workers, essential=False)

    def _scale_workers(self) -> None:
        self.workers.tick()


def _worker_limits(settings: Settings) -> WorkerLimits:
    workers = settings.workers
    return WorkerLimits(workers.minimum, workers.maximum, workers.max_queued, workers.idle_timeout)
