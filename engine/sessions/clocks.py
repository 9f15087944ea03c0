"""The clocks of a turn: first byte, inactivity, whole turn; each with its own error. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Seconds that each clock allows."""

    first_byte: float = 120.0
    inactivity: float = 300.0
    turn: float = 1800.0


SILENCE = frozenset({"first byte", "inactivity"})
"""Clocks that tell of a silent API or session, where another attempt may be answered."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A clock ran out: which, after how long, and the setting that governs it."""

    clock: str
    seconds: float
    setting: str


class TurnClocks:
    """Owner of one turn's deadlines; `now` is a monotonic time in seconds.

    While a permission waits nothing counts but the whole turn: a person may take their time.
    """

    def __init__(self, limits: TurnLimits, now: float) -> None:
        self._limits = limits
        self._started = now
        self._progress = now
        self._waiting = False
        self.first_byte_at: float | None = None

    def progressed(self, now: float) -> None:
        """The agent wrote something."""
        self._progress = now

    def answered(self, now: float) -> None:
        """The first piece of the answer, or the first tool, is here."""
        if self.first_byte_at is None:
            self.first_byte_at = now

    def hold(self, now: float, *, waiting: bool) -> None:
        """A permission begins or ends to wait."""
        self._waiting = waiting
        self._progress = now

    def silent_for(self, now: float) -> float:
        """Seconds without progress; 0 while a permission waits."""
        return 0.0 if self._waiting else now - self._progress

    def next_deadline(self) -> float:
        """When to look again."""
        return min(self._deadlines())[0]

    def expired(self, now: float) -> Expired | None:
        """The clock that ran out first, or None."""
        deadline, clock, seconds, name = min(self._deadlines())
        return Expired(clock, seconds, f"session_pool.{name}") if now >= deadline else None

    def _deadlines(self) -> list[tuple[float, str, float, str]]:
        limits = self._limits
        found = [(self._started + limits.turn, "turn", limits.turn, "turn_timeout")]
        if self._waiting:
            return found
        found.append((self._progress + limits.inactivity, "inactivity", limits.inactivity, "inactivity_timeout"))
        if self.first_byte_at is None:
            found.append((self._started + limits.first_byte, "first byte", limits.first_byte, "first_byte_timeout"))
        return found
