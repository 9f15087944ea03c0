"""The pool: warm sessions by profile under one budget, leased for a turn at a time."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from engine.backends.base import AgentSpec, Profile
from engine.errors import DeadlinePassed, NotFound, Overloaded, QuarterdeckError, StartFailed
from engine.events.types import Notice, Severity
from engine.pool.lease import Lease, Waiter
from engine.pool.routing import LeaseWish, Room, RouteDecision, Seat, route
from engine.pool.statistics import PoolCounts, PoolStatistics
from engine.sessions.session import Session, SessionPorts
from engine.workers.nursery import Nursery

_SETTLE_S = 2.0
_WARM_RETRY_MAX_S = 60.0


@dataclass(frozen=True)
class PoolLimits:
    """The settings that the pool obeys, read afresh for every decision. Times in seconds."""

    min_size: int
    max_size: int
    max_starting: int
    acquire_timeout: float
    start_timeout: float
    idle_timeout: float
    max_lifetime: float
    max_turns: int
    term_grace: float


class Pool:
    """Owner of all sessions and leases; used on the engine's thread only."""

    def __init__(self, ports: SessionPorts, limits: Callable[[], PoolLimits], default: Callable[[], Profile]) -> None:
        self._ports = ports
        self._limits = limits
        self._default = default
        self._sessions: dict[str, Session] = {}
        self._seats: dict[str, Seat] = {}
        self._leases: dict[str, Lease] = {}
        self._started_at: dict[str, float] = {}
        self._starting: dict[str, LeaseWish] = {}
        self._waiters: dict[Waiter, None] = {}
        self._numbers = 0
        self._epoch = 0
        self._open = True
        self._returned = asyncio.Event()
        self._starts = Nursery("pool start", self._on_error)
        self._stops = Nursery("pool stop", self._on_error)
        self._warm_failures = 0
        self._warm_at = 0.0
        self.counts = PoolCounts()

    @property
    def sessions(self) -> dict[str, Session]:
        """All sessions by id; read it, never write it."""
        return self._sessions

    def session(self, session: str) -> Session:
        """One session by id. Raises NotFound."""
        found = self._sessions.get(session)
        if found is None:
            raise NotFound(
                f"There is no session {session}.", field="session", remedy="`quarterdeck sessions` lists them."
            )
        return found

    def statistics(self) -> PoolStatistics:
        """The pool as it is now."""
        limits, waiting, size = self._limits(), len(self._waiters), len(self._sessions)
        active, starting = len(self._leases), len(self._starting)
        return PoolStatistics(
            size=size,
            active=active,
            idle=sum(seat.idle for seat in self._seats.values()),
            starting=starting,
            waiting=waiting,
            min_size=limits.min_size,
            max_size=limits.max_size,
            utilisation=(active + waiting) / size if size else 0.0,
            counts=msgspec.structs.replace(self.counts),
        )

    async def lease(self, wish: LeaseWish, timeout: float | None = None) -> Lease:
        """Wait for a session, at most `timeout` seconds (the setting's by default).

        Raises DeadlinePassed with the reason of the wait, Overloaded while draining, and what a failed start raised.
        """
        if not self._open:
            raise Overloaded("The engine drains and takes no new work.", remedy="Try again when it is back.")
        seconds = self._limits().acquire_timeout if timeout is None else timeout
        waiter = Waiter(wish, self._now(), asyncio.get_running_loop().create_future())
        self._waiters[waiter] = None
        self._assign()
        try:
            async with asyncio.timeout(seconds):
                return await waiter.granted
        except TimeoutError:
            self._give_back(waiter)
            sentence = f"No session became free within {seconds:g} s: {waiter.why}."
            remedy = "Raise `session_pool.max_size` or `session_pool.acquire_timeout`."
            raise DeadlinePassed(sentence, remedy=remedy, retryable=True) from None
        except asyncio.CancelledError:
            self._give_back(waiter)
            raise
        finally:
            del self._waiters[waiter]

    def release(self, lease: Lease, *, conversation: str = "", user: str = "") -> None:
        """Give a session back, holding `conversation`. A lease that is no longer the session's is ignored."""
        session = lease.session
        if self._leases.get(session.id) is not lease:
            return
        del self._leases[session.id]
        self._returned.set()
        if session.usable and session.turns < self._limits().max_turns and self._open:
            self._seat(session, conversation, user)
            self._assign()
        elif not session.lost:
            self._seat(session, conversation, user, idle=False)
            self._stops.spawn(self._recycle(session, conversation, user), f"recycle {session.id}")

    def hold(self, lease: Lease, conversation: str, user: str) -> None:
        """The leased session now holds `conversation`: no other session may resume it."""
        if self._leases.get(lease.session.id) is lease:
            self._seat(lease.session, conversation, user, idle=False)
            lease.session.hold(conversation, user)

    async def stop_session(self, session_id: str, reason: str, *, kill: bool = False) -> None:
        """Stop one session by the ladder, or at once. Raises NotFound."""
        session = self.session(session_id)
        if session.stopping:
            return
        self._unseat(session)
        await asyncio.shield(self._stops.spawn(self._stop(session, reason, kill=kill), f"stop {session.id}"))

    def warm_up(self) -> None:
        """Start sessions of the default profile until `min_size` is met."""
        limits = self._limits()
        if not self._open or self._now() < self._warm_at:
            return
        while len(self._sessions) < limits.min_size and len(self._starting) < limits.max_starting:
            self._start(LeaseWish(self._default(), ""), None)

    def reconsider(self) -> None:
        """The limits or the room changed: serve who waits, start what is missing."""
        self._assign()
        self.warm_up()

    def retire_idle(self) -> None:
        """Stop sessions that were idle too long, above `min_size`, and those past their lifetime."""
        limits, now = self._limits(), self._now()
        spare = len(self._sessions) - limits.min_size
        for seat in sorted((s for s in self._seats.values() if s.idle), key=lambda s: s.last_used):
            old = now - self._started_at[seat.session] > limits.max_lifetime
            if not old and (spare <= 0 or now - seat.last_used < limits.idle_timeout):
                continue
            spare -= 1
            session = self._sessions[seat.session]
            self._unseat(session)
            self._stops.spawn(self._stop(session, "lifetime" if old else "idle"), f"retire {session.id}")
        self.warm_up()

    async def drain(self, grace: float) -> list[Session]:
        """Take no new work and wait up to `grace` seconds for the leases; returns sessions still in a turn."""
        self._open = False
        for waiter in list(self._waiters):
            if waiter.waiting:
                waiter.granted.set_exception(Overloaded("The engine drains.", remedy="Try again when it is back."))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._leases:
                    self._returned.clear()
                    await self._returned.wait()
        return [lease.session for lease in self._leases.values()]

    async def aclose(self, *, at_once: bool = False) -> int:
        """Stop every session and prove the trees empty; returns the number of surviving processes."""
        self._open = False
        before = self.counts.survivors
        await self._starts.aclose()
        for session in [session for session in self._sessions.values() if not session.stopping]:
            self._unseat(session)
            self._stops.spawn(self._stop(session, "shutdown", kill=at_once), f"stop {session.id}")
        await self._stops.join()
        return self.counts.survivors - before

    async def hurry(self) -> None:
        """Kill every process tree at once; the stops that run see it and end."""
        await asyncio.gather(*(session.hurry() for session in self._sessions.values()))

    def _assign(self) -> None:
        """Serve waiting wishes in order; called on every change and never awaits."""
        ahead: Counter[tuple[str, str]] = Counter()
        for waiter in list(self._waiters):
            if not waiter.waiting:
                continue
            key = waiter.wish.profile.key
            decision = route(waiter.wish, self._seats, self._room(), ahead[key])
            waiter.why = decision.reason
            if decision.use:
                self._grant(waiter, decision)
            elif decision.start:
                self._grow(waiter.wish, decision)
            if waiter.waiting and not waiter.wish.conversation:
                ahead[key] += 1

    def _room(self) -> Room:
        limits = self._limits()
        pending = Counter(wish.profile.key for wish in self._starting.values() if not wish.conversation)
        resuming = {(w.profile.tenant, w.conversation) for w in self._starting.values() if w.conversation}
        return Room(
            size=len(self._sessions),
            starting=len(self._starting),
            max_size=limits.max_size,
            max_starting=limits.max_starting,
            pending=pending,
            pending_conversations=frozenset(resuming),
        )

    def _grant(self, waiter: Waiter, decision: RouteDecision) -> None:
        session = self._sessions[decision.use]
        seat = self._seats[decision.use]
        self._seats[decision.use] = replace(seat, idle=False)
        self._epoch += 1
        lease = Lease(
            session=session,
            epoch=self._epoch,
            clear=decision.clear,
            reason=decision.reason,
            waited=self._now() - waiter.since,
            reused=session.turns > 0,
        )
        self._leases[session.id] = lease
        self._count(lease, waiter.wish, seat)
        waiter.granted.set_result(lease)

    def _count(self, lease: Lease, wish: LeaseWish, seat: Seat) -> None:
        counts = self.counts
        counts.leases += 1
        counts.reuses += lease.reused
        counts.warm_hits += not seat.holds
        counts.affinity_hits += bool(wish.conversation) or (bool(wish.user) and seat.user == wish.user)

    def _grow(self, wish: LeaseWish, decision: RouteDecision) -> None:
        victim = self._sessions.get(decision.evict)
        if victim is not None:
            self.counts.evictions += 1
            self._unseat(victim)
        self._start(wish, victim)

    def _start(self, wish: LeaseWish, victim: Session | None) -> None:
        self._numbers += 1
        name = f"s{self._numbers:04d}"
        spec = AgentSpec(name, wish.profile, wish.conversation or str(uuid.uuid4()), resume=bool(wish.conversation))
        session = Session(spec, self._ports, self._on_exit)
        self._sessions[name] = session
        self._starting[name] = wish
        self.counts.starts += 1
        self._starts.spawn(self._bring_up(session, wish, victim), f"start {name}")

    async def _bring_up(self, session: Session, wish: LeaseWish, victim: Session | None) -> None:
        try:
            if victim is not None:
                await self._stop(victim, "makes room")
            await session.start(self._limits().start_timeout)
        except QuarterdeckError as error:
            self._start_failed(session, wish, error)
        except asyncio.CancelledError:
            self._forget(session)
            raise
        except Exception as error:  # noqa: BLE001 - the worker's border: whoever waits must hear of it
            self._start_failed(session, wish, StartFailed(f"Session {session.id} could not start: {error!r}."))
        else:
            del self._starting[session.id]
            self._started_at[session.id] = self._now()
            self._warm_failures = 0
            if session.lost:
                self._on_exit(session)
            elif self._open:
                self._seat(session, wish.conversation, "")
        self.reconsider()

    def _start_failed(self, session: Session, wish: LeaseWish, error: QuarterdeckError) -> None:
        self._forget(session)
        self.counts.start_failures += 1
        for waiter in self._waiters:
            same = waiter.wish.profile.key == wish.profile.key and waiter.wish.conversation == wish.conversation
            if waiter.waiting and same:
                waiter.granted.set_exception(error)
                return
        self._warm_failures += 1
        self._warm_at = self._now() + min(_WARM_RETRY_MAX_S, 2.0**self._warm_failures)
        self._ports.bus.publish(Notice(severity=Severity.WARNING, text=error.message, remedy=error.remedy))

    async def _recycle(self, session: Session, conversation: str, user: str) -> None:
        worn = session.turns >= self._limits().max_turns
        if not worn and await session.settle(_SETTLE_S) and self._open:
            self._seat(session, conversation, user)
        else:
            self._unseat(session)
            await self._stop(session, "worn" if worn else "would not settle")
        self._assign()

    def _on_exit(self, session: Session) -> None:
        """The process ended by itself."""
        self.counts.crashes += 1
        self._unseat(session)
        with contextlib.suppress(Overloaded):  # while closing, the stop that runs collects it
            self._stops.spawn(self._collect(session), f"collect {session.id}")

    async def _collect(self, session: Session) -> None:
        ending = await session.collect(self._limits().term_grace)
        self.counts.survivors += len(ending.survivors)
        self._forget(session)
        self._assign()

    async def _stop(self, session: Session, reason: str, *, kill: bool = False) -> None:
        ending = await (session.kill(reason) if kill else session.stop(reason, self._limits().term_grace))
        self.counts.survivors += len(ending.survivors)
        self._forget(session)
        self._assign()

    def _seat(self, session: Session, conversation: str, user: str, *, idle: bool = True) -> None:
        self._seats[session.id] = Seat(
            session=session.id,
            key=session.profile.key,
            holds=conversation,
            user=user,
            idle=idle,
            last_used=session.last_used,
        )

    def _unseat(self, session: Session) -> None:
        """No new work, but the conversation stays taken until the tree is proven empty."""
        seat = self._seats.get(session.id)
        if seat is not None:
            self._seats[session.id] = replace(seat, idle=False)

    def _forget(self, session: Session) -> None:
        self._sessions.pop(session.id, None)
        self._seats.pop(session.id, None)
        self._leases.pop(session.id, None)
        self._returned.set()
        self._starting.pop(session.id, None)
        self._started_at.pop(session.id, None)

    def _give_back(self, waiter: Waiter) -> None:
        """The waiter left at the very moment that it was served: nothing may leak."""
        granted = waiter.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self.release(granted.result())

    def _on_error(self, name: str, error: BaseException) -> None:
        self._ports.bus.publish(Notice(severity=Severity.CRITICAL, text=f"{name} failed: {error!r}"))

    def _now(self) -> float:
        return self._ports.clock.monotonic()
