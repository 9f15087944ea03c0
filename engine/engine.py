"""The composition root: builds the parts from the settings, starts, drains and stops them in order."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack

from engine.base.clock import Clock
from engine.base.version import __version__
from engine.events import types as ev
from engine.events.types import PoolStatistics
from engine.log.event_log import EventLog
from engine.offline_model.demo import DemoTraffic
from engine.parts.agents import Agents
from engine.parts.core import Core
from engine.parts.flow import Flow
from engine.parts.part import Part
from engine.parts.permissions import Permissions
from engine.parts.processes import Processes
from engine.parts.profiling import Profiling
from engine.parts.recovery import Recovery
from engine.parts.requests import OnEnd, Requests
from engine.parts.resilience import Resilience
from engine.parts.sessions import Sessions
from engine.parts.supervision import Supervision
from engine.recovery.retry.policy import RetryPolicy
from engine.requests import Answer, AnswerStream, Request
from engine.settings import unused
from engine.settings.live import ChangeRecord, Saved
from engine.settings.load import Loaded
from engine.settings.schema import Settings
from engine.settings.unused import exposure

_LAST_ALERTS_S = 3.0
"""Time that the last alerts have to be sent."""


class Engine:
    """Owner of all parts; lives on one event loop. Start it once, then `drain` and `aclose` it once.

    `owns_process` states that this process runs for the engine: then it ends also children that nobody launched and
    that carry no tag. Else the process is a host, and its children are its own affair: none is ended or reaped.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
        interactive: bool = False,
        owns_process: bool = False,
    ) -> None:
        core = self._core = Core(loaded, clock, environ)
        self.headless = owns_process and not interactive
        processes = self._processes = Processes(core, owns_process=owns_process)
        agents = self._agents = Agents(core, processes, interactive=interactive)
        flow = Flow(core)
        resilience = self._resilience = Resilience(core, lambda breaker: self._recovery.for_breaker(breaker))  # noqa: PLW0108 - built later
        permissions = Permissions(core, resilience.tools.barred)
        sessions = Sessions(core, processes, agents, resilience, permissions, flow)
        self._recovery = Recovery(core, processes, flow, resilience, sessions)
        self._requests = Requests(core, agents, flow, resilience, sessions, self._recovery)
        self._supervision = Supervision(
            core, processes, agents, flow, resilience, sessions, permissions, self._requests
        )
        self._profiling = Profiling(core, sessions, self._supervision.maintenance)
        self._parts: list[Part] = [
            processes,
            sessions,
            resilience,
            permissions,
            core,
            agents,
            flow,
            self._requests,
            self._recovery,
            self._supervision,
            self._profiling,
        ]
        """In the order in which they open; they stop and close in the reverse order."""
        self._opened = AsyncExitStack()
        self.log: EventLog | None = None
        """The log of a headless engine."""
        self._name_parts(flow, resilience, permissions, sessions)

    def _name_parts(self, flow: Flow, resilience: Resilience, permissions: Permissions, sessions: Sessions) -> None:
        """The parts' objects under one roof, for operations, API and tests."""
        self.id = self._core.id
        self.clock = self._core.clock
        self.live = self._core.live
        self.bus = self._core.bus
        self.transcripts = self._core.transcripts
        self.buffers = self._core.buffers
        self.containment = self._processes.containment
        self.launcher = self._processes.launcher
        self.choice = self._agents.choice
        self.profiles = self._agents.profiles
        self.backend = self._agents.backend
        self.login = self._agents.login
        self.cache = flow.cache
        self.answers = flow.answers
        self.queue = flow.queue
        self.concurrency = flow.concurrency
        self.rng = self._core.rng
        self.breakers = resilience.breakers
        self.set_retry_policy = resilience.set_retry_policy
        self.budget = resilience.budget
        self.tools = resilience.tools
        self.diagnosis = resilience.classification
        self.recovery_statistics = resilience.statistics
        self.broker = permissions.broker
        self.pool = sessions.pool
        self.monitor = sessions.monitor
        self.locks = sessions.locks
        self.conversations = sessions.ports.conversations
        self.router = sessions.router
        self.terminals = sessions.terminals
        self.recoveries = self._recovery.recoveries
        self.dispatcher = self._requests.dispatcher
        self.kept_answers = self._requests.kept_answers
        self.checkpoints = self._requests.checkpoints
        self.resumption = self._requests.resumption
        self.alerts = self._supervision.alerts
        self.chores = self._supervision.chores
        self.maintenance = self._supervision.maintenance
        self.startable = self._supervision.startable
        self.stores = self._supervision.stores
        self.profiler, self.performance = self._profiling.profiler, self._profiling.performance
        self.workers = self._supervision.workers

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.live.current

    @property
    def phase(self) -> str:
        """`starting`, `running`, `draining`, `stopping` or `stopped`."""
        return self._core.phase

    async def start(self) -> None:
        """Bring the parts up, reap what a dead engine left, warm the pool. Raises a QuarterdeckError."""
        for part in self._parts:
            if part.name:
                self.live.add_applier(part.name, part.configure)
            self._opened.push_async_callback(part.aclose)
            await part.open()
        self.live.subscribe(self._on_settings)
        self._announce()
        self.alerts.start()
        await self._recovery.cleanup.dead_engines()
        self._core.phase = "running"
        self.pool.changed()
        self._supervision.run(self.log)
        self._requests.follow_checkpoints()
        if self.choice.demo:
            self._supervision.chores.spawn(DemoTraffic(self.submit, self.id).run(), "demo traffic")

    @property
    def retry_policy(self) -> RetryPolicy:
        """The policy of retries in force."""
        return self._resilience.retry

    def ready(self) -> list[str]:
        """Reasons why no work can be taken now; empty when it can."""
        return self._supervision.obstacles()

    async def submit(self, request: Request, stream: AnswerStream | None = None) -> Answer:
        """Answer a request. Raises the QuarterdeckError that states why not."""
        return await self._requests.submit(request, stream)

    def check(self, request: Request) -> None:
        """Raises what `submit` would raise at once: before a caller learns that the request is on its way."""
        self._requests.check(request)

    def send(self, request: Request, on_end: OnEnd | None = None) -> str:
        """Submit a request without waiting for its answer, whose end is an event; returns its id.

        `on_end` is called with the answer, or with the error that states why there is none.
        """
        return self._requests.send(request, on_end)

    def save_settings(self, keys: Collection[str] = (), *, remote: bool = False) -> Saved:
        """Write live changes, all or those of some keys, into the settings file.

        Raises BadInput, SettingsError, and LocalOnly for keys that a `remote` caller may not save.
        """
        return self.live.save(self._core.config, keys, remote=remote)

    def statistics(self) -> PoolStatistics:
        """The pool as it is now, with what its sessions took when they were read last."""
        return self._supervision.statistics()

    async def drain(self, reason: str) -> None:
        """Take no new work; running turns get the grace, then they are checkpointed and interrupted."""
        if self.phase != "running":
            return
        self._core.phase = "draining"
        grace = self.settings.engine.grace
        self.bus.publish(ev.EngineDraining(reason=reason, grace=grace))
        unfinished = await self.pool.drain(grace)
        self._requests.checkpoint()
        for session in unfinished:
            session.interrupt()

    async def aclose(self, reason: str = "stopped", *, at_once: bool = False) -> int:
        """Stop every part in order and prove the tree empty; returns the number of surviving processes.

        `at_once` skips the polite steps and kills.
        """
        self._core.phase = "stopping"
        self._requests.checkpoint()
        async with self._opened:
            for part in reversed(self._parts):
                await part.stop(at_once=at_once)
            survivors = await self._processes.sweep()
            self.bus.publish(ev.EngineStopped(reason=reason, survivors=survivors))
            await self.alerts.aclose(0.0 if at_once else _LAST_ALERTS_S)
        self._core.phase = "stopped"
        return survivors

    async def kill_now(self) -> None:
        """Kill every session at once while `aclose` still goes down the polite steps."""
        await self.pool.kill_now()

    def _announce(self) -> None:
        """Publish that the engine is up, and what its operators must know."""
        self.bus.publish(
            ev.EngineStarted(
                engine=self.id,
                pid=os.getpid(),
                backend=self.choice.backend,
                version=__version__,
                demo=self.choice.demo,
                banner=self.choice.banner,
                max_size=self.settings.session_pool.max_size,
            )
        )
        for line in unused.notices(self.live.origins):
            self._core.notice(f"{line}.", "Leave it out until then, or keep it for later.")
        for sentence, remedy in (*self._core.notices, *exposure(self.settings.api)):
            self._core.notice(sentence, remedy)
        self._agents.notice_missing()

    def _on_settings(self, record: ChangeRecord) -> None:
        self.bus.publish(ev.SettingsChanged(who=record.who, changes=record.changes))
        self.pool.follow_profiles()
        self.pool.reconcile()
