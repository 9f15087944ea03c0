"""When a closed breaker opens: trip policies by name.

Own ones come by entry point (group `quarterdeck.trip_policies`) or as `module:Class`; each is a class without
arguments, and each breaker has one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.base.guarded import Guard, Notify, Trust
from engine.base.plugins import GROUPS, TRIP_GROUP, find, make
from engine.recovery.breakers.limits import BreakerLimits
from engine.settings.schema import Settings

KEY = "circuit_breaker.policy"
BUILT_IN = "rates"


@dataclass(frozen=True, slots=True)
class CallsSeen:
    """What a closed breaker has seen: calls, failures and slow calls of the window, and the failures `in_a_row`.

    `now` is in monotonic seconds, `load` the pool's utilisation from 0 to 1, `reason` why the last call failed, empty
    when none just did.
    """

    now: float
    calls: int
    failures: int
    slow: int
    in_a_row: int
    load: float
    reason: str


class TripPolicy(Protocol):
    """Opens a closed breaker. It may keep state; it is called on one thread only.

    It is called whenever a call ends and once a second, while the window holds a failure or a slow call; the breaker
    keeps its open time, its probes and what is done by hand.
    """

    def reason_to_open(self, seen: CallsSeen, limits: BreakerLimits) -> str:
        """Why the breaker opens now, in one sentence; empty to keep it closed."""


class ByRates:
    """Opens on consecutive failures, on the failure rate or on the rate of slow calls, from the minimum of calls on."""

    def reason_to_open(self, seen: CallsSeen, limits: BreakerLimits) -> str:
        """The first of the three thresholds that is reached."""
        if seen.in_a_row >= limits.failure_threshold and seen.reason:
            return f"{seen.in_a_row} failures in a row: {seen.reason}"
        if seen.calls < limits.minimum_calls:
            return ""
        threshold = limits.failure_rate * (1 - seen.load / 2) if limits.load_adjusted else limits.failure_rate
        if limits.failure_rate < 1 and seen.failures >= threshold * seen.calls:
            return f"{seen.failures} of {seen.calls} calls failed within {limits.window} s"
        if limits.slow_rate < 1 and seen.slow >= limits.slow_rate * seen.calls:
            return f"{seen.slow} of {seen.calls} calls within {limits.window} s took over {limits.slow_call:g} s"
        return ""


BY_RATES = ByRates()
TRIP_POLICIES: dict[str, Callable[[], TripPolicy]] = {BUILT_IN: ByRates}
"""The trip policies that are built in, by their names in the settings."""


class MadeAtFirst:
    """A policy that is made when it is first asked, so that what fails in making it is caught where its answers are."""

    def __init__(self, maker: Callable[[], TripPolicy]) -> None:
        self._maker = maker
        self._made: TripPolicy | None = None

    def reason_to_open(self, seen: CallsSeen, limits: BreakerLimits) -> str:
        """The answer of the policy that was made."""
        if self._made is None:
            self._made = self._maker()
        return self._made.reason_to_open(seen, limits)


class GuardedTrip:
    """A policy of an extension, with the built-in one behind it."""

    def __init__(self, guard: Guard[TripPolicy]) -> None:
        self._guard = guard

    def reason_to_open(self, seen: CallsSeen, limits: BreakerLimits) -> str:
        """The extension's reason, checked."""
        return self._guard.ask(lambda policy: _text(policy.reason_to_open(seen, limits)))


def named_trip(settings: Settings, notify: Notify) -> Callable[[], TripPolicy]:
    """What makes the trip policy of a breaker, as the settings name it. Raises SettingsError."""
    name = settings.circuit_breaker.policy
    if name in TRIP_POLICIES:
        return TRIP_POLICIES[name]
    make(TRIP_GROUP, name, TRIP_POLICIES, KEY)  # on trial
    maker = find(GROUPS[TRIP_GROUP].name, TRIP_GROUP, name, TRIP_POLICIES, KEY)
    trust = Trust("trip policy", name, KEY, BUILT_IN, notify)
    return lambda: GuardedTrip(Guard(MadeAtFirst(maker), BY_RATES, trust))


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError(f"reason_to_open() returned {found!r}, which is no text")
    return found
