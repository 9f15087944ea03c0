"""The clocks of a turn: first byte, inactivity, whole turn; each with its own error. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from engine.settings.schema import Settings

CLOSING_S = 5.0
"""Longest wait for a result after the agent reported that the prompt is done."""


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Seconds that each clock allows."""

    first_byte: float = 120.0
    inactivity: float = 300.0
    turn: float = 1800.0


SILENCE = frozenset({"first byte", "inactivity"})
"""Clocks that report a silent API or session, where another attempt may be answered."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A clock ran out: which, after how long, and the setting that governs it."""

    clock: str
    seconds: float
    setting: str


class TurnClocks:
    """Owner of one turn's deadlines; `now` is a monotonic time in seconds.

    All of them stand still while a person is waited for. While the prompt queues behind a turn that the CLI began by
    itself, only the whole turn counts.
    """

    def __init__(self, limits: TurnLimits, now: float) -> None:
        self._limits = limits
        self._started = now
        self._began = now
        self._progress = now
        self._waiting_since: float | None = None
        self._for_person = 0.0
        self._queued = False
        self._closing = False
        self.first_byte_at: float | None = None

    def progressed(self, now: float) -> None:
        """The agent wrote something."""
        self._progress = now

    def answered(self, now: float) -> None:
        """The first piece of the answer, or the first tool, is here."""
        if self.first_byte_at is None:
            self.first_byte_at = now

    def wait_for_person(self, now: float, *, waiting: bool) -> None:
        """A permission begins or ends to wait; the time between counts for no clock."""
        if waiting and self._waiting_since is None:
            self._waiting_since = now
        elif not waiting and self._waiting_since is not None:
            stood_still = now - self._waiting_since
            self._started += stood_still
            self._began += stood_still
            self._for_person += stood_still
            self._waiting_since = None
        self._progress = now

    def for_person(self, now: float) -> float:
        """Seconds that a person was waited for so far."""
        return self._for_person + (now - self._waiting_since if self._waiting_since is not None else 0.0)

    def queue(self, now: float, *, queued: bool) -> None:
        """The prompt begins or ends to queue in the agent; its own time counts from here."""
        self._queued = queued
        self._began = self._progress = now

    def closing(self) -> None:
        """The agent reported that it is done: the result should be here."""
        self._closing = True

    def silent_for(self, now: float) -> float:
        """Seconds without progress; 0 while a permission or another turn is waited for."""
        return 0.0 if self._waiting_since is not None or self._queued else now - self._progress

    def next_deadline(self) -> float | None:
        """When to look again; None while a person is waited for."""
        return min(self._deadlines())[0] if self._waiting_since is None else None

    def expired(self, now: float) -> Expired | None:
        """The clock that ran out first, or None."""
        if self._waiting_since is not None:
            return None
        deadline, clock, seconds, name = min(self._deadlines())
        return Expired(clock, seconds, f"session_pool.{name}") if now >= deadline else None

    def _deadlines(self) -> list[tuple[float, str, float, str]]:
        limits = self._limits
        found = [(self._started + limits.turn, "turn", limits.turn, "turn_timeout")]
        if self._queued:
            return found
        silence = min(limits.inactivity, CLOSING_S) if self._closing else limits.inactivity
        found.append((self._progress + silence, "inactivity", silence, "inactivity_timeout"))
        if self.first_byte_at is None:
            found.append((self._began + limits.first_byte, "first byte", limits.first_byte, "first_byte_timeout"))
        return found


class ToolTime:
    """Owner of the time in which at least one tool of a turn ran; `now` is a monotonic time in seconds."""

    def __init__(self) -> None:
        self._running = 0
        self._since = self._seconds = 0.0

    def began(self, now: float) -> None:
        """A tool was called."""
        if not self._running:
            self._since = now
        self._running += 1

    def ended(self, now: float) -> None:
        """One of them has its result."""
        if self._running == 1:
            self._seconds += now - self._since
        self._running = max(0, self._running - 1)

    def seconds(self, now: float) -> float:
        """Time so far."""
        return self._seconds + (now - self._since if self._running else 0.0)


def turn_limits(settings: Settings) -> TurnLimits:
    """The clocks of a turn."""
    pool = settings.session_pool
    return TurnLimits(pool.first_byte_timeout, pool.inactivity_timeout, pool.turn_timeout)
