"""What the pool works with: sessions, limits, routing, capacity, conversations, and the machine."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.backends.base import Profile
from engine.base.clock import Clock
from engine.events.bus import Bus
from engine.flow.concurrency_limit import ConcurrencyLimits
from engine.launchers.session_host import SessionHost
from engine.pool.capacity_planner import CapacityPlanner
from engine.pool.conversations import Conversations
from engine.pool.limits import PoolLimits
from engine.pool.routing import Router
from engine.pool.waiting_line import WaitQueue
from engine.pool.wake_checks import WakeChecks
from engine.sessions.ports import SessionPorts


def _able(_profile: Profile) -> str:
    """Nothing is known to be missing."""
    return ""


@dataclass(frozen=True)
class PoolPorts:
    """What the pool works with. `default` is the profile that `min_size` is for, `profile` finds one by name."""

    session: SessionPorts
    limits: Callable[[], PoolLimits]
    router: Router
    growth: CapacityPlanner
    conversations: Conversations
    default: Callable[[], Profile]
    profile: Callable[[str], Profile | None]
    rng: random.Random
    host: SessionHost
    queue: WaitQueue
    concurrency: ConcurrencyLimits
    unable: Callable[[Profile], str] = _able
    """Says why a profile's sessions could not work, empty when they could."""
    wake_checks: WakeChecks = field(default_factory=WakeChecks)

    @property
    def bus(self) -> Bus:
        """Where events go."""
        return self.session.bus

    @property
    def clock(self) -> Clock:
        """The pool's time."""
        return self.session.clock
