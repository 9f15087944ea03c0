"""Who goes next among those who wait: priorities by weight, fair to tenants and users in cost units, aged. Pure.

Priorities are lanes of a stride scheduler: the lane whose next request would end first at its weight goes next, on a
tie the higher one. Within a lane its tenants, and within a tenant its users, are flows of start-time fair queueing
(Goyal et al. 1996; Kubernetes KEP-1040): an entry begins at S = max(F, V), where F is the end of the flow's entry
before it and V the start of the last one that went, and ends at F = S + cost. The smallest S goes first, so what each
has is even in cost, whoever asks most. What waited `aging` seconds in a lane goes up one, at most to `high`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from typing import Generic, TypeVar

from engine.requests import PRIORITIES

LANES = PRIORITIES[::-1]
"""The priorities from the highest; an unknown one is `medium`."""
WEIGHTS = {"urgent": 8.0, "high": 4.0, "medium": 2.0, "low": 1.0}
_UP = {"medium": "high", "low": "medium"}
_FLOWS_KEPT = 4096
"""Tenants of a lane, and users of a tenant, whose past is remembered; beyond, those who are even are forgotten."""
T = TypeVar("T", bound=Hashable)


@dataclass(slots=True, eq=False)
class Ticket(Generic[T]):
    """One that waits: `since` it came (monotonic seconds), `lane_since` it is in its lane, `cost` in any unit.

    After `deadline`, a monotonic time, it has no use for its turn. Those of one `group` wait for the same thing.
    """

    item: T
    tenant: str
    user: str
    priority: str
    cost: float
    since: float
    lane_since: float
    number: int
    deadline: float = float("inf")
    group: Hashable = ""
    start: float = 0.0


_Place = tuple[float, int, Ticket[T]]


class _Tenant(Generic[T]):
    """Owner of the order of one tenant's entries in a lane, and of what each of its users had."""

    __slots__ = ("ends", "order", "start", "virtual")

    def __init__(self, start: float) -> None:
        self.start = start
        self.order: list[tuple[float, int, Ticket[T]]] = []
        self.ends: dict[str, float] = {}
        self.virtual = 0.0

    def add(self, ticket: Ticket[T]) -> None:
        ends = self.ends
        start = ends.get(ticket.user, 0.0)
        if start < self.virtual:
            start = self.virtual
        ticket.start, ends[ticket.user] = start, start + ticket.cost
        if len(ends) > _FLOWS_KEPT:
            self.ends = {user: end for user, end in ends.items() if end > self.virtual}
        insort(self.order, (start, ticket.number, ticket))

    def remove(self, ticket: Ticket[T]) -> None:
        del self.order[bisect_left(self.order, (ticket.start, ticket.number))]


class _Lane(Generic[T]):
    """Owner of one lane: its tenants, those of them that wait by their starts, and its own share so far."""

    __slots__ = ("arrivals", "rank", "ranking", "stride", "tenants", "used", "virtual")

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.stride = 1.0
        self.used = 0.0
        self.arrivals: dict[int, Ticket[T]] = {}
        self.tenants: dict[str, _Tenant[T]] = {}
        self.ranking: list[tuple[float, str]] = []
        self.virtual = 0.0

    def add(self, ticket: Ticket[T]) -> None:
        tenant = self.tenants.get(ticket.tenant)
        if tenant is None:
            tenant = self.tenants[ticket.tenant] = _Tenant(self.virtual)
            if len(self.tenants) > _FLOWS_KEPT:
                self._forget_even()
        if not tenant.order:
            tenant.start = max(tenant.start, self.virtual)
            insort(self.ranking, (tenant.start, ticket.tenant))
        tenant.add(ticket)
        self.arrivals[ticket.number] = ticket

    def remove(self, ticket: Ticket[T], *, served: bool) -> None:
        del self.arrivals[ticket.number]
        tenant = self.tenants[ticket.tenant]
        tenant.remove(ticket)
        if served or not tenant.order:
            del self.ranking[bisect_left(self.ranking, (tenant.start, ticket.tenant))]
            if served:
                tenant.virtual = max(tenant.virtual, ticket.start)
                self.virtual = max(self.virtual, tenant.start)
                tenant.start += ticket.cost
            if tenant.order:
                insort(self.ranking, (tenant.start, ticket.tenant))

    @property
    def head(self) -> Ticket[T]:
        """The next one; there is at least one."""
        return self.tenants[self.ranking[0][1]].order[0][2]

    def snapshot(self) -> Iterator[_Place[T]]:
        """All that wait now, the next one first; made lazily of what is copied at once."""
        heads = [(start, name, iter(self.tenants[name].order.copy())) for start, name in self.ranking]
        return heads[0][2] if len(heads) == 1 else _merged_tenants(heads)

    def charge(self, tenant: str, user: str, cost: float) -> None:
        flows = self.tenants.setdefault(tenant, _Tenant(self.virtual))
        flows.ends[user] = max(0.0, flows.ends.get(user, flows.virtual) + cost)
        if flows.order:
            del self.ranking[bisect_left(self.ranking, (flows.start, tenant))]
        flows.start = max(0.0, flows.start + cost)
        if flows.order:
            insort(self.ranking, (flows.start, tenant))

    def settle(self) -> None:
        """Nobody waits: all begin even again."""
        self.tenants.clear()
        self.virtual = self.used = 0.0

    def _forget_even(self) -> None:
        self.tenants = {name: each for name, each in self.tenants.items() if each.order or each.start > self.virtual}


