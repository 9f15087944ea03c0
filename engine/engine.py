"""The composition root: builds the parts from the settings, starts, drains and stops them in order."""

from __future__ import annotations

import contextlib
import os
import random
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from engine.alerts.build_alerts import AlertSources, build_alerts
from engine.approvals.broker import PermissionBroker
from engine.approvals.store import ApprovalStore
from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import Profile
from engine.backends.build import build
from engine.backends.credential import Credential
from engine.backends.login import Login
from engine.backends.profiles import Profiles
from engine.backends.selection import BackendSelection, choose, credential_of, named_binary
from engine.backends.startable import Startable
from engine.backends.transcript_search import AgentTranscripts
from engine.base import process
from engine.base.caller import DEFAULT_TENANT
from engine.base.clock import Clock, PausableClock, SystemClock
from engine.base.errors import (
    BackendMissing,
    NotFound,
    NotSignedIn,
    Overloaded,
    QuarterdeckError,
    SettingsError,
    internal_error,
)
from engine.base.local_trust import own_folder
from engine.base.nursery import Nursery
from engine.base.operator import home_folder
from engine.base.version import __version__
from engine.cache.answers import TieredAnswerCache
from engine.cache.memory import MemoryCache, cache_limits
from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.ports import DispatcherPorts
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.types import PoolStatistics
from engine.flow.admission import Admission, AdmissionLimits
from engine.flow.concurrency_limit import ConcurrencyLimiter
from engine.flow.wait_queue import RequestQueue
from engine.launchers.cgroups import Cgroups, group_limits
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry
from engine.launchers.host import Host
from engine.launchers.kernel import become_subreaper
from engine.launchers.local import LocalLauncher
from engine.log.event_log import EventLog
from engine.maintenance import TICK_S, Maintenance
from engine.offline_model.demo import DemoTraffic
from engine.offline_model.server import OfflineModel
from engine.pool.balancers import named_balancer
from engine.pool.capacity_planner import CapacityPlanner
from engine.pool.conversations import Conversations
from engine.pool.limits import pool_limits
from engine.pool.members import PoolPorts
from engine.pool.pool import Pool
from engine.pool.resource_monitor import ResourceMonitor
from engine.pool.routing import Router
from engine.recovery.breakers.breaker import breaker_limits
from engine.recovery.breakers.breaker_keys import CREDENTIAL_BREAKER, breaker_keys, is_of_one_profile
from engine.recovery.breakers.guard import BreakerGuard
from engine.recovery.breakers.registry import Breakers
from engine.recovery.breakers.tools import Tools
from engine.recovery.classify.learned_rules import LearnedRules
from engine.recovery.classify.service import STORE, ClassificationService
from engine.recovery.cleanup import StrayCleanup
from engine.recovery.factory import RecoveryParts
from engine.recovery.retry.budget import Budget
from engine.recovery.retry.policy import retry_policy
from engine.recovery.statistics import RecoveryStatistics
from engine.requests import Answer, AnswerStream, Request
from engine.sessions.clocks import turn_limits
from engine.sessions.ports import SessionPorts
from engine.sessions.transcripts import Transcripts
from engine.settings import unused
from engine.settings.live import ChangeRecord, LiveSettings, Saved
from engine.settings.load import Loaded
from engine.settings.paths import config_file
from engine.settings.schema import Settings
from engine.settings.unused import exposure
from engine.store.conversations import ConversationStore
from engine.store.leases import SqliteLeases
from engine.store.watch import StoreWatch
from engine.tasks.checkpoints import Checkpoint, Checkpoints
from engine.tasks.kept_answers import KeptAnswers
from engine.tasks.resumption import Resumption, ResumptionPorts

_PARTIAL = ("session:", "tool:")
"""Breakers that keep no request from being answered."""
_LAST_ALERTS_S = 3.0
"""Time that the last alerts have to be told."""


