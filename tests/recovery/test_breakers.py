"""All breakers by name: what one call asks of them, who is blamed, and what is told."""

from __future__ import annotations

import asyncio

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import (
    BadInput,
    BreakerOpen,
    DeadlinePassed,
    ErrorKind,
    NotFound,
    Overloaded,
    QuarterdeckError,
    TurnFailed,
)
from engine.events.bus import Bus
from engine.events.types import BreakerChanged, EventEnvelope
from engine.recovery.breakers.breaker import BreakerState
from engine.recovery.breakers.guard import BreakerGuard, blamed_scope
from engine.recovery.breakers.limits import BreakerLimits
from engine.recovery.breakers.registry import KEPT, Breakers
from engine.sessions.outcome import Ended, Outcome

NAMES = ("credential:default", "model:sonnet")


class Rig:
    """Breakers on a clock in the test's hand."""

    def __init__(self, **limits: float) -> None:
        self.clock = ManualClock()
        self.told: list[BreakerChanged] = []
        bus = Bus(self.clock)
        bus.listen(self._hear)
        given = BreakerLimits(**{"failure_threshold": 2, "half_open_max_calls": 1, **limits})  # type: ignore[arg-type]
        self.breakers = Breakers(lambda: given, bus, self.clock)
        self.retired: list[tuple[str, str]] = []
        self.gate = BreakerGuard(self.breakers, lambda session, reason: self.retired.append((session, reason)))

    def call(self, error: BaseException | None = None) -> None:
        with self.gate.call(NAMES):
            if error is not None:
                raise error

    def _hear(self, stamped: EventEnvelope) -> None:
        if isinstance(stamped.event, BreakerChanged):
            self.told.append(stamped.event)


def _failed(kind: ErrorKind, code: str = "turn_failed") -> TurnFailed:
    return TurnFailed("it failed", kind=kind, code=code)


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (_failed(ErrorKind.AUTH, "api_401"), "credential"),
        (_failed(ErrorKind.RESOURCE, "api_429"), "credential"),
        (_failed(ErrorKind.RESOURCE, "api_529"), "model"),
        (_failed(ErrorKind.INTERNAL, "api_500"), "model"),
        (_failed(ErrorKind.NETWORK), "model"),
        (_failed(ErrorKind.VALIDATION, "api_400"), ""),
        (DeadlinePassed("the caller's own deadline"), ""),
    ],
)
def test_who_is_blamed(error: QuarterdeckError, blamed: str) -> None:
    assert blamed_scope(error) == blamed


def test_only_the_blamed_breaker_opens_and_the_next_call_is_refused_with_a_remedy() -> None:
    rig = Rig()
    for _ in range(2):
        with pytest.raises(TurnFailed):
            rig.call(_failed(ErrorKind.AUTH))
    assert rig.breakers.open_ones() == ["credential:default"]
    with pytest.raises(Overloaded, match="credential:default is open") as refused:
        rig.call()
    assert refused.value.retry_after == pytest.approx(60.0)
    assert "quarterdeck breakers" in refused.value.remedy
    assert [(told.breaker, told.new) for told in rig.told] == [("credential:default", "open")]
    assert rig.breakers.get("model:sonnet").running == 0


def test_it_closes_again_after_a_probe_and_says_so() -> None:
    rig = Rig()
    for _ in range(2):
        with pytest.raises(TurnFailed):
            rig.call(_failed(ErrorKind.NETWORK))
    rig.clock.advance(60.0)
    rig.call()
    assert [told.new for told in rig.told] == ["open", "half_open", "closed"]


def test_a_cancelled_call_votes_for_nothing() -> None:
    rig = Rig(failure_threshold=1)
    with pytest.raises(asyncio.CancelledError):
        rig.call(asyncio.CancelledError())
    assert rig.breakers.open_ones() == []
    assert rig.breakers.get("model:sonnet").running == 0


def test_hung_calls_open_it_within_a_second_of_being_slow() -> None:
    rig = Rig(slow_call=2.0, minimum_calls=3, slow_rate=0.5)
    for _ in range(3):
        rig.breakers.acquire(NAMES)
    rig.clock.advance(2.0)
    rig.breakers.tick(0.0)
    assert rig.breakers.open_ones() == list(NAMES)


def test_a_session_whose_turns_keep_failing_is_replaced_and_the_apis_failures_are_not_its_own() -> None:
    rig = Rig()
    ends = (Ended.ANSWERED, Ended.FAILED, Ended.ANSWERED, Ended.FAILED, Ended.API_FAILED, Ended.API_FAILED)
    for ended in ends:
        rig.gate.turn_ended("s0001", Outcome(ended, "", "odd"))
    assert rig.retired == []
    rig.gate.turn_ended("s0001", Outcome(Ended.FAILED, "", "stuck"))
    assert rig.retired == [("s0001", "its turns keep failing: 2 failures in a row: stuck")]


def test_by_hand_it_is_held_open_and_let_go() -> None:
    rig = Rig()
    rig.call()
    assert rig.breakers.control("model:sonnet", "open", "ana").state is BreakerState.FORCED_OPEN
    with pytest.raises(Overloaded, match="forced open by ana") as refused:
        rig.call()
    assert refused.value.retry_after is None
    rig.breakers.control("model:sonnet", "close", "ana")
    rig.call()
    with pytest.raises(NotFound):
        rig.breakers.control("nobody", "open", "ana")
    with pytest.raises(BadInput, match="explode"):
        rig.breakers.control("model:sonnet", "explode", "ana")


def test_closed_breakers_are_forgotten_and_open_ones_never() -> None:
    rig = Rig(failure_threshold=1)
    rig.breakers.record("session:bad", "it keeps failing")
    for number in range(KEPT + 50):
        rig.breakers.record(f"session:{number}")
    assert len(rig.breakers.all) == KEPT
    assert rig.breakers.open_ones() == ["session:bad"]


def test_a_new_one_is_there_although_all_that_are_kept_are_held_open() -> None:
    rig = Rig()
    for number in range(KEPT):
        rig.breakers.hold(f"tool:{number}", float("inf"), "held")
    rig.breakers.watch("tool:new")
    assert rig.breakers.knows("tool:new")


def test_a_call_that_is_made_all_the_same_is_not_shed() -> None:
    rig = Rig()
    rig.breakers.hold("tool:x", 60.0, "held")
    rig.breakers.record("tool:x")
    rig.breakers.record("tool:x", "failed")
    assert rig.breakers.get("tool:x").shed == 0
    with pytest.raises(BreakerOpen):
        rig.breakers.check(["tool:x"])
    assert rig.breakers.get("tool:x").shed == 1


class DatedClock(ManualClock):
    """A clock whose wall time is not its monotonic one."""

    def wall(self) -> float:
        return 1.8e9 + self.monotonic()


def test_the_history_of_a_breaker_is_dated_in_wall_time() -> None:
    clock = DatedClock()
    breakers = Breakers(BreakerLimits, Bus(clock), clock)
    breakers.watch("model:x")
    breakers.control("model:x", "open", "ana")
    (change,) = breakers.get("model:x").history
    assert change.wall == clock.wall()
