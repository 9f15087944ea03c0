"""The places of the requests that run at once: as many as a policy allows, by credential and model."""

from __future__ import annotations

from collections.abc import Callable

from engine.backends.base import Profile
from engine.base.clock import Clock
from engine.base.errors import BadInput
from engine.events.types import LimitReading
from engine.flow.limit_policies import LimitPolicy, Pace, PacedPolicy, Running

_KEYS_KEPT = 256
"""Credentials with models whose past is remembered; beyond, those at rest are forgotten."""


class _Keyed:
    """Owner of one credential's and model's policy, and of the requests that run there."""

    __slots__ = ("paced", "policy", "running")

    def __init__(self, policy: LimitPolicy) -> None:
        self.running = 0
        self.follow(policy)

    def follow(self, policy: LimitPolicy) -> None:
        """Ask this policy from now on."""
        self.policy = policy
        self.paced = policy if isinstance(policy, PacedPolicy) else None

    @property
    def unlimited(self) -> bool:
        """Whether it is known without asking that there is no limit: a policy that hears paces has no reason then."""
        return self.paced is not None and not self.paced.reason


class Place:
    """One request's right to run: given back once, and given up while a person is waited for."""

    __slots__ = ("_closed", "_held", "_key", "_limits")

    def __init__(self, limits: ConcurrencyLimits, key: str) -> None:
        self._limits, self._key = limits, key
        self._held, self._closed = True, False
        limits.count(key, 1)

    def pause(self) -> None:
        """A person is waited for: somebody else may run meanwhile."""
        if self._give_up():
            self._limits.on_free()

    def resume(self) -> None:
        """It goes on at once, limit or not: what ran before is not held up twice."""
        if not self._held and not self._closed:
            self._held = True
            self._limits.count(self._key, 1)

    def close(self) -> None:
        """It runs no more; who closes it looks who may run now."""
        self._give_up()
        self._closed = True

    def observe(self, pace: Pace) -> None:
        """How its answer comes."""
        self._limits.observe(self._key, pace)

    def _give_up(self) -> bool:
        held = self._held and not self._closed
        if held:
            self._held = False
            self._limits.count(self._key, -1)
        return held


