"""How much the group `pool` measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    leases: int = 20_000
    waiters: int = 1000
    crashes: int = 20
    turns: int = 2000
    lifetimes: int = 200
    big: bool = True


FULL, QUICK = Size(), Size(leases=4000, crashes=5, turns=300, lifetimes=30, big=False)
