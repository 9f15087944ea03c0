"""The pool's clockwork: reads what the sessions take, judges it by the quotas, and tends the pool. Short rounds."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import statistics
from collections.abc import Awaitable, Callable, Iterable, Mapping

from msgspec.structs import replace

from engine.errors import QuarterdeckError
from engine.events.types import Notice, PoolMeasured, Reading, SessionJudged, SessionReadings, Severity
from engine.launchers.host import Host
from engine.pool.checkups import Checkups
from engine.pool.files import Files
from engine.pool.member import Member
from engine.pool.members import PoolPorts
from engine.pool.pool import Pool
from engine.pool.quotas import Level, Quota, QuotaVerdict
from engine.sessions.readings import Readings, pss_of
from engine.workers.nursery import Nursery

READ_EVERY = 2
"""Rounds between two readings of RSS and CPU."""
PSS_SECONDS = 15.0
"""Time in which the PSS of every session is sampled once, in a thread."""
_GROWN = 16 * 1024 * 1024
"""Growth of RSS since a session's last sample that has it sampled before its time."""
_SUSPECTS = 4
_ENGINE = ""
_SETTLE_S = 2.0


Look = Callable[[Mapping[str, int]], Awaitable[dict[str, int]]]
"""Looks at the process trees of sessions by their roots' pids and tells how many processes each has."""


class Keeper:
    """Owner of the readings, the quotas' samples and the health checks."""

    def __init__(self, pool: Pool, ports: PoolPorts, host: Host, look: Look) -> None:
        self._pool = pool
        self._look = look
        self._ports = ports
        self._host = host
        self._readings = Readings()
        self._quotas: dict[str, Quota] = {}
        self._pss: dict[str, int] = {}
        self._rss: dict[str, int] = {}
        self._sampled: dict[str, tuple[float, int]] = {}
        self._levels: dict[str, Level] = {}
        self._rounds = 0
        self._processes: dict[str, int] = {}
        self._work = Nursery("pool keeper", self._on_error)
        self._sampling = False
        self._files = Files()
        self.checkups = Checkups(pool, ports)

    def round(self) -> None:
        """Once a second."""
        now = self._ports.clock.monotonic()
        self._rounds += 1
        if self._rounds % READ_EVERY == 1:
            self._read(now)
        self._pool.tend()
        self.checkups.round(now)

    async def aclose(self) -> None:
        """End what is under way."""
        await self.checkups.aclose()
        await self._work.aclose()

    def _read(self, now: float) -> None:
        members = self._pool.members
        pids = {name: member.session.pid for name, member in members.items() if member.session.pid}
        readings = self._readings.read({**pids, _ENGINE: os.getpid()}, now)
        own = next((reading for reading in readings if reading.session == _ENGINE), Reading(_ENGINE, 0.0, 0))
        sessions = [
            replace(reading, processes=self._processes.get(reading.session, 1))
            for reading in readings
            if reading.session != _ENGINE
        ]
        self._forget(pids)
        self._ports.bus.publish(SessionReadings(readings=sessions, engine_cpu=own.cpu, engine_rss=own.rss))
        for reading in sessions:
            self._rss[reading.session] = reading.rss
            self._judge(members[reading.session], reading, now)
            self._pool.seats.set_load(reading.session, reading.cpu / 100)
        self._ports.growth.see(self._host.read(), self._measured())
        memory = sum(self._pss.get(reading.session, reading.rss) for reading in sessions)
        cpu = sum(reading.cpu for reading in sessions)
        self._ports.bus.publish(PoolMeasured(pool=self._pool.statistics(memory, round(cpu, 1))))
        if not self._sampling:
            self._work.spawn(self._sample(pids, now), "memory sample")

    def _judge(self, member: Member, reading: Reading, now: float) -> None:
        name, limits = member.session.id, self._ports.limits()
        quota = self._quotas.setdefault(name, Quota())
        memory = self._pss.get(name, 0)  # RSS counts shared pages in full, so it never condemns
        verdict = quota.judge(now, memory, reading.cpu, limits.quotas, idle=_idle(member, now))
        if verdict.level is Level.FINE:
            self.checkups.over_memory.discard(name)
        elif verdict.level > self._levels.get(name, Level.FINE):
            self.checkups.over_memory.add(name)
            self._act(member, verdict)
        self._levels[name] = verdict.level

    def _act(self, member: Member, verdict: QuotaVerdict) -> None:
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
        session.cut_off(reason)
        await session.settle(_SETTLE_S)
        with contextlib.suppress(QuarterdeckError):  # it may be gone by itself
            await self._pool.stop_session(session.id, reason)

    async def _sample(self, pids: dict[str, int], now: float) -> None:
        """Who is in the trees, PSS of those whose sample is oldest, and the size of what they write, in threads."""
        self._sampling = True
        try:
            self._processes = await self._look(pids)
            chosen = self._to_sample(pids)
            found = await asyncio.to_thread(lambda: {name: pss_of(pids[name]) for name in chosen})
            self._pss.update({name: size for name, size in found.items() if size is not None})
            self._sampled.update({name: (now, self._rss.get(name, 0)) for name in chosen})
            await self._watch_files(chosen)
        finally:
            self._sampling = False

    def _to_sample(self, pids: Mapping[str, int]) -> list[str]:
        """Those whose sample is oldest, after some whose RSS has grown most since theirs."""
        most = max(1, round(len(pids) * READ_EVERY / PSS_SECONDS))
        never = (-math.inf, 0)
        grown = {name: self._rss.get(name, 0) - self._sampled.get(name, never)[1] for name in pids}
        suspects = sorted((name for name in pids if grown[name] > _GROWN), key=lambda name: -grown[name])[:_SUSPECTS]
        oldest = sorted(pids, key=lambda name: self._sampled.get(name, never)[0])
        return list(dict.fromkeys([*suspects, *oldest]))[: most + len(suspects)]

    async def _watch_files(self, names: Iterable[str]) -> None:
        members = self._pool.members
        for member in [member for name in names if (member := members.get(name))]:
            verdict = await self._files.look(member.session, self._ports.limits())
            if verdict.level is not Level.FINE and member.session.id in members:
                self._act(member, verdict)

    def _measured(self) -> float | None:
        """The 95th percentile of what a session takes, or None as long as nothing was sampled."""
        sizes = list(self._pss.values())
        return statistics.quantiles(sizes, n=20)[-1] if len(sizes) > 1 else (sizes[0] if sizes else None)

    def _forget(self, pids: dict[str, int]) -> None:
        for known in (self._quotas, self._pss, self._rss, self._sampled, self._levels):
            for gone in known.keys() - pids.keys():
                del known[gone]
        self._files.keep(pids)
        self.checkups.over_memory &= pids.keys()

    def _on_error(self, name: str, error: BaseException) -> None:
        self._ports.bus.publish(Notice(severity=Severity.WARNING, text=f"{name} failed: {error!r}"))


def _idle(member: Member, now: float) -> float:
    return 0.0 if member.session.busy else now - member.session.last_used
