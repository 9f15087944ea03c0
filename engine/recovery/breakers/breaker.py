"""The circuit breaker: pure, on an injected clock.

A trip policy opens it, by what the calls of a sliding window tell; a call that waits past the slow threshold votes
already. Half-open permits are leased and stamped with a generation, so they can neither
stick nor vote late. The open time doubles with each opening in a row and is forgotten after a healthy time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engine.events.types import BreakerFigures
from engine.recovery.breakers.limits import BreakerLimits
from engine.recovery.breakers.trip_policies import BY_RATES, ByRates, CallsSeen, TripPolicy
from engine.recovery.breakers.window import Window

HISTORY = 64
"""Changes of state that are kept."""


class BreakerState(StrEnum):
    """What a breaker does with calls; the last two are set by hand."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    DISABLED = "disabled"


@dataclass(eq=False, slots=True)
class Permit:
    """Leave for one call. A vote from an earlier `generation` does not count; a half-open breaker gives a `probe`.

    The call is slow when its first sign of an answer comes `slow_call` after `began_at`; `overdue` once it voted so.
    """

    generation: int
    began_at: float
    probe: bool = False
    answered: bool = False
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The breaker lets no call through for `retry_after` more seconds; infinite when only a person lifts it.

    `parked` states that it waits for a limit to reset, and calls may wait with it.
    """

    retry_after: float
    reason: str
    parked: bool = False


@dataclass(frozen=True, slots=True)
class BreakerTransition:
    """A change of state and why: `at` in monotonic seconds, `wall` in seconds since 1970."""

    at: float
    before: BreakerState
    after: BreakerState
    reason: str
    wall: float = 0.0


@dataclass(frozen=True, slots=True)
class BreakerMetrics:
    """Calls in the window, of them failed and slow ones; `last_failure` and `window_start` in seconds since 1970.

    `last_failure` is 0 before the first.
    """

    calls: int
    failures: int
    slow: int
    last_failure: float
    window_start: float


def _no_wall_clock() -> float:
    return 0.0


class Breaker:
    """Owner of one breaker's state; `now` is a monotonic time in seconds, `load` a ratio from 0 to 1.

    `wall` gives the time that a change is dated with for people; nothing is decided by it.
    """

    def __init__(
        self, limits: BreakerLimits, wall: Callable[[], float] = _no_wall_clock, trip: TripPolicy = BY_RATES
    ) -> None:
        self.limits = limits
        self.trip = trip
        self._wall = wall
        self.state = BreakerState.CLOSED
        self.reason = ""
        self.load = 0.0
        self.history: deque[BreakerTransition] = deque(maxlen=HISTORY)
        self._window = Window(limits.window)
        self._generation = 0
        self._failures = 0
        self._opened_at = 0.0
        self._open_for = 0.0
        self._streak = 0
        self._closed_at = 0.0
        self._held_until = float("inf")
        self._parked = False
        self._running: dict[Permit, None] = {}
        self._late_at = float("inf")
        self._successes = 0
        self._last_failure = 0.0
        self._cleared = self._wall()
        self.trips = 0
        self.shed = 0

    def configure(self, limits: BreakerLimits) -> None:
        """Other limits from now on; the votes that still lie within the window count on."""
        if limits.window != self.limits.window:
            self._window.resize(limits.window)
        self.limits = limits

    @property
    def running(self) -> int:
        """Calls that hold a permit of this generation."""
        return len(self._running)

    def refusal(self, now: float) -> Refusal | None:
        """Why `acquire` would refuse now, None when it would not; nothing is taken and no state changes."""
        if self.state is BreakerState.FORCED_OPEN:
            left, parked = self._held_until - now, self._parked
            return Refusal(left, self.reason, parked) if left > 0 else None
        if self.state is BreakerState.OPEN:
            left = self._opened_at + self._open_for - now
            return Refusal(left, self.reason) if left > 0 else None
        if self.state is BreakerState.HALF_OPEN and (wait := self._probe_wait(now)) > 0:
            return Refusal(wait, "its probes are under way")
        return None

    def acquire(self, now: float) -> Permit | Refusal:
        """A permit for a call that is about to be made, or a refusal that states how long to wait."""
        answer = self.permit(now)
        self.shed += isinstance(answer, Refusal)
        return answer

    def permit(self, now: float) -> Permit | Refusal:
        """The same for a call that is made whatever the answer: a refusal turns nobody away."""
        if now >= self._late_at:
            self.tick(now)
        if (refused := self.refusal(now)) is not None:
            return refused
        if self.state is BreakerState.FORCED_OPEN:
            self._move(BreakerState.HALF_OPEN, now, "the time that it was held for is over")
        elif self.state is BreakerState.OPEN:
            self._move(BreakerState.HALF_OPEN, now, "its open time is over")
        probe = self.state is BreakerState.HALF_OPEN
        if probe and self._probes_full:
            del self._running[next(iter(self._running))]
        permit = Permit(self._generation, now, probe)
        self._running[permit] = None
        late_at = now + self.limits.slow_call
        if late_at < self._late_at:
            self._late_at = late_at
        return permit

    def tick(self, now: float) -> None:
        """Let the calls vote that wait past the slow threshold; call it once a second, so that a hang opens it soon."""
        self._window.advance(now)
        self._late_at = float("inf")
        for permit in self._running:
            if permit.answered or permit.overdue:
                continue
            late_at = permit.began_at + self.limits.slow_call
            if late_at <= now:
                permit.overdue = True
                self._window.add(now, slow=True)
            else:
                self._late_at = min(self._late_at, late_at)
        self._judge(now)

    def answered(self, permit: Permit, now: float) -> None:
        """The first sign of the answer came."""
        if not permit.answered:
            permit.answered = True
            if permit in self._running and not permit.overdue and now - permit.began_at >= self.limits.slow_call:
                permit.overdue = True
                self._window.add(now, slow=True)

    def succeeded(self, permit: Permit, now: float) -> None:
        """The call worked."""
        if not self._end(permit):
            return
        self._failures = 0
        if not permit.overdue:
            self._window.add(now)
        if self.state is BreakerState.HALF_OPEN:
            self._successes += 1
            if self._successes >= self.limits.half_open_max_calls:
                self._move(BreakerState.CLOSED, now, f"{self._successes} probes worked")
        else:
            self._judge(now)

    def failed(self, permit: Permit, now: float, reason: str = "a call failed") -> None:
        """The call failed for a reason that the breaker guards against."""
        if not self._end(permit):
            return
        self._failures += 1
        self._last_failure = self._wall()
        if permit.overdue:
            self._window.fail_one(now)
        else:
            self._window.add(now, failed=True)
        if self.state is BreakerState.HALF_OPEN:
            self._open(now, f"a probe failed: {reason}")
        else:
            self._judge(now, reason)

    def partial(self, succeeded: int, failed: int, now: float, reason: str) -> None:
        """A call of several parts ended; each counts as a call. Only a call without any success counts in a row."""
        if self.state is BreakerState.DISABLED:
            return
        for _ in range(succeeded):
            self._window.add(now)
        for _ in range(failed):
            self._window.add(now, failed=True)
        if failed:
            self._last_failure = self._wall()
        self._failures = 0 if succeeded else self._failures + (1 if failed else 0)
        self._judge(now, reason if failed else "")

    def metrics(self, now: float) -> BreakerMetrics:
        """The calls of the window."""
        self._window.advance(now)
        total, wall = self._window.total, self._wall()
        start = max(self._cleared, wall - self.limits.window)
        return BreakerMetrics(total.calls, total.failures, total.slow, self._last_failure, start)

    def figures(self, name: str, now: float) -> BreakerFigures:
        """What it counts, for people."""
        self._window.advance(now)
        total, left = self._window.total, self._until_probe(now)
        return BreakerFigures(
            breaker=name,
            calls=total.calls,
            failed=round(total.failures / total.calls, 3) if total.calls else 0.0,
            limit=self.limits.failure_rate,
            next_probe=round(self._wall() + left, 1) if 0 < left < float("inf") else 0.0,
            probes_ok=self._successes,
            probes_needed=self.limits.half_open_max_calls,
            trips=self.trips,
            shed=self.shed,
        )

    def _until_probe(self, now: float) -> float:
        if self.state is BreakerState.FORCED_OPEN:
            return self._held_until - now
        return self._opened_at + self._open_for - now if self.state is BreakerState.OPEN else 0.0

    def validate(self) -> None:
        """Raises AssertionError where the state contradicts itself; for tests."""
        total, limits = self._window.total, self.limits
        assert min(total.calls, total.failures, total.slow) >= 0, total  # noqa: S101
        assert all(permit.generation == self._generation for permit in self._running), "a permit outlived its state"  # noqa: S101
        assert all(permit.probe is (self.state is BreakerState.HALF_OPEN) for permit in self._running)  # noqa: S101
        if self.state in {BreakerState.OPEN, BreakerState.FORCED_OPEN}:
            assert not self._running, "an open breaker let a call through"  # noqa: S101
        if self.state is BreakerState.HALF_OPEN:
            assert len(self._running) + self._successes <= limits.half_open_max_calls  # noqa: S101
        if self.state is BreakerState.CLOSED and isinstance(self.trip, ByRates):
            assert self._failures < limits.failure_threshold, "it should have opened"  # noqa: S101
        assert not (self._parked and self.state is not BreakerState.FORCED_OPEN)  # noqa: S101

    def release(self, permit: Permit) -> None:
        """The call ended without telling anything (cancelled, or failed for its own reasons)."""
        self._end(permit)

    def force(self, state: BreakerState, now: float, who: str) -> None:
        """By hand: forced_open refuses all, disabled lets all through, closed and open go on by themselves."""
        if state is BreakerState.OPEN:
            self._open(now, f"opened by {who}")
        else:
            self._move(state, now, f"{state.value.replace('_', ' ')} by {who}")

    def hold(self, now: float, seconds: float, reason: str, *, parked: bool) -> None:
        """Let nothing through for `seconds`, infinite until a person acts; then calls try it as after any opening."""
        self._move(BreakerState.FORCED_OPEN, now, reason)
        self._held_until, self._parked = now + seconds, parked

    def let_through_since(self, then: float) -> bool:
        """Whether it was closed or disabled after `then`: what was seen before says nothing about it any more."""
        well = {BreakerState.CLOSED, BreakerState.DISABLED}
        return any(change.at > then and change.after in well for change in self.history)

    def _end(self, permit: Permit) -> bool:
        """Whether the permit may vote; it is over in any case."""
        known = permit in self._running
        self._running.pop(permit, None)
        return known and permit.generation == self._generation and self.state is not BreakerState.DISABLED

    @property
    def _probes_full(self) -> bool:
        return bool(self._running) and len(self._running) + self._successes >= self.limits.half_open_max_calls

    def _probe_wait(self, now: float) -> float:
        """Seconds until the oldest probe loses its place, which it does when it has not reported within `timeout`."""
        return next(iter(self._running)).began_at + self.limits.timeout - now if self._probes_full else 0.0

    def _judge(self, now: float, reason: str = "") -> None:
        """Open when the policy has a reason to; `reason` is why a call has just failed."""
        total = self._window.total
        if self.state is not BreakerState.CLOSED or not (total.failures or total.slow):
            return
        seen = CallsSeen(now, total.calls, total.failures, total.slow, self._failures, self.load, reason)
        if why := self.trip.reason_to_open(seen, self.limits):
            self._open(now, why)

    def _open(self, now: float, reason: str) -> None:
        if self.state is BreakerState.CLOSED and now - self._closed_at > self.limits.forget_after:
            self._streak = 0
        self._open_for = min(self.limits.longest_timeout, self.limits.timeout * 2.0**self._streak)
        self._streak = min(self._streak + 1, 30)
        self._opened_at = now
        self.trips += 1
        self._move(BreakerState.OPEN, now, reason)

    def _move(self, state: BreakerState, now: float, reason: str) -> None:
        if state is not self.state:
            self.history.append(BreakerTransition(now, self.state, state, reason, self._wall()))
        self.state, self.reason = state, reason
        self._held_until, self._parked = float("inf"), False
        self._generation += 1
        self._failures = self._successes = 0
        self._running.clear()
        if state is BreakerState.CLOSED:
            self._closed_at = now
            self._cleared = self._wall()
            self._window.clear()
