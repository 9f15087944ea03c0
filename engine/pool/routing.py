"""Which session serves a waiting request: a pure decision, carried out by the pool.

The session that holds the conversation → the user's last one → a warm one → the balancer's choice among those whose
conversation nobody came back to → one more session → the conversation worth least gives its process back.
A conversation that is gone on with is worth a wake, so fresh requests clear the others first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.backends.base import Profile
from engine.pool.balancers import Balancer
from engine.pool.session_index import Named, SessionIndex, SubPool
from engine.pool.shares import Shares


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """What a request needs: a session of `profile`, holding `conversation` or, when empty, a fresh one.

    With a `directory` that the request named, `conversation` is a new one in a process of its own. After `deadline`, a
    monotonic time, it has no use for a session; `id` names the request. `ahead` states that nobody waits for it yet: a
    prompt for its conversation is expected.
    """

    profile: Profile
    user: str
    conversation: str = ""
    directory: Path | None = None
    priority: str = "medium"
    deadline: float = float("inf")
    id: str = ""
    ahead: bool = False

    @property
    def resumes(self) -> bool:
        """Whether the conversation is there already."""
        return bool(self.conversation) and self.directory is None


def may_begin(under_way: Mapping[Named, int], profile: Named, most: int) -> bool:
    """Whether a profile may begin one more of what `most` may do at once; others never hold its last place."""
    own = under_way.get(profile, 0)
    return own + min(sum(under_way.values()) - own, most - 1) < most


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much the pool may still grow, and `why` no further.

    `starting` counts starts under way by profile and `waking` those of them that resume; `pending` are the starts of
    each sub-pool for anybody, `resuming` the conversations that are being resumed, `held` the sub-pools that may not
    start and why, `shares` what each profile has and whether it waits.
    """

    size: int
    starting: Mapping[Named, int]
    waking: Mapping[Named, int]
    allowed: int
    why: str
    max_starting: int
    max_waking: int
    pending: Mapping[SubPool, int]
    resuming: frozenset[tuple[str, str]]
    held: Mapping[SubPool | Named, str]
    shares: Shares = field(default_factory=Shares)

    @property
    def full(self) -> str:
        """Why nothing can start or make room now, as long as no session is idle; empty when something can."""
        return "" if self.size < self.allowed else f"all {self.size} sessions are busy: {self.why}"

    def starts_taken(self, profile: Named) -> str:
        """Why no session of a profile may start beside those that do; empty when one may.

        Starts of other profiles never take the last place, so one whose starts hang holds up nobody else.
        """
        if may_begin(self.starting, profile, self.max_starting):
            return ""
        return f"{sum(self.starting.values())} sessions are starting, as many as may at once"

    def wakes_taken(self, profile: Named) -> str:
        """The same of conversations that are being resumed."""
        if may_begin(self.waking, profile, self.max_waking):
            return ""
        return f"{sum(self.waking.values())} conversations are being woken, as many as may at once"


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """`use` a session (after `/clear` when `clear`), or `start` one (stopping `evict` first), or wait.

    `coming` states that a session is starting for whoever waits, `stuck` that none may start for the profile; without
    `demand` no session more would help.
    """

    reason: str
    use: str = ""
    clear: bool = False
    start: bool = False
    evict: str = ""
    by_user: bool = False
    coming: bool = False
    stuck: bool = False
    demand: bool = True


CapacityNow = Callable[[], Capacity]
"""Tells the room when it is asked for: most decisions need none."""


class Router:
    """Owner of the balancer; everything else is handed in."""

    def __init__(self, balancer: Balancer) -> None:
        self.balancer = balancer

    def route(
        self, request: LeaseRequest, index: SessionIndex, capacity: CapacityNow, ahead: Callable[[], int]
    ) -> RouteDecision:
        """Decide for one wish. `ahead()` counts waiting wishes of the same sub-pool that were there first."""
        if request.conversation:
            return _route_conversation(request, index, capacity)
        if index.idle_of(request.profile.key):
            return self._choose_idle(request, index, capacity, ahead)
        return _start_one(request, index, capacity, ahead)

    def _choose_idle(
        self, request: LeaseRequest, index: SessionIndex, capacity: CapacityNow, ahead: Callable[[], int]
    ) -> RouteDecision:
        key = request.profile.key
        if (entry := index.of_user(key, request.user)) is not None:
            return RouteDecision("the user's last session", use=entry.session, clear=True, by_user=True)
        if (entry := index.warm(key)) is not None:
            return RouteDecision("a warm session", use=entry.session)
        if candidates := index.once_idle(key, self.balancer.considers):
            chosen = candidates[0].session
            if len(candidates) > 1:
                chosen = self.balancer.choose(candidates, request.user or key[0])
            return RouteDecision("the balancer's choice", use=chosen, clear=True)
        growth = _start_one(request, index, capacity, ahead)
        oldest = index.eviction_candidate(key)
        if oldest is None or growth.coming or (growth.start and not growth.evict):
            return growth
        return RouteDecision("the conversation worth least hibernates", use=oldest.session, clear=True)


def _route_conversation(request: LeaseRequest, index: SessionIndex, capacity: CapacityNow) -> RouteDecision:
    tenant = request.profile.tenant
    holder = index.holder(tenant, request.conversation)
    if holder is not None:
        if not holder.idle:
            return RouteDecision("the conversation is busy in another turn", demand=False)
        if holder.key == request.profile.key:
            return RouteDecision("the session holds the conversation", use=holder.session)
        if holder.engaged:
            return RouteDecision("its session still runs what the agent began by itself", demand=False)
    now = capacity()
    if (tenant, request.conversation) in now.resuming:
        return RouteDecision("the conversation is being resumed", demand=False)
    if taken := now.wakes_taken(request.profile.named):
        return RouteDecision(taken)
    if holder is not None:
        moves = "the conversation moves to another profile"
        return _held(request, now) or RouteDecision(moves, start=True, evict=holder.session)
    return _grow(request, index, now)


def _start_one(
    request: LeaseRequest, index: SessionIndex, capacity: CapacityNow, ahead: Callable[[], int]
) -> RouteDecision:
    now = capacity()
    if now.pending.get(request.profile.key, 0) > ahead():
        return RouteDecision("a session of the profile is starting", coming=True)
    return _grow(request, index, now)


def _held(request: LeaseRequest, now: Capacity) -> RouteDecision | None:
    """Why no session of the profile may start at this moment."""
    if held := now.held.get(request.profile.key) or now.held.get(request.profile.named):
        return RouteDecision(held)
    if taken := now.starts_taken(request.profile.named):
        return RouteDecision(taken, stuck=True)
    return None


def _grow(request: LeaseRequest, index: SessionIndex, now: Capacity) -> RouteDecision:
    if (held := _held(request, now)) is not None:
        return held
    if now.size < now.allowed:
        return RouteDecision("the pool may grow", start=True)
    idle = index.evictable_profiles()
    victim = index.least_wanted_of_all(now.shares.givers(idle, request.profile.named))
    if victim is None:
        return RouteDecision("the idle sessions are within the share of profiles that wait too" if idle else now.full)
    return RouteDecision("the idle session worth least makes room", start=True, evict=victim.session)
