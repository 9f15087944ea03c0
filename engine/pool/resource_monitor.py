"""The pool's clockwork: reads what the sessions take, judges it by the quotas, and begins their health checks."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from engine.base.errors import QuarterdeckError
from engine.base.nursery import Nursery
from engine.events.types import Notice, PoolMeasured, Reading, SessionJudged, SessionReadings, Severity
from engine.launchers.tree_usage import TreeUsage
from engine.pool.file_size_monitor import FileSizeMonitor
from engine.pool.health_checker import HealthChecker
from engine.pool.idle_paging import IdlePaging
from engine.pool.member import Member
from engine.pool.memory import TreeMemory
from engine.pool.pool import Pool
from engine.pool.ports import PoolPorts
from engine.pool.session_limits import Level, MemoryLimit, MemoryVerdict
from engine.pool.wake_fitness import needs_new_process
from engine.sessions.readings import Readings

SAMPLE_EVERY = 2
"""Rounds between two samples of PSS, which also publish what was read."""
_SETTLE_S = 2.0


class ResourceMonitor:
    """Owner of the readings, the quotas' samples and the health checks."""

    def __init__(self, pool: Pool, ports: PoolPorts) -> None:
        self._pool = pool
        self._ports = ports
        self._readings = Readings()
        self._quotas: dict[str, MemoryLimit] = {}
        self._memory = TreeMemory()
        self._levels: dict[str, Level] = {}
        self._rounds = 0
        self._work = Nursery("pool keeper", self._on_error)
        self._files = FileSizeMonitor()
        self._paging = IdlePaging()
        self._paging_out = False
        self.health_checker = HealthChecker(pool, ports)

    async def read(self) -> None:
        """Once a second: read what the sessions take, and judge it. One call at a time."""
        now = self._ports.clock.monotonic()
        self._rounds += 1
        await self._read(now, sample=self._rounds % SAMPLE_EVERY == 1)

    def check(self) -> None:
        """Once a second: begin the health checks that are due."""
        self.health_checker.round(self._ports.clock.monotonic())

    async def aclose(self) -> None:
        """End what is under way."""
        await self.health_checker.aclose()
        await self._work.aclose()

    async def _read(self, now: float, *, sample: bool) -> None:
        """Read the trees, and PSS at once of those that may be above a limit; judge; with `sample` publish it."""
        members = self._pool.members
        pids = {name: member.session.pid for name, member in members.items() if member.session.pid}
        trees = await self._ports.host.trees(pids)
        chosen = self._memory.urgent(trees, self._ports.limits().quotas)
        regular = self._memory.due(trees, SAMPLE_EVERY) if sample else []
        sizes = await self._ports.host.memory(trees, {*chosen, *regular})
        self._memory.record(sizes, trees, now)
        self._forget(members)
        self._take({name: tree for name, tree in trees.items() if name in members}, now, publish=sample)
        await self._watch_files(regular)

    def _take(self, trees: Mapping[str, TreeUsage], now: float, *, publish: bool) -> None:
        sessions = [
            replace(reading, pss=self._memory.pss(reading.session)) for reading in self._readings.read(trees, now)
        ]
        if publish:
            used = self._ports.host.own_usage()
            own = self._readings.read_own(*used, now) if used is not None else Reading("", 0.0, 0)
            self._ports.bus.publish(SessionReadings(readings=sessions, engine_cpu=own.cpu, engine_rss=own.rss))
        for reading in sessions:
            self._judge(self._pool.members[reading.session], reading, now)
            self._pool.index.set_load(reading.session, reading.cpu / 100)
        if publish:
            taken = self._memory.total(trees)
            facts = self._ports.host.facts()
            self._ports.growth.see(facts, self._memory.p95(), taken)
            self._page_out(trees, now, facts.memory_used)
            cpu = round(sum(reading.cpu for reading in sessions), 1)
            self._ports.bus.publish(PoolMeasured(pool=self._pool.statistics(taken, cpu)))

    def _judge(self, member: Member, reading: Reading, now: float) -> None:
        name, limits = member.session.id, self._ports.limits()
        quota = self._quotas.setdefault(name, MemoryLimit())
        memory = reading.pss  # RSS counts shared pages in full, so it never condemns
        verdict = quota.judge(now, memory, reading.cpu, limits.quotas, idle=_idle(member, now))
        if verdict.level is Level.FINE:
            self.health_checker.over_memory.discard(name)
        elif verdict.level > self._levels.get(name, Level.FINE):
            self.health_checker.over_memory.add(name)
            self._act(member, verdict)
        self._levels[name] = verdict.level

    def _act(self, member: Member, verdict: MemoryVerdict) -> None:
        name, observe = member.session.id, self._ports.limits().observe
        acted = ""
        if not observe:
            hard = verdict.level is Level.HARD and member.session.busy
            acted = "interrupted and stopped" if hard else "replaced at its turn's end"
        self._ports.bus.publish(
            SessionJudged(session=name, condition=verdict.level.name.lower(), reason=verdict.reason, acted=acted)
        )
        if observe:
            return
        self._pool.retire(name, verdict.reason)
        if verdict.level is Level.HARD and member.session.busy:
            self._work.spawn(self._cut_off(member, verdict.reason), f"cut off {name}")

    async def _cut_off(self, member: Member, reason: str) -> None:
        """Interrupt the turn, give it a moment to end, then stop the session."""
        session = member.session
        session.abort_turn(reason)
        await session.settle(_SETTLE_S)
        with contextlib.suppress(QuarterdeckError):  # it may be gone by itself
            await self._pool.stop_session(session.id, reason)

    def _page_out(self, trees: Mapping[str, TreeUsage], now: float, memory_used: float) -> None:
        """One session at a time, so that swap is not written at once."""
        host, limits = self._ports.host, self._ports.limits()
        if self._paging_out or limits.observe or not limits.page_out_after or host.paging_misses():
            return
        name = self._paging.due(self._pool.index.idle(), now, memory_used, limits)
        if name in trees:
            self._paging_out = True
            self._work.spawn(self._paged_out(name, trees[name]), f"page {name} out")

    async def _paged_out(self, name: str, tree: TreeUsage) -> None:
        try:
            self._pool.record.counts.page_outs += await self._ports.host.page_out(name, tree)
        finally:
            self._paging_out = False

    async def _watch_files(self, names: Iterable[str]) -> None:
        members = self._pool.members
        for member in [member for name in names if (member := members.get(name))]:
            session, limits = member.session, self._ports.limits()
            verdict = await self._files.look(session, limits)
            dear = needs_new_process(session.spec, self._files.transcripts.get(session.id, 0))
            self._pool.index.set_dear(session.id, dear=dear and limits.wake_spares > 0)
            if verdict.level is not Level.FINE and member.session.id in members:
                self._act(member, verdict)

    def _forget(self, present: Collection[str]) -> None:
        for known in (self._quotas, self._levels):
            for gone in known.keys() - set(present):
                del known[gone]
        self._memory.keep(present)
        self._files.keep(present)
        self._paging.keep(present)
        self.health_checker.over_memory &= set(present)

    def _on_error(self, name: str, error: BaseException) -> None:
        self._ports.bus.publish(Notice(severity=Severity.WARNING, text=f"{name} failed: {error!r}"))


def _idle(member: Member, now: float) -> float:
    return 0.0 if member.session.busy else now - member.session.last_used
