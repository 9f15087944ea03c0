"""How profiles share the pool when they compete: each its weight's part, by highest averages (D'Hondt). Pure.

A profile's load is its sessions / its weight. The next session goes to the waiting profile whose load would stay
least, and one that waits gives an idle session up only to a profile whose load stays below its own: so sessions move
towards the weights, and none moves back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.pool.session_index import Named


@dataclass(frozen=True, slots=True)
class Shares:
    """Sessions by profile, weights by profile name (1 for others), and the profiles that somebody waits for."""

    sizes: Mapping[Named, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    waiting: frozenset[Named] = frozenset()

    def load(self, profile: Named, more: int = 0) -> float:
        """Sessions for each unit of weight, with so many more."""
        return (self.sizes.get(profile, 0) + more) / self.weights.get(profile[1], 1.0)

    def short(self, profile: Named) -> bool:
        """Whether the next session is rather this profile's than another's that waits too."""
        with_one_more = self.load(profile, 1)
        return any(self.load(other) > with_one_more for other in self.waiting if other != profile)

    def may_take(self, giver: Named, taker: Named) -> bool:
        """Whether an idle session of one profile may make room for one of another."""
        return giver == taker or giver not in self.waiting or self.load(giver) > self.load(taker, 1)

    def givers(self, idle: Iterable[Named], taker: Named) -> frozenset[Named]:
        """The profiles with idle sessions that give one up first: with unequal weights those of the highest load."""
        allowed = {profile for profile in idle if self.may_take(profile, taker)}
        if len({self.weights.get(name, 1.0) for _, name in allowed}) < 2:
            return frozenset(allowed)
        most = max(self.load(profile) for profile in allowed)
        return frozenset(profile for profile in allowed if self.load(profile) == most)
