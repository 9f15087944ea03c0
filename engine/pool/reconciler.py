"""The pool's size from tick to tick: start what is missing, keep spares warm, give back what is too much."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from engine.backends.base import Profile
from engine.base.errors import QuarterdeckError
from engine.pool.limits import PoolLimits
from engine.pool.members import Members
from engine.pool.ports import PoolPorts
from engine.pool.routing import LeaseRequest, may_begin
from engine.pool.scaling_policies import Load
from engine.pool.session_index import SubPool

_RETRY_MAX_S = 60.0
_SHORTAGE_S = 1.0
_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}


class Reconciler:
    """Owner of when spares are due, and of how often their starts failed."""

    def __init__(self, ports: PoolPorts, members: Members) -> None:
        self._ports = ports
        self._members = members
        self._due: dict[SubPool, float] = {}
        self._failures: Counter[SubPool] = Counter()
        self._not_before: dict[SubPool, float] = {}

    def load(self, *, busy: int, waiting: int) -> Load:
        """The pool's load; warm spares are no part of what follows it."""
        members, index = self._members, self._members.index
        spare = sum(min(index.warm_count(key), wanted) for key, wanted in self._spares().items())
        return self._ports.growth.load(
            self._now(), busy=busy, waiting=waiting, size=members.serving, starting=members.starting, spare=spare
        )

    def fill(self, load: Load, requests: Sequence[LeaseRequest]) -> None:
        """Start what is missing to the target, for those who have most `requests`, and the warm spares."""
        limits, growth, now = self._ports.limits(), self._ports.growth, self._now()
        if growth.disk_full:
            return
        held = growth.held(now).keys() | {key for key, at in self._not_before.items() if now < at}
        target = growth.decide(load).target
        target = min(target, self._most(limits) - self._members.spares.kept_places)
        while self._members.serving < target:
            profile = self._wanted_profile(limits, requests)
            if not self._may_have_one(profile, held) or not self._may_start(limits, profile):
                break
            self._members.start(LeaseRequest(profile, ""))
        for name, wanted in limits.warm.items():
            spare = self._ports.profile(name)
            if spare is not None and self._may_have_one(spare, held):
                self._refill(spare, wanted, limits, now)

    def _may_have_one(self, spare: Profile, held: AbstractSet[tuple[str, ...]]) -> bool:
        return spare.key not in held and spare.named not in held and not self._ports.unable(spare)

    def shrink(self, load: Load) -> None:
        """Stop sessions past their lifetime, those idle too long above the minimum, and those above the target."""
        limits, now, members = self._ports.limits(), self._now(), self._members
        target = self._ports.growth.decide(load).target
        spare, surplus = members.staying - limits.scaling.min_size, members.staying - target
        kept = self._spares()
        for entry in members.index.idle():
            member = members.get(entry.session)
            if entry.engaged:
                continue
            reason = members.reason_to_retire(member)
            if not reason and not entry.conversation and kept.get(entry.key, 0) > 0:
                kept[entry.key] -= 1
                continue
            if not reason and spare > 0 and now - entry.last_used >= limits.idle_timeout:
                reason = "idle"
            if not reason and spare > 0 and surplus > 0:
                reason = "scaled down"
            if reason:
                spare, surplus = spare - 1, surplus - 1
                members.retire(member, reason)

    def start_failed(self, key: SubPool, error: QuarterdeckError) -> None:
        """Nobody waited for it, so the next one of the profile waits: briefly, where the machine lacked room."""
        if is_shortage(error):
            self._not_before[key] = self._now() + _SHORTAGE_S
            return
        self._failures[key] += 1
        self._not_before[key] = self._now() + min(_RETRY_MAX_S, 2.0 ** self._failures[key])

    def came_up(self, key: SubPool) -> None:
        """Sessions of the profile start well."""
        self._failures.pop(key, None)
        self._not_before.pop(key, None)

    def _spares(self) -> dict[SubPool, int]:
        """How many never used sessions each sub-pool shall have; a size by hand counts them as any other."""
        warm = self._ports.limits().warm if self._ports.growth.asked is None else {}
        found = {name: self._ports.profile(name) for name, wanted in warm.items() if wanted}
        return {profile.key: warm[name] for name, profile in found.items() if profile is not None}

    def _wanted_profile(self, limits: PoolLimits, requests: Sequence[LeaseRequest]) -> Profile:
        """Whose sessions are added: the default's up to `min_size`, then by what each has to do and its weight."""
        default = self._ports.default()
        if self._members.serving < limits.scaling.min_size:
            return default
        wanted = Counter(request.profile.key for request in requests)
        members = [member for member in self._members.all.values() if member.stays and not member.spare]
        have = Counter(member.request.profile.key for member in members)
        lacking = {key: have[key] / (wanted[key] * limits.weights.get(key[1], 1.0)) for key in wanted}
        key = min(lacking, key=lambda each: lacking[each], default=default.key)
        return next((request.profile for request in requests if request.profile.key == key), default)

    def _refill(self, profile: Profile, wanted: int, limits: PoolLimits, now: float) -> None:
        """A used spare is replaced after a random delay, so that many used at once do not start at once."""
        spares = [member for member in self._members.all.values() if member.starting and not member.demanded]
        coming = sum(member.request.profile.key == profile.key for member in spares)
        full = self._members.serving >= self._most(limits) - self._members.spares.kept_places
        if self._members.index.warm_count(profile.key) + coming >= wanted or full:
            self._due.pop(profile.key, None)
            return
        due = self._due.setdefault(profile.key, now + self._ports.rng.uniform(0.0, limits.warm_jitter))
        if now >= due and self._may_start(limits, profile):
            del self._due[profile.key]
            self._members.start(LeaseRequest(profile, ""))

    def _most(self, limits: PoolLimits) -> int:
        """The processes that there may be."""
        return limits.scaling.max_size if self._ports.growth.asked is None else self._ports.growth.asked

    def _may_start(self, limits: PoolLimits, profile: Profile) -> bool:
        carried = self._ports.growth.carry(len(self._members))
        under_way = Counter(each.request.profile.named for each in self._members.all.values() if each.starting)
        return may_begin(under_way, profile.named, limits.max_starting) and carried.more > 0

    def _now(self) -> float:
        return self._ports.clock.monotonic()


def is_shortage(error: BaseException | None) -> bool:
    """Whether the machine lacked descriptors, memory or processes at that moment, which says nothing of the profile."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _SHORTAGES:
            return True
        error = error.__cause__
    return False
