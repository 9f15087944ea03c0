"""What one session may take: soft and hard levels of memory and CPU, and a slope of memory. Pure.

Soft: no new work, recycled at the turn's end. Hard: the turn is interrupted, then the session is stopped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum

SETTLED_S = 15.0
"""Idle time before a session's memory is followed: what its last turn left is still being collected."""
SAMPLE_S = 5.0
"""Time between two samples of a slope."""
SLOPE_S = 60.0
"""Time that a slope is drawn over before it counts."""
_SAMPLES = 25
MIB = 1024 * 1024


class Level(IntEnum):
    """How far a session is beyond what it may take."""

    FINE = 0
    SOFT = 1
    HARD = 2


@dataclass(frozen=True, slots=True)
class MemoryLimitSettings:
    """Bytes, percent of a core sustained for `cpu_for` seconds, bytes a minute while idle; 0 is no limit."""

    memory_soft: int = 0
    memory_hard: int = 0
    cpu_soft: float = 0.0
    cpu_hard: float = 0.0
    cpu_for: float = 60.0
    slope: int = 0


@dataclass(frozen=True, slots=True)
class MemoryVerdict:
    """The level and what sets it; an empty reason is nothing to tell."""

    level: Level = Level.FINE
    reason: str = ""


class MemoryLimit:
    """Owner of one session's samples: CPU above a level since when, and memory since it settled."""

    def __init__(self) -> None:
        self._above: dict[Level, float] = {}
        self._idle: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)

    def judge(self, now: float, memory: int, cpu: float, limits: MemoryLimitSettings, *, idle: float) -> MemoryVerdict:
        """Take in one sample (bytes, percent of a core, seconds idle) and state where the session stands."""
        verdicts = [
            memory_verdict(memory, limits),
            self._cpu(now, cpu, limits),
            self._slope(now, memory, limits, idle=idle),
        ]
        return max(verdicts, key=lambda verdict: verdict.level)

    def _cpu(self, now: float, cpu: float, limits: MemoryLimitSettings) -> MemoryVerdict:
        found = MemoryVerdict()
        for level, limit in ((Level.SOFT, limits.cpu_soft), (Level.HARD, limits.cpu_hard)):
            if not limit or cpu <= limit:
                self._above.pop(level, None)
                continue
            since = self._above.setdefault(level, now)
            if now - since >= limits.cpu_for:
                found = MemoryVerdict(level, f"CPU above {limit:g} % for {now - since:.0f} s")
        return found

    def _slope(self, now: float, memory: int, limits: MemoryLimitSettings, *, idle: float) -> MemoryVerdict:
        if idle < SETTLED_S or not memory:
            self._idle.clear()
            return MemoryVerdict()
        if not self._idle or now - self._idle[-1][0] >= SAMPLE_S:
            self._idle.append((now, memory))
        if not limits.slope or self._idle[-1][0] - self._idle[0][0] < SLOPE_S:
            return MemoryVerdict()
        growth = 60 * slope(list(self._idle))
        if growth <= limits.slope:
            return MemoryVerdict()
        return MemoryVerdict(Level.SOFT, f"memory grows by {growth / MIB:.1f} MiB a minute while idle")


def slope(samples: list[tuple[float, int]]) -> float:
    """Least-squares slope through (seconds, bytes), in bytes a second; 0 for fewer than two moments."""
    count = len(samples)
    mean_x = sum(x for x, _ in samples) / count if count else 0.0
    mean_y = sum(y for _, y in samples) / count if count else 0.0
    below = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / below if below else 0.0


def memory_verdict(memory: int, limits: MemoryLimitSettings) -> MemoryVerdict:
    """Where a session with so many bytes stands."""
    for level, limit in ((Level.HARD, limits.memory_hard), (Level.SOFT, limits.memory_soft)):
        if limit and memory > limit:
            name = "memory_hard" if level is Level.HARD else "memory_soft"
            return MemoryVerdict(level, f"{memory // MIB} MiB are above {name} of {limit // MIB} MiB")
    return MemoryVerdict()
