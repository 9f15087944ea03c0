"""Which of several idle sessions takes a request that none of them has a reason to take: balancers by name.

Own ones come by entry point (group `quarterdeck.balancers`) or as `module:Class`; each is a class without arguments.
"""

from __future__ import annotations

import random
import zlib
from bisect import bisect
from collections.abc import Callable, Sequence
from typing import Protocol

from engine.base.plugins import BALANCER_GROUP, make
from engine.settings.schema import Settings

CONSIDERED = 16
"""Candidates that most balancers want to see, those used last: so the tail can idle out, and a lease stays cheap."""


class Candidate(Protocol):
    """One idle session, read only: `load` is the CPU it took lately as a ratio of a core, `weight` what it can take.

    `turns` counts what it served; `last_used` is a monotonic time in seconds.
    """

    @property
    def session(self) -> str: ...
    @property
    def load(self) -> float: ...
    @property
    def turns(self) -> int: ...
    @property
    def last_used(self) -> float: ...
    @property
    def weight(self) -> float: ...


class Balancer(Protocol):
    """Chooses among candidates, of which there is at least one. It may keep state; it is asked on one thread only."""

    considers: int
    """Most candidates that it wants to see."""

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:
        """The session to take. `key` names the user, or the tenant for none."""


class RoundRobin:
    """One after the other, in the order of their names; those that come and go change nothing for the rest."""

    considers = CONSIDERED

    def __init__(self) -> None:
        self._last = ""

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:  # noqa: ARG002 - the port's signature
        """The next name after the last one."""
        names = sorted(candidate.session for candidate in candidates)
        self._last = next((name for name in names if name > self._last), names[0])
        return self._last


class WeightedRoundRobin:
    """Smooth weighted round robin (nginx) with Envoy's active weight: weight / (load + 1)."""

    considers = CONSIDERED

    def __init__(self) -> None:
        self._credit: dict[str, float] = {}

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:  # noqa: ARG002 - the port's signature
        """The one with the most credit; each gains its weight a round, the chosen one pays the round."""
        weights = {one.session: one.weight / (one.load + 1) for one in candidates}
        credit = {name: self._credit.get(name, 0.0) + weight for name, weight in weights.items()}
        chosen = max(credit, key=lambda name: (credit[name], name))
        credit[chosen] -= sum(weights.values())
        self._credit = credit
        return chosen


class LeastLoaded:
    """The least CPU lately, then the fewest turns."""

    considers = CONSIDERED

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:  # noqa: ARG002 - the port's signature
        """The least loaded one."""
        return min(candidates, key=_load).session


class PowerOfTwo:
    """The less loaded of two taken at random: nearly the best, without everybody running to the same one."""

    considers = CONSIDERED

    def __init__(self, rng: random.Random | None = None) -> None:
        self._chance = rng or random.Random()  # noqa: S311 - placement, not secrets

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:  # noqa: ARG002 - the port's signature
        """The better of two."""
        return min(self._chance.sample(candidates, min(2, len(candidates))), key=_load).session


class ConsistentHash:
    """The same session for the same user as long as it is idle, with a bound on its share.

    A ring of POINTS points a session; a session whose turns exceed BOUND times the mean is passed by
    (consistent hashing with bounded loads).
    """

    considers = 1_000_000
    POINTS = 64
    BOUND = 1.25

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._ring: list[tuple[int, str]] = []

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:
        """The first session on the ring from the key's place that is within its share."""
        by_name = {one.session: one for one in candidates}
        self._rebuild(tuple(sorted(by_name)))
        most = self.BOUND * (sum(one.turns for one in candidates) + 1) / len(candidates)
        start = bisect(self._ring, (_place(key), ""))
        for step in range(len(self._ring)):
            name = self._ring[(start + step) % len(self._ring)][1]
            if by_name[name].turns <= most:
                return name
        return min(candidates, key=lambda one: one.turns).session

    def _rebuild(self, names: tuple[str, ...]) -> None:
        if names != self._names:
            self._names = names
            self._ring = sorted((_place(f"{name}/{point}"), name) for name in names for point in range(self.POINTS))


BALANCERS: dict[str, Callable[[], Balancer]] = {
    "weighted_round_robin": WeightedRoundRobin,
    "least_loaded": LeastLoaded,
    "power_of_two": PowerOfTwo,
    "round_robin": RoundRobin,
    "consistent_hash": ConsistentHash,
}
"""The balancers that are built in, by their names in the settings."""


def _load(candidate: Candidate) -> tuple[float, int, str]:
    return (candidate.load, candidate.turns, candidate.session)


def _place(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "replace"))


def named_balancer(settings: Settings) -> Balancer:
    """The balancer that the settings name. Raises SettingsError."""
    name = settings.session_pool.load_balancing.strategy
    return make(BALANCER_GROUP, name, BALANCERS, "session_pool.load_balancing.strategy")