class ConcurrencyLimits:
    """Owner of the places of running requests.

    `most` is the number that could run without a limit, `interval` the seconds after which a lowered one rises,
    `reserve` the share of the places, rounded down, that `low` requests leave to others. `possible` is the number of
    sessions that the pool can have now, None while it did not say: no more can run either.
    """

    def __init__(
        self,
        most: Callable[[], int],
        interval: Callable[[], float],
        clock: Clock,
        make: Callable[[], LimitPolicy],
        reserve: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._most, self._interval, self._clock, self._make, self._reserve = most, interval, clock, make, reserve
        self._keys: dict[str, _Keyed] = {}
        self._whole = _Keyed(make())
        self._running = 0
        self._names: dict[tuple[str, str, str], str] = {}
        self.load = 0.0
        self.possible: int | None = None
        self.on_free: Callable[[], None] = lambda: None

    @property
    def running(self) -> int:
        """Requests that run."""
        return self._running

    @property
    def most(self) -> int:
        """Requests that could run at once without a limit."""
        most = self._most()
        return most if self.possible is None else max(1, min(most, self.possible))

    @property
    def limit(self) -> int | None:
        """The lowest limit in force; None without one."""
        found = [self._limit_of_all(), *(self.limit_of(key) for key in self._keys)]
        return min((limit for limit in found if limit is not None), default=None)

    def limit_of(self, key: str) -> int | None:
        """Requests that may run at once with a credential and model; None without a limit of its own."""
        keyed = self._keyed(key)
        return None if keyed.unlimited else keyed.policy.limit(self._facts(keyed.running))

    def key_of(self, profile: Profile) -> str:
        """The limit that a profile's calls fall under, as `place_key`; worked out once for a profile's content."""
        known = self._names.get(profile.key)
        if known is None:
            if len(self._names) >= _KEYS_KEPT:
                self._names.clear()
            known = self._names[profile.key] = place_key(profile)
        return known

    def refusal(self, key: str, priority: str) -> str:
        """Why a request may not run now; empty when it may."""
        limit = self.limit_of(key)
        if limit is None or self._keyed(key).running < limit:
            limit = self._limit_of_all()
            if limit is None or self._running < limit:
                return self._reserved() if priority == "low" else ""
        return f"a place: {limit} requests may run at once for now"

    def _reserved(self) -> str:
        """Why a `low` request may not run: the places that are left are for others."""
        most = self.most
        kept = int(self._reserve() * most)
        free = not kept or self._running < most - kept
        return "" if free else f"a place: {kept} of {most} are kept for requests above `low`"

    def take(self, key: str) -> Place:
        """A place for a request that may run."""
        return Place(self, key)

    def count(self, key: str, more: int) -> None:
        """Somebody runs, or does not any more."""
        self._keyed(key).running += more
        self._running += more

    def observe(self, key: str, pace: Pace) -> None:
        """How an answer comes."""
        keyed = self._keyed(key)
        if keyed.paced is not None:
            keyed.paced.observe(self._facts(keyed.running), pace)

    def decrease(self, credential: str = "") -> int:
        """Let fewer run with a credential, or in all; returns the lowest limit. What runs is not cut."""
        used = [keyed for key, keyed in self._keys.items() if credential and key.startswith(f"{credential} ")]
        if not used:
            return self._whole.policy.decrease(self._facts(self.running))
        return min(each.policy.decrease(self._facts(each.running)) for each in used)

    def adjust(self, load: float) -> int | None:
        """Somebody knows how loaded the API is: that share of the places stays free. Returns the limit.

        Raises BadInput for a load that is not from 0 to 1.
        """
        if not 0.0 <= load <= 1.0:
            raise BadInput(f"A load of {load:g} cannot be.", field="load", remedy="Give a share from 0 to 1.")
        self.load = load
        self.on_free()
        return self.limit

    def use(self, make: Callable[[], LimitPolicy]) -> None:
        """Follow policies of another make from now on; what was learned of each is lost."""
        self._make = make
        for keyed in (self._whole, *self._keys.values()):
            keyed.follow(make())
        self.on_free()

    def policy_of(self, key: str) -> LimitPolicy:
        """The policy of a credential and model."""
        return self._keyed(key).policy

    def readings(self) -> list[LimitReading]:
        """Each credential and model that somebody used; the limit of all where there is one."""
        found = [self._reading(key, keyed) for key, keyed in self._keys.items()]
        if (limit := self._limit_of_all()) is not None:
            whole = self._reading("all", self._whole)
            reason = f"a load of {self.load:.0%} was given" if limit == self._by_load() else whole.reason
            found.insert(0, LimitReading("all", self.running, limit, reason, whole.next_step))
        return found

    def _reading(self, name: str, keyed: _Keyed) -> LimitReading:
        facts, policy, paced = self._facts(keyed.running), keyed.policy, keyed.paced
        limit, reason = policy.limit(facts), paced.reason if paced is not None else ""
        return LimitReading(name, keyed.running, limit, reason, paced.next_step(facts) if paced is not None else None)

    def _limit_of_all(self) -> int | None:
        if self._whole.unlimited and not self.load:
            return None
        found = [self._whole.policy.limit(self._facts(self._running)), self._by_load()]
        return min((limit for limit in found if limit is not None), default=None)

    def _by_load(self) -> int | None:
        return max(1, int(self.most * (1 - self.load))) if self.load > 0 else None

    def _keyed(self, key: str) -> _Keyed:
        keyed = self._keys.get(key)
        if keyed is None:
            if len(self._keys) >= _KEYS_KEPT:
                self._keys = {name: each for name, each in self._keys.items() if each.running}
            keyed = self._keys[key] = _Keyed(self._make())
        return keyed

    def _facts(self, running: int) -> Running:
        return Running(self._clock.monotonic(), running, self.most, self._interval())


def place_key(profile: Profile) -> str:
    """Which limit a call of a profile falls under: that of its credential, and there of its endpoint and model."""
    model = profile.at_endpoint(f"model:{profile.model or 'default'}")
    return f"credential:{profile.credential} {model}"