class Engine:
    """Owner of all parts; lives on one event loop. Start it once, then `drain` and `aclose` it once.

    `owns_process` says that this process runs for the engine: then it ends also children that nobody launched and that
    carry no tag. Else the process is a host, and its children are its own affair: none is ended or reaped.
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
        settings, state = loaded.settings, loaded.settings.engine.state_dir
        environ = process.environment() if environ is None else environ
        self._loaded_notices = loaded.notices
        self.id = uuid.uuid4().hex[:12]
        self._pauses = PausableClock(SystemClock(), TICK_S) if clock is None else None
        self.clock: Clock = clock or self._pauses or SystemClock()
        self.live = LiveSettings(settings, clock=self.clock, origins=loaded.origins)
        self._config = loaded.config or config_file(environ)
        self.bus = Bus(self.clock, settings.events.history)
        self.transcripts = Transcripts(settings.events.transcript_bytes)
        self.broker = PermissionBroker(
            self.bus,
            self.clock,
            ApprovalStore(state / "approvals.db", self.clock),
            lambda: self.settings.claude.permission_timeout,
            barred=self._barred,
        )
        self.containment = Containment(self.id, adopts=owns_process)
        self._groups = Cgroups(self.id, lambda: group_limits(self.settings))
        self.launcher = LocalLauncher(self.containment, self._groups)
        self.checkpoints = Checkpoints(state / "checkpoints")
        self._ledger = EngineRegistry(state / "engines")
        self._environ = environ
        self._operator_home = home_folder(environ)
        self._operator_config = Path(given) if (given := environ.get("CLAUDE_CONFIG_DIR")) else None
        config = self._operator_config or self._operator_home / ".claude"
        self.choice: BackendSelection = choose(settings, config, interactive=interactive)
        self._model: OfflineModel | None = None
        self._chores = Nursery("engine", self._on_chore_error)
        self._sent = Nursery("sent requests", self._on_chore_error)
        self._checkpointed: set[str] = set()
        self._recorder: Recorder | None = None
        self._read_limits(settings)
        self.cache: MemoryCache[Answer] = MemoryCache(cache_limits(settings))
        self.admission = Admission(AdmissionLimits(settings.queue.max_waiting))
        self.limiter = ConcurrencyLimiter(
            lambda: self.settings.session_pool.max_size, lambda: self.settings.recovery.ease_interval, self.clock
        )
        self.breakers = Breakers(lambda: breaker_limits(self.settings), self.bus, self.clock, self._opened)
        self.breakers.watch(CREDENTIAL_BREAKER)
        self.budget = Budget(settings.retry.budget)
        self.diagnosis = ClassificationService(
            settings.recovery.rules,
            LearnedRules(state / STORE, self.clock),
            self.clock,
        )
        self.tools = Tools(self.breakers, lambda: self.diagnosis.classify)
        self.profiles = Profiles(
            lambda: self.settings, self._credential, self.choice.backend, offline=self.choice.offline
        )
        agents = self._ledger.folder(self.id)
        self._agent_dirs = AgentDirectories(
            state, settings.workspaces, self._operator_home, self._operator_config, agents
        )
        self._cli = self.choice.binary
        self.backend = build(settings, self._agent_dirs, self.choice.binary, self._credential)
        self.login = Login(
            self.choice.missing,
            lambda: credential_of(self.settings),
            self._agent_dirs.config,
            self.clock,
            ours=self.choice.offline,
        )
        self._chance = random.Random()  # noqa: S311 - jitter and placement, not secrets
        self._leases = SqliteLeases(state / "leases.db", self.id, self._ledger.gone)
        self._known = ConversationStore(state / "conversations.db")
        self._router = Router(named_balancer(settings))
        self._pool_ports = self._make_pool_ports()
        self.pool = Pool(self._pool_ports)
        host = Host(state, watches=self.choice.backend == "claude")
        self._recovery = RecoveryParts(
            settings=lambda: self.settings,
            ports=self._pool_ports,
            pool=self.pool,
            containment=self.containment,
            launcher=self.launcher,
            registry=self._ledger,
            leases=self._leases,
            breakers=self.breakers,
            limiter=self.limiter,
            budget=self.budget,
        )
        self._cleaner = self._recovery.cleaner()
        self.recoveries = self._recovery.recoveries(self._cleaner)
        self.monitor = ResourceMonitor(self.pool, self._pool_ports, host, self.containment.read_trees)
        self.dispatcher = Dispatcher(
            DispatcherPorts(
                bus=self.bus,
                clock=self.clock,
                cache=TieredAnswerCache(self.cache, self.clock),
                queue=RequestQueue(self.admission, self.limiter),
                guard=BreakerGuard(self.breakers, self._retire_session),
                recoveries=self.recoveries.orchestrator,
                pool=self.pool,
                transcripts=AgentTranscripts(self.backend),
                retry=lambda: self._retry_policy,
                budget=self.budget,
                load=lambda: min(1.0, self.pool.utilisation),
                profile=self._profile_for,
                error_of=self.diagnosis.error_of,
            ),
            self._chance,
        )
        self.resumption = Resumption(
            self.checkpoints,
            ResumptionPorts(
                clock=self.clock,
                check=self.check,
                submit=self.submit,
                spawn=self._sent.spawn,
                begun=self._has_begun,
                expiry=lambda: self.settings.recovery.checkpoint_expiry,
                running=lambda: self.phase == "running",
            ),
        )
        self.kept_answers = KeptAnswers(self.clock)
        self.recovery_statistics = RecoveryStatistics()
        self.bus.listen(self.recovery_statistics.apply)
        self.bus.listen(self.login.follow)
        self.startable = Startable(lambda: self._cli, self._profile_of, self.clock)
        self.bus.listen(self.startable.follow)
        self.stores = StoreWatch(
            [self._leases.file, self._known.file, self.broker.store.file, self.diagnosis.learned.file], self.bus
        )
        self.maintenance = Maintenance(self.bus, time.monotonic)
        self.log: EventLog | None = None
        """The log of a headless engine."""
        self.alerts = build_alerts(
            AlertSources(
                engine=self.id,
                bus=self.bus,
                clock=self.clock,
                settings=lambda: self.settings,
                recovery=self.recovery_statistics,
                pool=self.statistics,
                open_breakers=self.breakers.open_ones,
                planner=self._pool_ports.growth,
                launcher=self.launcher,
                environ=environ,
            )
        )
        self._reported_pause = 0.0
        self._add_chores()
        self.phase = "new"

    async def start(self) -> None:
        """Bring the parts up, reap what a dead engine left, warm the pool. Raises a QuarterdeckError."""
        self.live.add_applier("engine", self._apply)
        self.live.subscribe(self._on_settings)
        self._enter_ledger()
        self._leases.open()
        self.diagnosis.learned.open()
        self.broker.store.open()
        self._recorder = self._started_recorder()
        become_subreaper()  # also as a guest: else what a turn leaves running could not be seen at its end
        self._groups.open()
        if self.choice.offline:
            self._model = OfflineModel()
            await self._model.start()
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
            self._notice(f"{line}.", "Leave it out until then, or keep it for later.")
        for sentence, remedy in (*self._loaded_notices, *exposure(self.settings.api)):
            self._notice(sentence, remedy)
        if default := self.profiles.known("default"):
            self._tell_missing(default)
        self.alerts.start()
        await self._cleaner.dead_engines()
        self.phase = "running"
        self.pool.changed()
        if self._recorder is not None:
            self.maintenance.add("the flight recorder", self._recorder.flush, essential=False)
        if (log := self.log) is not None:
            self.maintenance.add("the log", lambda: log.report(self.bus), essential=False)
        self._chores.spawn(self.maintenance.run(), "maintenance")
        self._follow_checkpoints()
        if self.choice.demo:
            self._chores.spawn(DemoTraffic(self.submit, self.id).run(), "demo traffic")

    def _started_recorder(self) -> Recorder | None:
        events, folder = self.settings.events, self.settings.recordings
        if not events.recording:
            return None
        made = Recorder(self.bus, folder, self.id, segment_bytes=events.segment_bytes, segments=events.segments)
        made.start()
        return made

    def ready(self) -> list[str]:
        """Reasons why no work can be taken now; empty when it can."""
        reasons = []
        default = self.profiles.known("default")
        if default is not None and (missing := self.login.missing(default)):
            reasons.append(missing)
        if self.phase != "running":
            reasons.append(f"the engine is {self.phase}")
        else:
            reasons += self.maintenance.late()
        reasons += self.startable.obstacles(self.profiles.all())
        reasons += self.stores.reasons()
        usual = breaker_keys(default) if default is not None else []
        closed = [name for name in self.breakers.open_ones() if not name.startswith(_PARTIAL)]
        reasons += [f"the breaker {name} is open" for name in closed if name in usual or not is_of_one_profile(name)]
        if full := self._pool_ports.growth.disk_full:
            reasons.append(full)
        if self.admission.waiting >= self.admission.limits.max_waiting:
            reasons.append("the queue is full")
        return reasons

    async def submit(self, request: Request, listener: AnswerStream | None = None) -> Answer:
        """Answer a request. Raises the QuarterdeckError that says why not."""
        self._check_running()
        return await self.dispatcher.dispatch(request, listener)

    def check(self, request: Request) -> None:
        """Raises what `submit` would raise at once: before a caller is told that the request is on its way."""
        self._check_running()
        self.dispatcher.check(request)

    def send(self, request: Request, on_end: Callable[[Answer | QuarterdeckError], None] | None = None) -> str:
        """Submit a request without waiting for its answer, whose end is an event; returns its id.

        `on_end` is called with the answer, or with the error that says why there is none.
        """
        self.check(request)
        self._sent.spawn(self._submit_quietly(request, on_end), f"request {request.id}")
        return request.id

    def save_settings(self, keys: Collection[str] = (), *, remote: bool = False) -> Saved:
        """Write live changes, all or those of some keys, into the settings file.

        Raises BadInput, SettingsError, and LocalOnly for keys that a `remote` caller may not save.
        """
        return self.live.save(self._config, keys, remote=remote)

    @property
    def conversations(self) -> Conversations:
        """Which session may write which conversation."""
        return self._pool_ports.conversations

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.live.current

    def statistics(self) -> PoolStatistics:
        """The pool as it is now, with what its sessions took when they were read last."""
        measured = self.bus.state.pool
        return self.pool.statistics(measured.memory if measured else 0, measured.cpu if measured else 0.0)

    async def drain(self, reason: str) -> None:
        """Take no new work; running turns get the grace, then they are checkpointed and interrupted."""
        if self.phase != "running":
            return
        self.phase = "draining"
        grace = self.settings.engine.grace
        self.bus.publish(ev.EngineDraining(reason=reason, grace=grace))
        unfinished = await self.pool.drain(grace)
        self._checkpoint_flights()
        for session in unfinished:
            session.interrupt()

    async def aclose(self, reason: str = "stopped", *, at_once: bool = False) -> int:
        """Stop every part in order and prove the tree empty; returns the number of surviving processes.

        `at_once` skips the polite steps and kills.
        """
        self.phase = "stopping"
        self._checkpoint_flights()
        async with AsyncExitStack() as stack:
            if self._recorder is not None:
                stack.callback(self._recorder.close)
            if self._model is not None:
                stack.push_async_callback(self._model.aclose)
            stack.callback(self._leases.close)
            stack.callback(self._known.close)
            stack.callback(self._groups.close)
            stack.callback(self.diagnosis.close)
            stack.callback(self.broker.store.close)
            await self._chores.aclose()
            await self.maintenance.aclose()
            await self.recoveries.aclose()
            await self.monitor.aclose()
            await self._sent.aclose()
            await self.pool.aclose(at_once=at_once)
            survivors = await self._sweep()
            self.bus.publish(ev.EngineStopped(reason=reason, survivors=survivors))
            await self.alerts.aclose(0.0 if at_once else _LAST_ALERTS_S)
        if not survivors:
            self._ledger.leave(self.id)
        self.phase = "stopped"
        return survivors

    async def kill_now(self) -> None:
        """Kill every session at once while `aclose` still goes down the polite steps."""
        await self.pool.kill_now()

    def _profile_for(self, name: str, tenant: str) -> Profile:
        """A request's profile. Raises also BackendMissing or NotSignedIn when its agents could not work."""
        profile = self.profiles.find(name, tenant)
        self.login.check(profile)
        return profile

    def _tell_missing(self, profile: Profile) -> None:
        try:
            self.login.check(profile)
        except (BackendMissing, NotSignedIn) as error:
            text = f"no work can be taken: {error.message}"
            self.bus.publish(ev.Notice(severity=ev.Severity.CRITICAL, text=text, remedy=error.remedy))

    def _retire_session(self, session: str, reason: str) -> None:
        with contextlib.suppress(NotFound):  # it is gone already
            self.pool.retire(session, reason)

    def _add_chores(self) -> None:
        """What is done once a second, in this order; the clock goes first, since the others read it."""
        add = self.maintenance.add
        strays = StrayCleanup(self.containment, self._ledger, self.bus, lambda: self.settings.engine.stop_term_grace)
        add("the engine's clock", self._look_for_pause)
        add("the reading of the sessions", self.monitor.read)
        add("the pool's upkeep", self.pool.reconcile)
        add("the health checks", self.monitor.check)
        add("the report of waits", self.dispatcher.publish_waits)
        add("the breakers", lambda: self.breakers.tick(min(1.0, self.pool.utilisation)))
        add("the limit of concurrency", self.limiter.look)
        add("the alerts", self.alerts.look)
        add("the reaping of orphans", self._reap_adopted)
        add("the end of strays", strays.end, essential=False)
        add("the record of strays", strays.record, essential=False)
        add("the stores", self.stores.check)

    def _reap_adopted(self) -> None:
        self.containment.reap_adopted(self.launcher.child_pids)

    def _profile_of(self, session: str) -> str:
        member = self.pool.members.get(session)
        return member.request.profile.name if member is not None else ""

    def _look_for_pause(self) -> None:
        if self._pauses is None:
            return
        self._pauses.beat()
        if lost := self._pauses.paused - self._reported_pause:
            self._reported_pause = self._pauses.paused
            text = f"the engine stood still for {lost:.1f} s; the time counts for no deadline"
            self._notice(text, "Look for a stopped process, a suspended machine or a starved CPU.")

    def _opened(self, breaker: str) -> None:
        """A failure opened a breaker."""
        strategy = self.settings.circuit_breaker.recovery
        if strategy and self.phase == "running" and not breaker.startswith("tool:"):
            self.recoveries.for_breaker(strategy, breaker)

    def _check_running(self) -> None:
        if self.phase != "running":
            raise Overloaded(f"The engine is {self.phase}.", remedy="Try again when it is back.", retry_after=5.0)

    def _make_pool_ports(self) -> PoolPorts:
        session = SessionPorts(
            backend=self.backend,
            launcher=self.launcher,
            bus=self.bus,
            clock=self.clock,
            permissions=self.broker,
            transcripts=self.transcripts,
            limits=lambda: self._turn_limits,
            tool_ended=self.tools.ended,
        )
        return PoolPorts(
            session=session,
            limits=lambda: self._pool_limits,
            router=self._router,
            growth=CapacityPlanner(lambda: self._pool_limits, self.bus),
            conversations=Conversations(self._leases, self.bus, self._known),
            default=lambda: self.profiles.find("default", DEFAULT_TENANT),
            profile=self.profiles.known,
            rng=self._chance,
            unable=self.login.missing,
        )

    def _barred(self, tool: str) -> str:
        return self.tools.barred(tool)

    def _credential(self) -> Credential:
        if self._model is not None:
            return Credential(api_key="offline", base_url=self._model.url, ours=True)
        return credential_of(self.settings)

    def _enter_ledger(self) -> None:
        try:
            own_folder(self.settings.engine.state_dir, "engine.state_dir")
            self._ledger.enter(self.id)
        except OSError as error:
            problem = f"engine.state_dir: {self.settings.engine.state_dir} cannot be written: {error.strerror}."
            raise SettingsError([problem], remedy="Set `engine.state_dir` to a folder of yours.") from error

    async def _sweep(self) -> int:
        """Whatever still carries this engine's tag must go, and whatever it adopted; the number that stays."""
        grace = self.settings.engine.stop_term_grace
        left = await self.containment.end_everything(partial(self._ledger.orphans, self.id), grace)
        if left:
            with contextlib.suppress(OSError):  # `survivors` and the exit code say it all the same
                self._ledger.record_untagged(self.id, {*left, *self.containment.untagged})
        return len(left)

    def _checkpoint_flights(self) -> None:
        for flight in self.dispatcher.active_requests.values():
            if flight.request.id not in self._checkpointed:
                self._checkpointed.add(flight.request.id)
                self.bus.publish(self.checkpoints.keep(flight, "graceful_shutdown", self.clock.wall()))

    def _has_begun(self, checkpoint: Checkpoint) -> bool:
        """Whether its conversation can be resumed."""
        profile = self.profiles.known(checkpoint.profile)
        if profile is None or not checkpoint.conversation:
            return False
        return self.backend.transcript(profile, checkpoint.conversation) is not None

    def _follow_checkpoints(self) -> None:
        """Resume what the last shutdown broke off where the settings say so; else tell that it is there."""
        rows = self.resumption.rows()
        if self.settings.recovery.resume_on_start:
            for refused in self.resumption.resume_all():
                self._notice(refused, "`quarterdeck checkpoints` lists and resumes them.")
        elif rows:
            text = f"{len(rows)} requests were broken off by a shutdown and wait as checkpoints."
            self._notice(text, "`quarterdeck checkpoints` lists and resumes them.")
        for path in self.checkpoints.damaged:
            self._notice(f"a checkpoint could not be read and was moved to {path}", "Look at it, or delete it.")

    def _apply(self, before: Settings, after: Settings) -> None:
        names = (each.session_pool.load_balancing.strategy for each in (before, after))
        balancer = named_balancer(after) if len({*names}) > 1 else self._router.balancer
        strategies = self._recovery.follow(before, after, self.recoveries.orchestrator.strategies)
        if before.claude != after.claude:
            cli = self._cli if before.claude.binary == after.claude.binary else named_binary(after)
            self.backend.replace(build(after, self._agent_dirs, cli, self._credential))
            self._cli = cli
        if before.recovery.rules != after.recovery.rules:
            self.diagnosis.use(after.recovery.rules)
        self._router.balancer = balancer
        self.recoveries.orchestrator.strategies = strategies
        self._read_limits(after)
        self.cache.limits = cache_limits(after)
        self.admission.limits = AdmissionLimits(after.queue.max_waiting)
        self.breakers.configure(breaker_limits(after))
        self.budget.resize(after.retry.budget)
        self.alerts.use(after.alerts)

    def _on_settings(self, record: ChangeRecord) -> None:
        self.bus.publish(ev.SettingsChanged(who=record.who, changes=record.changes))
        self.pool.follow_profiles()
        self.pool.reconcile()

    def _read_limits(self, settings: Settings) -> None:
        self._turn_limits = turn_limits(settings)
        self._pool_limits = pool_limits(settings)
        self._retry_policy = retry_policy(settings)

    async def _submit_quietly(
        self, request: Request, on_end: Callable[[Answer | QuarterdeckError], None] | None
    ) -> None:
        outcome: Answer | QuarterdeckError
        try:
            outcome = await self.submit(request)
        except QuarterdeckError as error:  # its RequestEnded event tells
            outcome = error
        except Exception as error:  # a worker's border: the caller gets an end, the notice gets the error
            if on_end is not None:
                on_end(internal_error(error))
            raise
        if on_end is not None:
            on_end(outcome)

    def _notice(self, text: str, remedy: str) -> None:
        self.bus.publish(ev.Notice(severity=ev.Severity.WARNING, text=text, remedy=remedy))

    def _on_chore_error(self, name: str, error: BaseException) -> None:
        text = f"{name} failed: {error!r}"
        self.bus.publish(ev.Notice(severity=ev.Severity.CRITICAL, text=text, remedy="Restart the engine."))
