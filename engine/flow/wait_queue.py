"""The one place where requests wait: fair order, bounds with drop strategies, deadlines, and what each may expect."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from engine.base.errors import DeadlinePassed, QuarterdeckError, QueueFull
from engine.base.percentiles import nearest_rank
from engine.events.types import LaneReading, QueueReading
from engine.flow.codel import Codel
from engine.flow.cost_estimates import CostEstimates, User
from engine.flow.drain_rate import DrainRate
from engine.flow.fair_line import LANES, FairLine, Ticket, lane_of
from engine.flow.queue_limits import QueueLimits

_RETRY_AFTER_S, _RETRY_AFTER_MAX_S = 1.0, 300.0
_HOPELESS = 2.0
"""A request is hopeless when its expected wait is so many times what is left: estimates err."""
_WAITS_KEPT = 512
"""Waits of a lane that its percentiles are drawn from, the newest."""
_ROOM = "Try again later, or raise `queue.max_waiting`."
T = TypeVar("T", bound=Hashable)
Dropped = tuple[T, QuarterdeckError]


class FairQueue(Generic[T]):
    """Owner of who waits, in which order, and of what was dropped and why. Times are monotonic seconds."""

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._line: FairLine[T] = FairLine(limits.weights)
        self._codels: dict[str, Codel] = {}
        self._rate = DrainRate()
        self._rates: dict[Hashable, DrainRate] = {}
        self._groups: Counter[Hashable] = Counter()
        self._costs = CostEstimates()
        self._open_charges: dict[User, deque[tuple[str, float]]] = {}
        self._waits: dict[str, deque[float]] = {name: deque(maxlen=_WAITS_KEPT) for name in LANES}
        self.dropped: Counter[str] = Counter()
        self.aged = 0

    @property
    def limits(self) -> QueueLimits:
        """The bounds in force."""
        return self._limits

    def configure(self, limits: QueueLimits) -> None:
        """Other bounds from now on; what waits above a lower one stays."""
        self._limits = limits
        self._codels.clear()
        self._line.weigh(limits.weights)

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[T]:
        """All that wait, the next one first; the queue may change meanwhile."""
        return iter(self._line)

    @property
    def items(self) -> list[T]:
        """All that wait, as they came: cheaper than in order."""
        return self._line.items

    @property
    def full(self) -> bool:
        """Whether as many wait as may."""
        return len(self._line) >= self._limits.max_waiting

    def make_room(self, priority: str, now: float) -> list[Dropped[T]]:
        """Who leaves so that one more may wait. Raises QueueFull when it is the new one."""
        lane = lane_of(priority)
        own = self._limits.lanes.get(lane)
        lane_full = own is not None and 0 < own.max_waiting <= self._line.waiting(lane)
        if not lane_full and not self.full:
            return []
        self.dropped["full"] += 1
        if (victim := self._victim(lane, lane_full=lane_full)) is not None:
            text = "The queue was full and dropped this request for a newer one"
            return [(victim.item, self._error(f"{text}, as `{self._limits.strategy(lane)}` says.", now))]
        if lane_full:
            raise self._error(f"{self._line.waiting(lane)} requests of priority {lane} wait already.", now)
        if not self._limits.max_waiting:
            raise self._error("No session is free, and `queue.max_waiting` lets no request wait.", now)
        raise self._error(f"{len(self._line)} requests wait already, as many as may.", now)

    def add(
        self,
        item: T,
        priority: str,
        now: float,
        *,
        tenant: str,
        user: str,
        deadline: float = float("inf"),
        group: Hashable = "",
    ) -> None:
        """One more waits, with others of its `group` for the same sessions; `make_room` was asked before."""
        cost = self._costs.guess((tenant, user))
        self._line.add(item, priority, now, tenant=tenant, user=user, cost=cost, deadline=deadline, group=group)
        self._groups[group] += 1

    def remove(self, item: T, now: float, *, served: bool = False) -> None:
        """It waits no more; a `served` one has had its turn."""
        ticket = self._line.ticket(item)
        if ticket is None:
            return
        self._line.remove(item, served=served)
        self._groups[ticket.group] -= 1
        if served:
            self._charged((ticket.tenant, ticket.user), ticket.priority, ticket.cost)
            self._rates.setdefault(ticket.group, DrainRate()).served(now)
            self._rate.served(now)
            self._waits[ticket.priority].append(now - ticket.since)
        if not self._groups[ticket.group]:
            del self._groups[ticket.group]
            self._rates.pop(ticket.group, None)
        if not self._line:
            self._rate.idle()

    def passed(self, priority: str, tenant: str, user: str) -> None:
        """A request went without waiting; while others wait it counts as theirs do."""
        cost = self._costs.guess((tenant, user))
        self._line.charge(priority, tenant, user, cost)
        self._charged((tenant, user), priority, cost)

    def ended(self, tenant: str, user: str, seconds: float) -> None:
        """A request gave its session back after so long: what it was charged too little or too much is made good."""
        open_charges = self._open_charges.get((tenant, user))
        if open_charges:
            priority, cost = open_charges.popleft()
            self._line.charge(priority, tenant, user, seconds - cost)
            if not open_charges:
                del self._open_charges[tenant, user]
        self._costs.add((tenant, user), seconds)

    def _charged(self, user: User, priority: str, cost: float) -> None:
        """Which of a user's requests ends first is all one: what counts is the sum."""
        self._open_charges.setdefault(user, deque()).append((priority, cost))

    def shed(self, now: float) -> list[Dropped[T]]:
        """Once a second: let go up who waited long, and name who is dropped: by `codel`, or without hope."""
        self.aged += self._line.age(now, self._limits.aging)
        return [*self._too_long(now), *self._hopeless(now)]

    def expectations(self, now: float) -> Iterator[tuple[T, int, float | None]]:
        """All that wait, in order, with their position from 1, and the seconds until each should be served.

        Those are drawn from the pace of its group, None while that is not known: others wait for other sessions.
        """
        ahead: Counter[Hashable] = Counter()
        for position, ticket in enumerate(self._line.in_order(), start=1):
            ahead[ticket.group] += 1
            rate = self._rates.get(ticket.group)
            wait = rate.seconds_until(ahead[ticket.group], now) if rate is not None else None
            yield ticket.item, position, wait

    def reading(self, now: float) -> QueueReading:
        """How the queue stands."""
        lanes = []
        for name in LANES:
            oldest, own = self._line.oldest(name), self._limits.lanes.get(name)
            waits = sorted(self._waits[name])
            lanes.append(
                LaneReading(
                    name=name,
                    waiting=self._line.waiting(name),
                    weight=own.weight if own is not None else 0.0,
                    max_waiting=own.max_waiting if own is not None else 0,
                    drop=self._limits.strategy(name),
                    oldest=now - oldest.since if oldest is not None else 0.0,
                    wait_p50=nearest_rank(waits, 0.50),
                    wait_p95=nearest_rank(waits, 0.95),
                )
            )
        return QueueReading(
            waiting=len(self._line),
            max_waiting=self._limits.max_waiting,
            drain_time=self._rate.seconds_until(len(self._line), now) if self._line else 0.0,
            throughput=self._rate.a_second(now),
            aged=self.aged,
            dropped=dict(self.dropped),
            lanes=lanes,
        )

    def _victim(self, lane: str, *, lane_full: bool) -> Ticket[T] | None:
        """Who leaves for one more of this lane; None for the new one itself."""
        match self._limits.strategy(lane):
            case "drop_oldest":
                return self._line.oldest(lane if lane_full else "")
            case "drop_lowest" if not lane_full:
                lowest = self._line.newest_of_lowest()
                lower = lowest is not None and LANES.index(lowest.priority) > LANES.index(lane)
                return lowest if lower else None
            case _:
                return None

    def _too_long(self, now: float) -> list[Dropped[T]]:
        found: list[Dropped[T]] = []
        for name in LANES:
            if self._limits.strategy(name) != "codel":
                continue
            limits = self._limits
            codel = self._codels.setdefault(name, Codel(limits.codel_target, limits.codel_interval))
            head = self._line.head(name)
            if codel.drops(now - head.since if head is not None else None, now) and head is not None:
                self.dropped["codel"] += 1
                text = f"It waited {now - head.since:.0f} s while every wait was above {limits.codel_target:g} s"
                found.append((head.item, self._error(f"{text}, so `codel` dropped it.", now)))
        return found

    def _hopeless(self, now: float) -> list[Dropped[T]]:
        deadlines = {each.item: each.deadline for each in self._line.tickets if each.deadline < float("inf")}
        found: list[Dropped[T]] = []
        for item, position, wait in self.expectations(now) if deadlines else ():
            left = deadlines.get(item, float("inf")) - now
            if wait is None or wait <= _HOPELESS * left:
                continue
            self.dropped["hopeless"] += 1
            text = f"It could not begin before its deadline in {max(0.0, left):.0f} s"
            remedy = "Give it a longer deadline or a higher priority, or enlarge the pool."
            sentence = f"{text}: {position - 1} requests are before it, and it would wait about {wait:.0f} s."
            found.append((item, DeadlinePassed(sentence, remedy=remedy)))
        return found

    def _error(self, sentence: str, now: float) -> QueueFull:
        wait = self._rate.seconds_until(max(1, len(self._line) // 2), now)
        after = _RETRY_AFTER_S if wait is None else min(_RETRY_AFTER_MAX_S, max(_RETRY_AFTER_S, wait))
        return QueueFull(sentence, remedy=_ROOM, retry_after=round(after, 1))