class FairLine(Generic[T]):
    """Owner of the order of those who wait; entering and leaving cost O(log n) comparisons."""

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self._lanes = {name: _Lane[T](rank) for rank, name in enumerate(LANES)}
        self._tickets: dict[T, Ticket[T]] = {}
        self._numbers = 0
        self._level = 0.0
        self.weigh(weights or WEIGHTS)

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Other weights from now on, each above 0; a lane that is not named has its usual one."""
        for name, usual in WEIGHTS.items():
            self._lanes[name].stride = 1.0 / weights.get(name, usual)

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[T]:
        """All that wait, the next one first; the line may change meanwhile."""
        return (ticket.item for ticket in self.in_order())

    def in_order(self) -> Iterator[Ticket[T]]:
        """How those stand who wait, the next one first; the line may change meanwhile."""
        lanes = [lane for lane in self._lanes.values() if lane.arrivals]
        if len(lanes) == 1:
            return (place[2] for place in lanes[0].snapshot())
        heads = [(lane.used + lane.stride, lane.rank, lane.stride, lane.snapshot()) for lane in lanes]
        heapify(heads)
        return _merged_lanes(heads)

    @property
    def items(self) -> list[T]:
        """All that wait, as they came: cheaper than in order."""
        return list(self._tickets)

    @property
    def tickets(self) -> list[Ticket[T]]:
        """All that wait, as they came."""
        return list(self._tickets.values())

    def waiting(self, priority: str) -> int:
        """Those of one lane."""
        return len(self._lanes[lane_of(priority)].arrivals)

    def add(
        self,
        item: T,
        priority: str,
        now: float,
        *,
        tenant: str = "",
        user: str = "",
        cost: float = 1.0,
        deadline: float = float("inf"),
        group: Hashable = "",
    ) -> None:
        """One more waits, since `now`."""
        if not self._tickets:
            self._settle()
        self._numbers += 1
        ticket = Ticket(item, tenant, user, lane_of(priority), cost, now, now, self._numbers, deadline, group)
        self._tickets[item] = ticket
        self._enter(ticket)

    def remove(self, item: T, *, served: bool = False) -> bool:
        """It waits no more; a `served` one has had its turn. False for one that is not there."""
        ticket = self._tickets.pop(item, None)
        if ticket is None:
            return False
        lane = self._lanes[ticket.priority]
        lane.remove(ticket, served=served)
        if served:
            self._level = max(self._level, lane.used)
            lane.used += lane.stride
        return True

    def charge(self, priority: str, tenant: str, user: str, cost: float) -> None:
        """Count what went without waiting; a negative cost gives back what was thought too much."""
        if self._tickets:
            self._lanes[lane_of(priority)].charge(tenant, user, cost)

    def ticket(self, item: T) -> Ticket[T] | None:
        """How one stands."""
        return self._tickets.get(item)

    def first(self) -> T | None:
        """The next one, or None."""
        best, best_end = None, 0.0
        for lane in self._lanes.values():  # from the highest, so a tie is the higher one's
            if lane.arrivals and (best is None or lane.used + lane.stride < best_end):
                best, best_end = lane, lane.used + lane.stride
        return best.head.item if best is not None else None

    def head(self, priority: str) -> Ticket[T] | None:
        """The next one of a lane."""
        lane = self._lanes[lane_of(priority)]
        return lane.head if lane.arrivals else None

    def oldest(self, priority: str = "") -> Ticket[T] | None:
        """The one that came first, of one lane or of all."""
        if priority:
            return min(self._lanes[lane_of(priority)].arrivals.values(), key=_number, default=None)
        return next(iter(self._tickets.values()), None)

    def newest_of_lowest(self) -> Ticket[T] | None:
        """The one that came last of the lowest lane in which somebody waits."""
        for name in PRIORITIES:
            if arrivals := self._lanes[name].arrivals:
                return max(arrivals.values(), key=_number)
        return None

    def age(self, now: float, seconds: float) -> int:
        """Let go up who waited so many seconds in a lane; returns how many. 0 seconds: nobody."""
        moved = 0
        for name in _UP if seconds > 0 else ():
            lane = self._lanes[name]
            while lane.arrivals:
                ticket = next(iter(lane.arrivals.values()))
                if now - ticket.lane_since < seconds:
                    break
                lane.remove(ticket, served=False)
                ticket.priority, ticket.lane_since = _UP[name], now
                self._enter(ticket)
                moved += 1
        return moved

    def _enter(self, ticket: Ticket[T]) -> None:
        lane = self._lanes[ticket.priority]
        if not lane.arrivals:
            lane.used = max(lane.used, self._level)
        lane.add(ticket)

    def _settle(self) -> None:
        self._level = 0.0
        for lane in self._lanes.values():
            lane.settle()


def _merged_tenants(heads: list[tuple[float, str, Iterator[_Place[T]]]]) -> Iterator[_Place[T]]:
    """The order in which the tenants of a lane will be served."""
    while heads:
        start, name, places = heads[0]
        if (place := next(places, None)) is None:
            heappop(heads)
            continue
        yield place
        heapreplace(heads, (start + place[2].cost, name, places))


def _merged_lanes(heads: list[tuple[float, int, float, Iterator[_Place[T]]]]) -> Iterator[Ticket[T]]:
    """The order in which all will be served."""
    while heads:
        end, rank, stride, places = heads[0]
        if (place := next(places, None)) is None:
            heappop(heads)
            continue
        yield place[2]
        heapreplace(heads, (end + stride, rank, stride, places))


def lane_of(priority: str) -> str:
    """The lane of a priority."""
    return priority if priority in WEIGHTS else "medium"


def _number(ticket: Ticket[T]) -> int:
    return ticket.number
