"""Which waiting request gets which session; what is missing is started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from engine.base.files import is_gone
from engine.pool.lease import Lease, Waiter
from engine.pool.members import Members
from engine.pool.ports import PoolPorts
from engine.pool.reconciler import Reconciler
from engine.pool.routing import Capacity, LeaseRequest, RouteDecision
from engine.pool.scaling_policies import Load
from engine.pool.session_index import SubPool
from engine.pool.shares import Shares
from engine.pool.view import capacity_of
from engine.pool.waiting_line import WaitingLine


class Assigner:
    """Owner of the leases, by session."""

    def __init__(self, ports: PoolPorts, members: Members, sizing: Reconciler, waiters: WaitingLine) -> None:
        self._ports, self._members = ports, members
        self._sizing, self._waiters = sizing, waiters
        self._epoch = 0
        self._known: Capacity | None = None
        self.leases: dict[str, Lease] = {}

    def assign(self) -> None:
        """Serve the waiting requests in order; called on every change and never awaits."""
        ahead: Counter[SubPool] = Counter()
        stuck: dict[SubPool, str] = {}
        limited: dict[tuple[str, str], str] = {}
        self.forget_room()
        for waiter in self._waiters.in_order(self._shares):
            if not waiter.waiting:
                continue
            key, fresh = waiter.request.profile.key, not waiter.request.conversation
            if fresh and key in stuck:
                waiter.waits_for(stuck[key])
                continue
            if refusal := limited.get((waiter.place, waiter.request.priority)):
                waiter.waits_for(refusal, demand=False, limited=True)
                continue
            if not self.serve(waiter, partial(ahead.__getitem__, key)):
                return
            if waiter.limited:
                limited[waiter.place, waiter.request.priority] = waiter.why
                continue
            if waiter.waiting and fresh:
                ahead[key] += 1
                if waiter.stuck:
                    stuck[key] = waiter.why

    def serve(self, waiter: Waiter, ahead: Callable[[], int]) -> bool:
        """Lease a session to a request, or start one, where that is possible now; False when none can be served."""
        if not self._members.index.idle_count and (full := self.room().full):
            waiter.waits_for(full)
            return False
        if refusal := self._ports.concurrency.refusal(waiter.place, waiter.request.priority):
            waiter.waits_for(refusal, demand=False, limited=True)
            return True
        decision = self._ports.router.route(waiter.request, self._members.index, self.room, ahead)
        waiter.waits_for(decision.reason, demand=decision.demand, stuck=decision.stuck)
        if decision.use and self._lost_its_directory(decision.use):
            return self.serve(waiter, ahead)
        if decision.use:
            self._grant(waiter, decision)
        elif decision.start:
            self._grow(waiter.request, decision)
        return True

    def room(self) -> Capacity:
        """The room as it is within one round of assigning; a start changes it."""
        if self._known is None:
            self._known = self.read_room()
        return self._known

    def read_room(self) -> Capacity:
        """The room as it is at this moment."""
        shares = self._shares() if self._members.index.idle_count else Shares()
        return capacity_of(self._members, self._ports, self.load(), self._ports.clock.monotonic(), shares)

    def forget_room(self) -> None:
        """The room may be another now."""
        self._known = None

    def load(self) -> Load:
        """The pool's load: leases, and those who wait for a session."""
        return self._sizing.load(busy=len(self.leases), waiting=self._waiters.demand)

    def _shares(self) -> Shares:
        staying = [member for member in self._members.all.values() if member.stays and not member.spare]
        sizes = Counter(member.request.profile.named for member in staying)
        wanting = {waiter.request.profile.named for waiter in self._waiters if waiter.waiting and waiter.demand}
        return Shares(sizes, self._ports.limits().weights, frozenset(wanting))

    def _lost_its_directory(self, session: str) -> bool:
        """Whether a session's directory was deleted; then it serves nobody any more."""
        member = self._members.get(session)
        if not is_gone(member.session.cwd) or self._ports.limits().observe:
            return False
        self._members.retire(member, "its working directory is gone")
        return True

    def _grant(self, waiter: Waiter, decision: RouteDecision) -> None:
        member, now = self._members.get(decision.use), self._ports.clock.monotonic()
        session = member.session
        entry = self._members.index.get(session.id)
        counts = self._members.record.counts
        first = member.demanded or (member.request.ahead and not session.turns)
        counts.warm_hits += entry is not None and not entry.conversation and not first
        counts.affinity_hits += (bool(waiter.request.conversation) and not first) or decision.by_user
        counts.reuses += session.turns > 0
        counts.leases += 1
        self._members.index.take(session.id)
        session.life.lease(now)
        self._epoch += 1
        lease = Lease(
            session=session,
            epoch=self._epoch,
            clear=decision.clear,
            reason=decision.reason,
            waited=now - waiter.since,
            reused=session.turns > 0,
            place=self._ports.concurrency.take(waiter.place),
            request=waiter.request,
            since=now,
        )
        member.demanded = False
        self.leases[session.id] = lease
        self._members.record.leased(now, lease.waited)
        self.forget_room()
        self._waiters.remove(waiter, served=True)
        waiter.granted.set_result(lease)

    def _grow(self, request: LeaseRequest, decision: RouteDecision) -> None:
        victim = self._members.all.get(decision.evict)
        self._members.record.counts.evictions += victim is not None
        self._members.start(request, victim, demanded=True)
        self.forget_room()
