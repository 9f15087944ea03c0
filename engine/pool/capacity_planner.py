"""How far the pool may grow now: what scaling wants, within what the machine can carry and what crashed lately."""

from __future__ import annotations

from collections.abc import Callable

from engine.events.bus import Bus
from engine.events.types import Notice, PoolScaled, Severity
from engine.launchers.host import HostFacts
from engine.pool.host_capacity import HostCapacity, host_capacity
from engine.pool.intensity import Intensity
from engine.pool.limits import PoolLimits
from engine.pool.scaler import ScaleDecision, Scaler
from engine.pool.scaling_policies import Load, ScalingPolicy
from engine.pool.session_index import Named, SubPool

_CONTENTS = 256
"""Contents of profiles whose crashes are counted; at the bound the oldest is forgotten."""


class CapacityPlanner:
    """Owner of the scaler, of the machine's last facts and of the crash records."""

    def __init__(self, limits: Callable[[], PoolLimits], bus: Bus, policy: ScalingPolicy) -> None:
        self._limits = limits
        self._bus = bus
        self._scaler = Scaler(policy)
        self._host: HostFacts | None = None
        self._measured: float | None = None
        self._taken = 0
        self._crashes: dict[SubPool, Intensity] = {}
        self._drained: set[Named] = set()
        self._reported = -1
        self.last: ScaleDecision | None = None

    @property
    def asked(self) -> int | None:
        """The size that was asked for by hand."""
        return self._scaler.asked

    @property
    def disk_full(self) -> str:
        """Why no work may be taken, or nothing."""
        host, floor = self._host, self._limits().host_capacity.disk_floor
        if host is None or host.disk_free is None or host.disk_free >= floor:
            return ""
        return f"{host.disk_free >> 20} MiB of disk are free, and {floor >> 20} MiB must be"

    @property
    def machine(self) -> tuple[float, float] | None:
        """CPU and memory of the machine in use, as ratios; None before they were read."""
        return (self._host.cpu, self._host.memory_used) if self._host is not None else None

    def ask(self, size: int | None) -> None:
        """Keep a size by hand; None follows the load again."""
        self._scaler.ask(size)

    @property
    def policy(self) -> ScalingPolicy:
        """What recommends the size."""
        return self._scaler.policy

    def use(self, policy: ScalingPolicy) -> None:
        """Follow the recommendations of another policy from now on."""
        self._scaler.policy = policy

    def see(self, host: HostFacts, measured: float | None, taken: int) -> None:
        """New facts of the machine, the memory of one session where it is known, and that of all together."""
        self._host = host
        self._taken = taken
        self._measured = measured

    def load(self, now: float, *, busy: int, waiting: int, size: int, starting: int, spare: int) -> Load:
        """The pool's load beside the machine's."""
        cpu, memory = self.machine or (0.0, 0.0)
        return Load(now, busy, waiting, size, starting, cpu, memory, spare, self._taken)

    def decide(self, load: Load) -> ScaleDecision:
        """What scaling wants for this load, published when it changes."""
        decision = self._scaler.decide(load, self._limits().scaling)
        self.last = decision
        if decision.target != self._reported:
            self._reported = decision.target
            self._bus.publish(
                PoolScaled(
                    target=decision.target,
                    size=load.size,
                    reason=decision.reason,
                    busy=load.busy,
                    waiting=load.waiting,
                    cpu=round(load.cpu, 3),
                    memory=round(load.memory, 3),
                )
            )
        return decision

    def allowed(self, load: Load) -> tuple[int, str]:
        """The most sessions that there may be for those who wait, and what sets that limit."""
        ceiling, why = self._scaler.ceiling(load, self._limits().scaling)
        carried = self.carry(load.size)
        if load.size + carried.more < ceiling:
            return load.size + carried.more, carried.reason
        return ceiling, why

    def carry(self, size: int) -> HostCapacity:
        """How many more sessions the machine carries."""
        limits = self._limits()
        if self._host is None:
            return HostCapacity(limits.max_size, "nothing was measured yet")
        return host_capacity(self._host, size, self._measured, limits.host_capacity)

    def most(self, size: int) -> int:
        """The most sessions that there can be now: by the settings, by what an operator asked for, by the machine."""
        wanted = self._limits().max_size if self.asked is None else self.asked
        return max(1, min(wanted, size + self.carry(size).more))

    def crashed(self, key: SubPool, now: float) -> None:
        """A session of this sub-pool ended by itself."""
        hold = self._crashes.setdefault(key, Intensity()).crashed(now, self._limits().intensity)
        if len(self._crashes) > _CONTENTS:
            del self._crashes[next(iter(self._crashes))]
        if hold:
            text = f"sessions of profile {key[1]} keep crashing: starts are held for {hold:.0f} s"
            remedy = "`quarterdeck sessions --ended` shows how they ended; `quarterdeck doctor` checks the machine."
            self._bus.publish(Notice(severity=Severity.CRITICAL, text=text, remedy=remedy))

    def drain(self, profile: Named, *, on: bool) -> None:
        """Start no session of this profile, whatever its content becomes, or start them again."""
        (self._drained.add if on else self._drained.discard)(profile)

    def held(self, now: float) -> dict[SubPool | Named, str]:
        """Sub-pools, and whole profiles, whose sessions may not start now, and why."""
        crashed = {key: record.held(now) for key, record in self._crashes.items()}
        found: dict[SubPool | Named, str] = {
            key: f"sessions of profile {key[1]} crashed too often; starts go on in {left:.0f} s"
            for key, left in crashed.items()
            if left
        }
        found.update({key: f"profile {key[1]} is drained" for key in self._drained})
        return found
