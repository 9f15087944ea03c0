"""The pool's members: each session from its start until its process tree is proven gone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from engine.backends.base import AgentSpec, Profile
from engine.base.errors import NotFound, QuarterdeckError, StartFailed
from engine.base.nursery import Nursery
from engine.events.types import Notice, Severity
from engine.launchers.base import ProcessEnd
from engine.pool.member import Member, Owner
from engine.pool.ports import PoolPorts
from engine.pool.routing import LeaseRequest
from engine.pool.session_index import IndexedSession, SessionIndex
from engine.pool.session_names import SessionNames
from engine.pool.spares import WakeSpares
from engine.pool.starting import check, spec_of, transcript_of, why_single_use
from engine.pool.statistics import PoolRecord
from engine.sessions.session import Session
from engine.store.sqlite import StoreUnusable

_SETTLE_S = 2.0
_END_TRIES = 5
_END_PAUSE_S = 1.0
NOT_ASLEEP = "it is no wake"
_LIFETIME_JITTER = 1 / 40
"""Share of the lifetime by which sessions end at random before it, so that they do not end together (HikariCP)."""


class Members:
    """Owner of the sessions and of their sessions."""

    def __init__(self, ports: PoolPorts, owner: Owner) -> None:
        self._ports = ports
        self._owner = owner
        self._all: dict[str, Member] = {}
        self._names = SessionNames(ports.rng)
        self._open = True
        self.starts = Nursery("pool start", self._on_error)
        self._stops = Nursery("pool stop", self._on_error)
        self._starting = 0
        self.index = SessionIndex()
        self.spares = WakeSpares(ports, self)
        self.record = PoolRecord(self._now())

    @property
    def all(self) -> dict[str, Member]:
        """Every member by its session's id; read it, never write it."""
        return self._all

    @property
    def starting(self) -> int:
        """Starts under way."""
        return self._starting

    @property
    def staying(self) -> int:
        """Members that are not about to leave."""
        return sum(member.stays and not member.spare for member in self._all.values())

    @property
    def serving(self) -> int:
        """Members without the parked ones."""
        return len(self._all) - self.spares.count

    def __len__(self) -> int:
        return len(self._all)

    def get(self, session: str) -> Member:
        """One by its session's id. Raises NotFound."""
        member = self._all.get(session)
        if member is None:
            raise NotFound(
                f"There is no session {session}.", field="session", remedy="`quarterdeck sessions` lists them."
            )
        return member

    def start(self, request: LeaseRequest, victim: Member | None = None, *, demanded: bool = False) -> None:
        """Have a session for a wish, after the victim is gone: a parked process that wakes it, or a new one."""
        cold = self.spares.wake(request, victim, demanded=demanded) if request.resumes else NOT_ASLEEP
        if cold:
            self.start_cold(request, victim or self.spares.make_room(), demanded=demanded, cold=cold)

    def start_cold(self, request: LeaseRequest, victim: Member | None, *, demanded: bool, cold: str) -> None:
        """Start a session for a wish, after the victim is gone; `cold` is why no parked process does it."""
        name = self._names.next()
        spec, unreadable = self.spec_for(name, request)
        member = self.enter(spec, request, demanded=demanded)
        member.cold = cold
        member.session.keep_to_one(why_single_use(spec))
        self.begin_start(member)
        if victim is not None:
            self.index.give_up(victim.session.id)
        member.start = self.starts.spawn(self._bring_up(member, spec, victim, unreadable), f"start {name}")

    def park(self, profile: Profile, directory: Path | None) -> Member:
        """A member that will wait for a conversation to wake, in its directory; whoever keeps the spares starts it."""
        spec = AgentSpec(self._names.next(), profile, "", directory=directory, parked=True)
        member = self.enter(spec, LeaseRequest(profile, ""), demanded=False)
        member.spare, member.started_at = True, self._now()
        return member

    def enter(self, spec: AgentSpec, request: LeaseRequest, *, demanded: bool) -> Member:
        """A new member, not started yet."""
        member = Member(Session(spec, self._ports.session, self._on_exit, self._on_engaged), request, demanded)
        self._all[spec.session] = member
        self.record.counts.starts += 1
        return member

    def begin_start(self, member: Member) -> None:
        """Its start counts among those under way."""
        member.starting = True
        self._starting += 1

    def give_back(self, member: Member) -> None:
        """Its lease ended: it may be leased again, or ends when there is a reason to."""
        if member.ending is not None or not self._open:
            return
        if member.session.usable:
            self._indexed(member)
        else:
            self._stops.spawn(self._recycle(member), f"recycle {member.session.id}")

    def reason_to_retire(self, member: Member) -> str:
        """Why it may not go on after its turn, or nothing."""
        limits, asked = self._ports.limits(), self._ports.growth.asked
        if member.retire:
            return member.retire
        if member.session.turns >= limits.max_turns:
            return f"worn after {member.session.turns} turns"
        if member.lifetime and self._now() - member.started_at > member.lifetime:
            return "its lifetime is over"
        if asked is not None and self.staying > asked:
            return "scaled down"
        return ""

    def retire(self, member: Member, reason: str) -> None:
        """No new work for it: stopped when it is idle and its agent does nothing by itself."""
        life = member.session.life
        life.retire(reason, self._now())
        entry = self.index.get(member.session.id)
        if member.spare:
            self.end(member, reason)
        elif entry is not None and entry.idle:
            self.index.take(member.session.id)
            if not life.engaged:
                self._leave(member, reason)

    def retire_outdated(self) -> None:
        """Whoever runs with another content than its profile has now takes no new work."""
        for member in list(self._all.values()):
            now = self._ports.profile(member.request.profile.name)
            if now is not None and now.key == member.request.profile.key:
                continue
            self.retire(member, "its profile changed")
            if member.starting and not member.spare:
                self.end(member, "its profile changed")

    async def stop(self, member: Member, reason: str, *, kill: bool = False) -> None:
        """Stop it in steps, or at once, and wait for its end; a caller that leaves does not end the stop."""
        if kill and member.ending is not None:
            await member.session.kill_now()
        await asyncio.shield(self.end(member, reason, kill=kill))

    async def aclose(self, *, at_once: bool) -> int:
        """Stop every session and prove the trees empty; returns the number of surviving processes."""
        self._open = False
        before = self.record.counts.survivors
        await self.starts.aclose()
        for member in list(self._all.values()):
            self.end(member, "shutdown", kill=at_once)
        await self._stops.join()
        return self.record.counts.survivors - before

    async def kill_now(self) -> None:
        """Kill every process tree at once; the stops that run see it and end."""
        await asyncio.gather(*(member.session.kill_now() for member in self._all.values()))

    def spec_for(self, name: str, request: LeaseRequest) -> tuple[AgentSpec, StoreUnusable | None]:
        """What runs for a wish, and why it cannot be known where its conversation was."""
        conversation = request.conversation or str(uuid.uuid4())
        try:
            row = self._ports.conversations.row(request.profile.tenant, conversation) if request.resumes else None
        except StoreUnusable as error:
            return AgentSpec(name, request.profile, conversation, resume=True), error
        return spec_of(name, request, conversation, row), None

    async def _bring_up(
        self, member: Member, spec: AgentSpec, victim: Member | None, unreadable: StoreUnusable | None
    ) -> None:
        session, began = member.session, self._now()
        try:
            check(spec, unreadable)
            if spec.resume:
                self._ports.conversations.check_not_lent(spec.profile.tenant, spec.conversation)
                await asyncio.to_thread(transcript_of, self._ports.session.backend, spec)
            if victim is not None:
                await asyncio.shield(self.end(victim, "makes room"))
            await self._ports.conversations.open(session.id, spec.profile.tenant, spec.conversation)
            await session.start(self._ports.limits().start_timeout)
        except QuarterdeckError as error:
            self._spare(victim)
            await self.failed(member, error)
        except asyncio.CancelledError:
            self._spare(victim)
            await self.forget(member, "start cancelled")
            raise
        except Exception as error:  # noqa: BLE001 - the worker's border: whoever waits must hear of it
            failure = StartFailed(f"Session {session.id} could not start: {error!r}.")
            failure.__cause__ = error
            await self.failed(member, failure)
        else:
            self.came_up(member, began)
        self._owner.changed()

    def came_up(self, member: Member, began: float) -> None:
        """It answers: it may be leased, for its conversation first."""
        session, request, limits, now = member.session, member.request, self._ports.limits(), self._now()
        self.end_start(member)
        self.spares.learn(session)
        member.started_at = now
        member.lifetime = limits.max_lifetime * (1 - self._ports.rng.uniform(0.0, _LIFETIME_JITTER))
        had = 0
        if request.resumes:
            had = self._ports.conversations.woken(session.id, now - began, member.cold)
            self.record.counts.wakes += 1
            self.record.counts.spare_wakes += not member.cold
            self.record.woke(now - began)
        self._owner.came_up(request)
        if session.lost:
            self._on_exit(session)
        elif self._open:
            weight = limits.weights.get(request.profile.name, 1.0)
            self.index.add(IndexedSession(session.id, request.profile.key, weight=weight))
            self.index.hold(session.id, request.conversation, "", prior_turns=1 + had)
            self._indexed(member)
            if not (request.resumes or session.life.leased):
                session.warm_up()

    def _indexed(self, member: Member) -> None:
        session, entry = member.session, self.index.get(member.session.id)
        if entry is not None and entry.conversation not in {"", session.conversation}:
            self._leave(member, f"it left conversation {entry.conversation} under a request")
            return
        reason = self.reason_to_retire(member)
        if reason and not session.life.engaged:
            self._leave(member, reason)
            return
        if reason:  # it goes when its agent is done, or when the time for that is over
            session.life.retire(reason, self._now())
            return
        self.index.engage(session.id, engaged=bool(session.life.engaged), single_use=bool(session.single_use))
        self.index.give_back(session.id, session.last_used, turns=session.turns)
        self._owner.free()

    def _spare(self, victim: Member | None) -> None:
        """What was to make room need not."""
        if victim is not None and victim.ending is None and victim.session.usable and self._open:
            self._indexed(victim)

    async def failed(self, member: Member, error: QuarterdeckError) -> None:
        """Its start failed, and what was started has ended."""
        await self.forget(member, "start failed", survivors=member.session.survivors)
        self.record.counts.start_failures += 1
        self.report_failure(member.request, error)

    def changed(self) -> None:
        """Sessions, limits or room changed."""
        self._owner.changed()

    def report_failure(self, request: LeaseRequest, error: QuarterdeckError) -> None:
        """Whoever waits for it hears of it, else the operators do."""
        if not self._owner.start_failed(request, error):
            self._ports.bus.publish(Notice(severity=Severity.WARNING, text=error.message, remedy=error.remedy))

    def end_start(self, member: Member) -> None:
        """Its start counts among those under way no more."""
        if member.starting:
            member.starting = False
            self._starting -= 1

    async def _recycle(self, member: Member) -> None:
        settled = await member.session.settle(_SETTLE_S)
        if member.ending is not None or not self._open:
            return
        if not settled:
            self._leave(member, "its turn did not end after an interrupt")
        else:
            self._indexed(member)

    def _leave(self, member: Member, reason: str) -> None:
        """No lease is on it, and it gets none any more."""
        self.record.counts.retirements += member.ending is None
        self.end(member, reason)

    def end(self, member: Member, reason: str, *, kill: bool = False) -> asyncio.Task[None]:
        """The end of a member, begun once however many ask for it."""
        if member.ending is None:
            self.index.take(member.session.id)
            member.ending = self._stops.spawn(self._stop(member, reason, kill=kill), f"stop {member.session.id}")
        return member.ending

    def _on_engaged(self, session: Session) -> None:
        """Its agent began or ended to do something by itself."""
        member = self._all.get(session.id)
        if member is None or member.ending is not None:
            return
        life = session.life
        self.index.engage(session.id, engaged=bool(life.engaged), single_use=bool(life.single_use))
        if life.engaged or life.leased or not self._open:
            return
        if member.retire and life.usable:
            self._leave(member, member.retire)
        else:
            self._owner.free()

    def watch_own_work(self) -> None:
        """What an agent does by itself may keep its process from others only so long after the last request."""
        most, now = self._ports.limits().background_timeout, self._now()
        for member in self._all.values():
            life = member.session.life
            since = life.engaged_since
            if since is None or life.leased or member.ending is not None or member.ending_own_work:
                continue
            if now - max(since, member.session.last_used) >= most:
                member.ending_own_work = True
                reason = f"{life.engaged} ran for {most:g} s after the last request"
                self._stops.spawn(self._end_own_work(member, reason), f"end own work of {member.session.id}")

    async def _end_own_work(self, member: Member, reason: str) -> None:
        """What its agent does by itself has lasted too long: its tasks are stopped, and the session goes."""
        session = member.session
        session.life.retire(reason, self._now())
        await session.stop_tasks()
        if not session.life.leased and member.ending is None:
            self._leave(member, reason)

    def _on_exit(self, session: Session) -> None:
        """The process ended by itself."""
        member = self._all.get(session.id)
        if member is None or member.ending is not None:
            return
        self.record.counts.crashes += 1
        self._ports.growth.crashed(member.request.profile.key, self._now())
        self.index.take(session.id)
        member.ending = self._stops.spawn(self._collect(member), f"collect {session.id}")

    async def _collect(self, member: Member) -> None:
        grace = self._ports.limits().term_grace
        ending = await self._proven(lambda: member.session.collect(grace))
        await self.forget(member, "its process crashed", survivors=len(ending.survivors))
        self._owner.changed()

    async def _stop(self, member: Member, reason: str, *, kill: bool = False) -> None:
        session, grace = member.session, self._ports.limits().term_grace
        if member.start is not None and not member.start.done() and (member.starting or member.spare):
            member.start.cancel()  # which kills what was started
            await asyncio.wait([member.start])
            self._owner.changed()
            return
        ending = await self._proven(lambda: session.kill(reason) if kill else session.stop(reason, grace))
        await self.forget(member, reason, survivors=len(ending.survivors))
        self._owner.changed()

    async def _proven(self, end: Callable[[], Awaitable[ProcessEnd]]) -> ProcessEnd:
        """End a session, again while the machine refuses what that takes; in the end its tree counts as surviving."""
        for _ in range(_END_TRIES):
            try:
                return await end()
            except OSError as error:
                refusal = error
            await asyncio.sleep(_END_PAUSE_S)
        text = f"the end of a session cannot be proven: {refusal.strerror}"
        remedy = "`quarterdeck doctor` checks the limits of this machine."
        self._ports.bus.publish(Notice(severity=Severity.CRITICAL, text=text, remedy=remedy))
        return ProcessEnd("unproven", None, (0,))

    async def forget(self, member: Member, reason: str, *, survivors: int = 0) -> None:
        """The session is gone. A tree that is not proven empty keeps its conversation: it might still write."""
        name = member.session.id
        if not survivors and await self._ports.conversations.close(name, reason):
            self.record.counts.hibernations += 1
        self.end_start(member)
        self._all.pop(name, None)
        self.index.remove(name)
        self._owner.gone(name)
        self.record.counts.survivors += survivors

    def _on_error(self, name: str, error: BaseException) -> None:
        self._ports.bus.publish(Notice(severity=Severity.CRITICAL, text=f"{name} failed: {error!r}"))

    def _now(self) -> float:
        return self._ports.clock.monotonic()
