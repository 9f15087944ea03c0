"""Health checks of the sessions: gather what the policy wants to know, act on what it says."""

from __future__ import annotations

import asyncio

from engine.base.errors import DeadlinePassed, SessionLost
from engine.base.files import is_gone
from engine.base.nursery import Nursery
from engine.events.types import Notice, SessionJudged, Severity
from engine.pool.health import PROBES_MISSED, HealthState, HealthVerdict, Vitals, is_stopped, judge
from engine.pool.pool import Pool
from engine.pool.ports import PoolPorts
from engine.sessions.session import Session

_STOPPED_PROBE_S = 0.2
_SILENCE_SHARE = 0.5
"""Share of the inactivity clock after which a turn's silence speaks against its session."""


class HealthChecker:
    """Owner of the checks under way, at most one a session, and of what was last reported about each."""

    def __init__(self, pool: Pool, ports: PoolPorts) -> None:
        self._pool = pool
        self._ports = ports
        self._due: dict[str, float] = {}
        self._reported: dict[str, HealthState] = {}
        self._running = Nursery("health check", self._on_error)
        self._checked: set[str] = set()
        self._failing = False
        self.over_memory: set[str] = set()

    def round(self, now: float) -> None:
        """Begin the checks that are due, and those of stopped processes; the others are spread over the interval."""
        interval = self._ports.limits().health_interval
        members = self._pool.members
        for gone in self._due.keys() - members.keys():
            del self._due[gone]
            self._reported.pop(gone, None)
        for name, member in list(members.items()):
            due = self._due.setdefault(name, now + self._ports.rng.uniform(0.0, interval))
            if member.starting or member.spare or name in self._checked:
                continue
            if not self._ports.limits().observe and not member.retire and is_gone(member.session.cwd):
                self._pool.retire(name, "its working directory is gone")
                continue
            if now >= due or (
                self._reported.get(name) is not HealthState.CONDEMNED and self._stopped(member.session.pid)
            ):
                self._due[name] = now + interval
                self._checked.add(name)
                self._running.spawn(self._check(member.session), f"check {name}")

    async def aclose(self) -> None:
        """End the checks under way."""
        await self._running.aclose()

    async def _check(self, session: Session) -> None:
        try:
            verdict = await self._examine(session)
            self._failing = False
            if verdict is not None and not session.stopping:
                await self._conclude(session, verdict)
        finally:
            self._checked.discard(session.id)

    async def _examine(self, session: Session) -> HealthVerdict | None:
        """What the witnesses say; None when the session ended meanwhile."""
        asked_at = self._ports.host.cpu(session.pid)
        missed = 0
        for _ in range(PROBES_MISSED):
            try:
                await session.probe(self._patience(session))
                break
            except DeadlinePassed:
                missed += 1
                if self._stopped(session.pid):
                    break
            except SessionLost:
                return None
        missing = await asyncio.to_thread(self._transcript_missing, session)
        host, now = self._ports.host, self._ports.clock.monotonic()
        stat, used = host.state(session.pid), host.cpu(session.pid)
        if stat is None:
            return None
        return judge(
            Vitals(
                now=now,
                sampled_at=now,
                state=stat.state,
                probes_missed=missed,
                cpu_since_ask=used - asked_at if used is not None and asked_at is not None else None,
                silent_for=session.silent_for(now),
                silence_limit=self._ports.session.limits().inactivity * _SILENCE_SHARE,
                transcript_missing=missing,
                over_memory=session.id in self.over_memory,
            )
        )

    def _patience(self, session: Session) -> float:
        """Seconds that a probe waits; a process that the kernel calls stopped is not waited for long."""
        timeout = self._ports.limits().probe_timeout
        return min(timeout, _STOPPED_PROBE_S) if self._stopped(session.pid) else timeout

    def _transcript_missing(self, session: Session) -> bool:
        """A conversation that served a turn has a transcript."""
        if not session.turns or session.busy:
            return False
        path = self._ports.session.backend.transcript(session.profile, session.conversation)
        return path is None

    async def _conclude(self, session: Session, verdict: HealthVerdict) -> None:
        before = self._reported.get(session.id, HealthState.WELL)
        self._reported[session.id] = verdict.condition
        if verdict.condition is HealthState.CONDEMNED:
            await self._condemn(session, verdict)
        elif verdict.condition is not before:
            self._report(session, verdict, "")

    async def _condemn(self, session: Session, verdict: HealthVerdict) -> None:
        """The last look before the kill: whoever answers now is spared."""
        if self._ports.limits().observe:
            self._report(session, verdict, "")
            return
        try:
            await session.probe(self._patience(session))
        except SessionLost:
            return
        except DeadlinePassed:
            self._pool.record.counts.condemned += 1
            self._report(session, verdict, "killed; its conversation is resumed on demand")
            await self._pool.stop_session(session.id, verdict.reason, kill=True)
        else:
            self._reported[session.id] = HealthState.SUSPECT

    def _report(self, session: Session, verdict: HealthVerdict, acted: str) -> None:
        self._ports.bus.publish(
            SessionJudged(session=session.id, condition=verdict.condition.value, reason=verdict.reason, acted=acted)
        )

    def _stopped(self, pid: int) -> bool:
        """Whether the process is known to be stopped; one that cannot be looked at is not."""
        try:
            stat = self._ports.host.state(pid)
        except OSError:
            return False
        return stat is not None and is_stopped(stat.state)

    def _on_error(self, name: str, error: BaseException) -> None:
        """Reported once until a check succeeds again; the session is checked again when it is due."""
        if not self._failing:
            self._failing = True
            self._ports.bus.publish(Notice(severity=Severity.WARNING, text=f"{name} failed: {error!r}"))
