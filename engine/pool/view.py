"""The pool at one moment: its statistics for people, and the room that routing has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from engine.backends.base import SIMULATOR
from engine.events.types import PoolStatistics
from engine.pool.members import Members
from engine.pool.ports import PoolPorts
from engine.pool.routing import Capacity
from engine.pool.scaling_policies import Load
from engine.pool.shares import Shares


@dataclass(frozen=True, slots=True)
class PoolNow:
    """What the pool itself counts: sessions, leases, waiters; `memory` and `cpu` are the sessions' sums."""

    size: int
    active: int
    waiting: int
    utilisation: float
    now: float
    memory: int
    cpu: float


def statistics_of(pool: PoolNow, members: Members, ports: PoolPorts) -> PoolStatistics:
    """The pool as people see it."""
    limits, record, index = ports.limits(), members.record, members.index
    counts, last = record.snapshot(), ports.growth.last
    target, reason = (last.target, last.reason) if last else (pool.size, "")
    if pool.size < target and not (carried := ports.growth.carry(pool.size)).more:
        reason = f"{reason}; {carried.reason}"
    return PoolStatistics(
        size=pool.size,
        active=pool.active,
        idle=index.idle_count,
        warm=sum(1 for entry in index if entry.idle and not entry.conversation),
        starting=members.starting,
        waiting=pool.waiting,
        hibernated=ports.conversations.hibernated,
        min_size=limits.scaling.min_size,
        max_size=limits.scaling.max_size,
        target=target,
        reason=reason,
        utilisation=pool.utilisation,
        reuse=counts.reuses / counts.leases if counts.leases else 0.0,
        throughput=record.throughput(pool.now),
        memory=pool.memory,
        cpu=pool.cpu,
        wait=record.waits,
        wake=record.wakes,
        counts=counts,
        simulated=ports.default().backend == SIMULATOR,
        spares=members.spares.ready,
    )


def capacity_of(members: Members, ports: PoolPorts, load: Load, now: float, shares: Shares) -> Capacity:
    """The room that there is for one request more."""
    limits, planner = ports.limits(), ports.growth
    starts = [member.request for member in members.all.values() if member.starting]
    allowed, why = planner.allowed(load)
    return Capacity(
        size=members.serving,
        starting=Counter(request.profile.named for request in starts),
        waking=Counter(request.profile.named for request in starts if request.resumes),
        allowed=allowed,
        why=why,
        max_starting=limits.max_starting,
        max_waking=limits.max_waking,
        pending=Counter(request.profile.key for request in starts if not request.conversation),
        resuming=frozenset((each.profile.tenant, each.conversation) for each in starts if each.conversation),
        held=planner.held(now),
        shares=shares,
    )
