"""The pool: warm sessions by profile under one budget, leased for a turn at a time."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable

from msgspec.structs import replace

from engine.backends.base import Profile
from engine.base.clock import deadline
from engine.base.errors import BadInput, ConversationHeld, DeadlinePassed, Overloaded, QuarterdeckError
from engine.events.types import PoolStatistics, QueueMeasured, QueueReading
from engine.pool.assigning import Assigner
from engine.pool.lease import Lease, Waiter
from engine.pool.member import Member
from engine.pool.members import Members
from engine.pool.ports import PoolPorts
from engine.pool.reconciler import Reconciler
from engine.pool.routing import LeaseRequest
from engine.pool.session_index import SessionIndex
from engine.pool.starting import row_of
from engine.pool.statistics import PoolRecord
from engine.pool.view import PoolNow, statistics_of
from engine.pool.waiting_line import WaitingLine
from engine.sessions.session import Session
from engine.store.sqlite import StoreUnusable


class Pool:
    """Owner of the sessions, of those who lease one and of those who wait; used on the engine's thread only."""

    def __init__(self, ports: PoolPorts) -> None:
        self._ports = ports
        self._limits = ports.limits
        self._planner = ports.growth
        self._members = Members(ports, self)
        self._sizing = Reconciler(ports, self._members)
        self._waiters = WaitingLine(ports.queue, ports.concurrency.key_of, self._now)
        self._assigner = Assigner(ports, self._members, self._sizing, self._waiters)
        self._leases = self._assigner.leases
        ports.concurrency.on_free = self.free
        self._open = True
        self._returned = asyncio.Event()
        self._measured: QueueMeasured | None = None

    @property
    def members(self) -> dict[str, Member]:
        """All sessions with what the pool knows of them, by id."""
        return self._members.all

    @property
    def sessions(self) -> dict[str, Session]:
        """All sessions by id."""
        return {name: member.session for name, member in self._members.all.items()}

    @property
    def utilisation(self) -> float:
        """(leased + waiting) / all; 0 for an empty pool."""
        size = self._members.serving
        return (len(self._leases) + len(self._waiters)) / size if size else 0.0

    @property
    def index(self) -> SessionIndex:
        """The sessions as routing sees them."""
        return self._members.index

    @property
    def record(self) -> PoolRecord:
        """What happened so far."""
        return self._members.record

    def session(self, session: str) -> Session:
        """One session by id. Raises NotFound."""
        return self._members.get(session).session

    def statistics(self, memory: int = 0, cpu: float = 0.0) -> PoolStatistics:
        """The pool as it is now; `memory` and `cpu` are the sessions' sums, which the keeper reads."""
        sizes = self._members.serving, len(self._leases), len(self._waiters)
        now = PoolNow(*sizes, self.utilisation, self._now(), memory, cpu)
        return statistics_of(now, self._members, self._ports)

    def queue_reading(self) -> QueueReading:
        """How the queue stands: its lanes, its limits."""
        limits = self._ports.concurrency
        return replace(self._ports.queue.reading(self._now()), limits=limits.readings(), load=limits.load)

    # leases

    async def lease(
        self, request: LeaseRequest, timeout: float | None = None, on_wait: Callable[[str], None] | None = None
    ) -> Lease:
        """Wait for a session, at most `timeout` seconds (the setting's by default); `on_wait` hears for what.

        Raises DeadlinePassed with the reason of the wait, QueueFull when it is dropped, Overloaded while draining or
        when the disk is full, and what a failed start raised. While a limit of the API holds it up no time counts.
        """
        self._check_open()
        if request.resumes:
            self._ports.conversations.check_not_lent(request.profile.tenant, request.conversation)
        seconds = self._limits().acquire_timeout if timeout is None else timeout
        waiter = self._waiters.new(request)
        self._assigner.forget_room()
        self._assigner.serve(waiter, lambda: self._waiters.ahead_of(waiter))
        if waiter.granted.done():
            return waiter.granted.result()
        self._waiters.add(waiter)
        waiter.notify(on_wait)
        if waiter.limited and request.resumes:  # its conversation wakes while it waits for its place
            self.wake_ahead(dataclasses.replace(request, ahead=True))
        try:
            return await self._granted_within(waiter, seconds)
        except TimeoutError:
            self._give_back(waiter)
            why = waiter.why or self._assigner.read_room().full or "others were there first"
            sentence = f"No session became free within {seconds:g} s: {why}."
            remedy = "Raise `session_pool.max_size` or `session_pool.acquire_timeout`."
            raise DeadlinePassed(sentence, remedy=remedy, retryable=True) from None
        except asyncio.CancelledError:
            self._give_back(waiter)
            raise
        finally:
            self._waiters.remove(waiter)
            waiter.granted.cancel()

    async def _granted_within(self, waiter: Waiter, seconds: float) -> Lease:
        """Its lease; raises TimeoutError after so many seconds in which it waited for a session."""
        while True:
            try:
                async with deadline(self._ports.clock, seconds):
                    return await asyncio.shield(waiter.granted)
            except TimeoutError:
                if not waiter.limited:
                    raise

    async def hold(self, lease: Lease, conversation: str, user: str) -> None:
        """The leased session goes on in `conversation`. Raises ConversationHeld when it may not write it."""
        session = lease.session
        if self._leases.get(session.id) is not lease:
            return
        try:
            slept = await self._ports.conversations.use(session.id, conversation, row_of(session))
        except (ConversationHeld, StoreUnusable) as error:
            self.retire(session.id, error.message)
            raise
        self.record.counts.hibernations += slept
        if self._leases.get(session.id) is lease:
            self.index.hold(session.id, conversation, user)
            session.hold(conversation, user)

    def wake_ahead(self, request: LeaseRequest) -> str:
        """Begin to wake a conversation for which a prompt is expected; why not, empty when it was begun.

        It takes a free place or a parked process, and nothing from anybody: no session ends for it.
        """
        if not self._open or self._waiters.demand:
            return "the engine drains" if not self._open else "others wait for sessions"
        lent = self._ports.conversations.lent_to(request.profile.tenant, request.conversation)
        if why := self._planner.disk_full or self._ports.unable(request.profile) or lent:
            return why
        ahead = [member for member in self._members.all.values() if member.request.ahead and not member.session.turns]
        if len(ahead) >= self._limits().max_waking:
            return f"{len(ahead)} conversations were woken ahead already"
        self._assigner.forget_room()
        decision = self._ports.router.route(request, self.index, self._assigner.room, lambda: 0)
        if decision.use or not decision.start or decision.evict:
            return decision.reason
        self._members.start(request)
        self._assigner.forget_room()
        return ""

    def look_at(self, session: str) -> None:
        """A person reads the conversation of a session: it is cleared for another one after all others."""
        self.index.look_at(session)
        if (member := self._members.all.get(session)) is not None:
            member.session.look_at()

    def release(self, lease: Lease) -> None:
        """Give a session back. A lease that is no longer the session's is ignored."""
        session = lease.session
        if self._leases.get(session.id) is not lease:
            return
        del self._leases[session.id]
        self._end_lease(lease)
        if session.life.leased:
            session.life.release(self._now())
        self._returned.set()
        if session.lost:
            self.free()
        else:
            self._members.give_back(self._members.get(session.id))

    def _end_lease(self, lease: Lease) -> None:
        lease.place.close()
        self._waiters.ended(lease)

    # size

    def scale(self, size: int | None) -> int:
        """Keep so many sessions from now on; None follows the load again. Returns the size gone to. Raises BadInput."""
        scaling = self._limits().scaling
        if size is not None and not scaling.min_size <= size <= scaling.max_size:
            sentence = f"it may have {scaling.min_size} to {scaling.max_size} sessions"
            raise BadInput(
                f"The pool cannot be scaled to {size}: {sentence}.",
                field="target",
                remedy="Change `session_pool.min_size` or `session_pool.max_size` first.",
            )
        self._planner.ask(size)
        self.reconcile()
        return self._planner.decide(self._assigner.load()).target

    def reconcile(self) -> None:
        """Once a tick: follow the load, give back what idles, replace what is old, keep spares warm."""
        if self._open:
            self._members.watch_own_work()
            self._sizing.shrink(self._assigner.load())
            self._waiters.shed()
            self.changed()
            self._members.spares.keep(waiting=len(self._waiters))
            self._ports.concurrency.possible = self._planner.most(self._members.serving)
            self._publish_queue()

    def follow_profiles(self) -> None:
        """Settings changed: what runs with another content than its profile has now takes no new request."""
        self._waiters.follow(self._ports.profile)
        self._members.retire_outdated()
        self.changed()

    async def stop_session(self, session: str, reason: str, *, kill: bool = False) -> None:
        """Stop one session by the shutdown sequence, or at once. Raises NotFound."""
        await self._members.stop(self._members.get(session), reason, kill=kill)

    def retire(self, session: str, reason: str) -> None:
        """No new work for it: stopped now when idle, else at its turn's end. Raises NotFound."""
        self._members.retire(self._members.get(session), reason)

    def leased(self, session: str) -> bool:
        """Whether a turn may be running in it."""
        return session in self._leases

    async def gone_within(self, session: str, seconds: float) -> bool:
        """Wait until a session's end is complete; False when that took longer."""
        return await self._until(lambda: session not in self._members.all, seconds)

    async def settled_within(self, session: str, seconds: float) -> bool:
        """Wait until a session is gone, or fit for a turn; False when that took longer."""

        def settled() -> bool:
            member = self._members.all.get(session)
            fit = member is not None and member.ending is None and member.session.usable
            return member is None or fit or session in self._leases

        return await self._until(settled, seconds)

    async def drain_session(self, session: str, reason: str, deadline: float) -> None:
        """No new work for it; stopped at its turn's end, or after `deadline` seconds. Raises NotFound."""
        self.retire(session, reason)
        await self._wait_for_leases(deadline, session)
        if session in self._members.all:
            await self.stop_session(session, reason)

    async def drain_profile(self, profile: Profile, reason: str, deadline: float) -> int:
        """Start no more of its sessions and drain those that are there; returns their number."""
        self._planner.drain(profile.named, on=True)
        mine = [name for name, member in self._members.all.items() if member.request.profile.named == profile.named]
        async with asyncio.TaskGroup() as group:
            for name in mine:
                group.create_task(self.drain_session(name, reason, deadline))
        return len(mine)

    def resume_profile(self, profile: Profile) -> None:
        """Its sessions may start again."""
        self._planner.drain(profile.named, on=False)
        self.changed()

    async def drain(self, grace: float) -> list[Session]:
        """Take no new work and wait up to `grace` seconds for the leases; returns sessions still in a turn."""
        self._open = False
        for waiter in list(self._waiters):
            if waiter.waiting:
                self._waiters.refuse(waiter, Overloaded("The engine drains.", remedy="Try again when it is back."))
        await self._wait_for_leases(grace)
        return [lease.session for lease in self._leases.values()]

    async def aclose(self, *, at_once: bool = False) -> int:
        """Stop every session and prove the trees empty; returns the number of surviving processes."""
        self._open = False
        return await self._members.aclose(at_once=at_once)

    async def kill_now(self) -> None:
        """Kill every process tree at once; the stops that run see it and end."""
        await self._members.kill_now()

    # what the members tell

    def changed(self) -> None:
        """Sessions, limits or room changed: serve who waits, start what is missing."""
        self._assigner.assign()
        if self._open:
            requests = [self._members.get(name).request for name in self._leases]
            self._sizing.fill(self._assigner.load(), [*requests, *self._waiters.demanding])

    def free(self) -> None:
        """A session may be leased again."""
        self._returned.set()
        if self._waiters:
            self._assigner.assign()

    def start_failed(self, request: LeaseRequest, error: QuarterdeckError) -> bool:
        """Tell the first who waits for such a session; else it was a spare, and spares wait a while."""
        if (waiter := self._waiters.first_like(request)) is not None:
            self._waiters.refuse(waiter, error)
            return True
        if request.ahead:
            return True
        self._sizing.start_failed(request.profile.key, error)
        return False

    def came_up(self, request: LeaseRequest) -> None:
        """Sessions of the profile start well."""
        self._sizing.came_up(request.profile.key)

    def gone(self, session: str) -> None:
        """Its lease is void."""
        if (lease := self._leases.pop(session, None)) is not None:
            self._end_lease(lease)
        self._returned.set()

    # small things

    def _publish_queue(self) -> None:
        """How the queue stands, while that changes."""
        measured = QueueMeasured(self.queue_reading(), tuple(self._waiters.positions()))
        if measured != self._measured:
            self._measured = measured
            self._ports.bus.publish(measured)

    async def _wait_for_leases(self, seconds: float, session: str = "") -> None:
        """Until one session's lease ended, or all did, or the time is up."""
        await self._until(lambda: session not in self._leases if session else not self._leases, seconds)

    async def _until(self, held: Callable[[], bool], seconds: float) -> bool:
        """Wait for what a lease's or a session's end brings; False when the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not held():
                    self._returned.clear()
                    await self._returned.wait()
        return held()

    def _check_open(self) -> None:
        if not self._open:
            raise Overloaded("The engine drains and takes no new work.", remedy="Try again when it is back.")
        if why := self._planner.disk_full:
            remedy = "Free disk space, or lower `session_pool.limits.disk_floor`."
            raise Overloaded(f"No work is taken: {why}.", remedy=remedy)

    def _give_back(self, waiter: Waiter) -> None:
        """The waiter left at the very moment that it was served: nothing may leak."""
        granted = waiter.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self.release(granted.result())

    def _now(self) -> float:
        return self._ports.clock.monotonic()
