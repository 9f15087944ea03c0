"""All breakers by name: `credential:…`, `model:…`, `tool:…`, `session:…`; made when first asked for, bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from engine.base.clock import Clock
from engine.base.errors import BadInput, BreakerOpen, NotFound
from engine.base.text import one_line
from engine.events.bus import Bus
from engine.events.types import BreakerChanged, BreakerFigures
from engine.recovery.breakers.breaker import Breaker, BreakerState, Permit, Refusal
from engine.recovery.breakers.limits import BreakerLimits
from engine.recovery.breakers.trip_policies import ByRates, TripPolicy

KEPT = 1000
"""Breakers kept, those used last; a closed one that is forgotten starts again."""
FIGURES_MOST = 100
"""Breakers whose figures are published."""
BY_HAND = {
    "open": BreakerState.FORCED_OPEN,
    "close": BreakerState.CLOSED,
    "disable": BreakerState.DISABLED,
    "trip": BreakerState.OPEN,
}
"""What an operator may do to a breaker."""
_REFUSING = frozenset({BreakerState.OPEN, BreakerState.FORCED_OPEN})
Permits = list[tuple[str, Breaker, Permit]]
"""Permits of one call, each with its breaker and that one's name."""


class Breakers:
    """Owner of all breakers; publishes their changes. `opened` hears the name of each that a failure opens."""

    def __init__(
        self,
        limits: Callable[[], BreakerLimits],
        bus: Bus,
        clock: Clock,
        opened: Callable[[str], None] | None = None,
        trip: Callable[[], TripPolicy] = ByRates,
    ) -> None:
        self._limits = limits
        self._trip = trip
        self._bus = bus
        self._clock = clock
        self._opened = opened
        self._all: OrderedDict[str, Breaker] = OrderedDict()
        self._own_limits: dict[str, BreakerLimits] = {}

    @property
    def all(self) -> dict[str, Breaker]:
        """By name; read them, change them through the methods here."""
        return dict(self._all)

    def knows(self, name: str) -> bool:
        """Whether there is such a breaker by now."""
        return name in self._all

    def refuses(self, name: str) -> bool:
        """Whether one is open now, by itself or by hand."""
        return name in self._all and self._all[name].state in _REFUSING

    def watch(self, name: str) -> None:
        """Have it from the start, so that it is shown before its first call."""
        self._of(name)

    def get(self, name: str) -> Breaker:
        """One by name. Raises NotFound."""
        found = self._all.get(name)
        if found is None:
            raise NotFound(f"There is no breaker {name}.", field="breaker", remedy="`quarterdeck breakers` lists them.")
        return found

    def check(self, names: Iterable[str]) -> None:
        """Raises BreakerOpen when one of these would refuse a call now; takes no permit."""
        now = self._now()
        for name in names:
            if (known := self._all.get(name)) is not None and (refusal := known.refusal(now)) is not None:
                known.shed += 1
                raise _refused(name, known, refusal)

    def acquire(self, names: Iterable[str]) -> Permits:
        """Permits of all these at once. Raises BreakerOpen when one refuses, and takes nothing then."""
        taken: Permits = []
        now = self._now()
        for name in names:
            breaker = self._of(name)
            before = breaker.state
            answer = breaker.acquire(now)
            if breaker.state is not before:
                self._publish(name, breaker, before)
            if isinstance(answer, Refusal):
                self.release(taken)
                raise _refused(name, breaker, answer)
            taken.append((name, breaker, answer))
        return taken

    def answered(self, permits: Permits) -> None:
        """The first sign of the answer; one that comes late is judged at the next look."""
        now = self._now()
        for _, breaker, permit in permits:
            breaker.answered(permit, now)

    def succeeded(self, permits: Permits) -> None:
        """The call worked."""
        now = self._now()
        for name, breaker, permit in permits:
            before = breaker.state
            breaker.succeeded(permit, now)
            if breaker.state is not before:
                self._publish(name, breaker, before)

    def failed(self, permits: Permits, blamed: str, reason: str) -> None:
        """The call failed by the fault of those whose scope is `blamed`; the others heard nothing of it."""
        now = self._now()
        for name, breaker, permit in permits:
            if name.partition(":")[0] != blamed:
                breaker.release(permit)
                continue
            before = breaker.state
            breaker.failed(permit, now, reason)
            if breaker.state is not before:
                self._publish(name, breaker, before)

    def record(self, name: str, reason: str = "") -> Breaker:
        """A call that asked nobody ended: it failed for this `reason`, or worked when there is none."""
        with self._changing(name) as breaker:
            answer = breaker.permit(self._now())
            if isinstance(answer, Permit):
                if reason:
                    breaker.failed(answer, self._now(), reason)
                else:
                    breaker.succeeded(answer, self._now())
        return breaker

    def release(self, permits: Permits) -> None:
        """The call ended without telling anything."""
        for _, breaker, permit in permits:
            breaker.release(permit)

    def tick(self, load: float) -> None:
        """Once a second: calls that hang vote; `load` is the pool's utilisation."""
        for name in list(self._all):
            with self._changing(name) as breaker:
                breaker.load = load
                breaker.tick(self._now())

    def configure(self, limits: BreakerLimits) -> None:
        """The limits changed."""
        for name, breaker in self._all.items():
            breaker.configure(self._own_limits.get(name, limits))

    def use(self, trip: Callable[[], TripPolicy]) -> None:
        """Open by another policy from now on; what the windows hold counts on."""
        self._trip = trip
        for breaker in self._all.values():
            breaker.trip = trip()

    def set_limits(self, name: str, limits: BreakerLimits) -> None:
        """Limits of one breaker's own, whatever the settings state. Raises NotFound."""
        self.get(name).configure(limits)
        self._own_limits[name] = limits

    def partial(self, name: str, succeeded: int, failed: int, reason: str) -> None:
        """A call of several parts ended, of which some failed."""
        with self._changing(name) as breaker:
            breaker.partial(succeeded, failed, self._now(), reason)

    def control(self, name: str, act: str, who: str) -> Breaker:
        """By hand: open, close, disable or trip. Raises NotFound, BadInput."""
        self.get(name)
        state = BY_HAND.get(act)
        if state is None:
            raise BadInput(
                f"{act!r} is nothing to do to a breaker.", field="act", remedy=f"One of {', '.join(BY_HAND)}."
            )
        with self._changing(name) as breaker:
            breaker.force(state, self._now(), who)
        return breaker

    def hold(self, name: str, seconds: float, reason: str, *, parked: bool = False) -> None:
        """Hold one open for `seconds`, infinite until it is closed by hand."""
        with self._changing(name) as breaker:
            breaker.hold(self._now(), seconds, reason, parked=parked)

    def let_through_since(self, name: str, then: float) -> bool:
        """Whether one was closed or disabled after `then`."""
        return name in self._all and self._all[name].let_through_since(then)

    def figures(self) -> list[BreakerFigures]:
        """What they count, but for the closed ones of sessions; the first FIGURES_MOST of them."""
        now, closed = self._now(), BreakerState.CLOSED
        shown = [
            name for name, each in self._all.items() if each.state is not closed or not name.startswith("session:")
        ]
        return [self._all[name].figures(name, now) for name in sorted(shown)[:FIGURES_MOST]]

    def open_ones(self) -> list[str]:
        """Names of those that let nothing through."""
        return [name for name, breaker in self._all.items() if breaker.state in _REFUSING]

    def _of(self, name: str) -> Breaker:
        breaker = self._all.get(name)
        if breaker is None:
            limits = self._own_limits.get(name) or self._limits()
            breaker = self._all[name] = Breaker(limits, self._clock.wall, self._trip())
            self._forget(but=name)
        self._all.move_to_end(name)
        return breaker

    def _forget(self, but: str) -> None:
        spare = len(self._all) - KEPT
        idle = [
            name
            for name, known in self._all.items()
            if name != but and known.state is BreakerState.CLOSED and not known.running
        ]
        for name in idle[: max(0, spare)]:
            del self._all[name]

    @contextmanager
    def _changing(self, name: str) -> Iterator[Breaker]:
        """The breaker, whose change of state is published."""
        breaker = self._of(name)
        before = breaker.state
        yield breaker
        if breaker.state is not before:
            self._publish(name, breaker, before)

    def _publish(self, name: str, breaker: Breaker, before: BreakerState) -> None:
        new, reason = breaker.state.value, one_line(breaker.reason)
        self._bus.publish(BreakerChanged(breaker=name, old=before.value, new=new, reason=reason))
        if breaker.state is BreakerState.OPEN and self._opened is not None:
            self._opened(name)

    def _now(self) -> float:
        return self._clock.monotonic()


def _refused(name: str, breaker: Breaker, refusal: Refusal) -> BreakerOpen:
    wait = refusal.retry_after if refusal.retry_after != float("inf") else None
    by_itself = (
        "It tries again by itself." if wait is not None else f"`quarterdeck breakers close {name}` lets calls through."
    )
    return BreakerOpen(
        f"The breaker {name} is {breaker.state.value.replace('_', ' ')}: {refusal.reason}.",
        remedy=f"`quarterdeck breakers` shows it. {by_itself}",
        retry_after=wait,
    ).changed(parked=refusal.parked)
