"""What handlers work with: the parts of one engine, named in one place."""

from __future__ import annotations

from dataclasses import dataclass

from engine.alerts.manager import AlertManager
from engine.approvals.broker import PermissionBroker
from engine.backends.profiles import Profiles
from engine.backends.router import BackendRouter
from engine.base.clock import Clock
from engine.cache.answers import TieredAnswerCache
from engine.dispatch.dispatcher import Dispatcher
from engine.engine import Engine
from engine.events.bus import Bus
from engine.events.state import State
from engine.flow.concurrency_limit import ConcurrencyLimits
from engine.memory.buffers import BufferPool
from engine.pool.conversations import Conversations
from engine.pool.pool import Pool
from engine.pool.terminals import Terminals
from engine.profiling.performance import PerformanceMeter
from engine.profiling.profiler import Profiler
from engine.recovery.breakers.registry import Breakers
from engine.recovery.classify.service import ClassificationService
from engine.recovery.recoveries import Recoveries
from engine.recovery.statistics import RecoveryStatistics
from engine.sessions.transcripts import Transcripts
from engine.settings.live import LiveSettings
from engine.settings.schema import Settings
from engine.tasks.kept_answers import KeptAnswers
from engine.tasks.resumption import Resumption
from engine.workers.workers import Workers


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that operations act on; `engine` is for what concerns it as a whole."""

    engine: Engine
    clock: Clock
    bus: Bus
    live: LiveSettings
    pool: Pool
    conversations: Conversations
    terminals: Terminals
    profiles: Profiles
    backend: BackendRouter
    transcripts: Transcripts
    dispatcher: Dispatcher
    kept_answers: KeptAnswers
    concurrency: ConcurrencyLimits
    answers: TieredAnswerCache
    buffers: BufferPool
    broker: PermissionBroker
    breakers: Breakers
    classifier: ClassificationService
    recoveries: Recoveries
    recovery_statistics: RecoveryStatistics
    resumption: Resumption
    alerts: AlertManager
    profiler: Profiler
    performance: PerformanceMeter
    workers: Workers

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.live.current

    @property
    def state(self) -> State:
        """What the events say is true now."""
        return self.bus.state


def services_of(engine: Engine) -> Services:
    """The parts of an engine."""
    return Services(
        engine=engine,
        clock=engine.clock,
        bus=engine.bus,
        live=engine.live,
        pool=engine.pool,
        conversations=engine.conversations,
        terminals=engine.terminals,
        profiles=engine.profiles,
        backend=engine.backend,
        transcripts=engine.transcripts,
        dispatcher=engine.dispatcher,
        kept_answers=engine.kept_answers,
        concurrency=engine.concurrency,
        answers=engine.answers,
        buffers=engine.buffers,
        broker=engine.broker,
        breakers=engine.breakers,
        classifier=engine.diagnosis,
        recoveries=engine.recoveries,
        recovery_statistics=engine.recovery_statistics,
        resumption=engine.resumption,
        alerts=engine.alerts,
        profiler=engine.profiler,
        performance=engine.performance,
        workers=engine.workers,
    )
