"""The breaker under every order of calls, votes, looks, hands and times: its state never contradicts itself."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.recovery.breakers.breaker import Breaker, BreakerState, Permit, Refusal
from engine.recovery.breakers.limits import BreakerLimits

LIMITS = BreakerLimits(
    failure_threshold=3, timeout=10.0, half_open_max_calls=2, slow_call=5.0, minimum_calls=4, window=30
)
BY_HAND = st.sampled_from(
    [BreakerState.OPEN, BreakerState.CLOSED, BreakerState.DISABLED, BreakerState.FORCED_OPEN, BreakerState.HALF_OPEN]
)


class Calls(RuleBasedStateMachine):
    """Calls over one breaker on a time of the test's own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(LIMITS)
        self.permits: list[Permit] = []

    @rule(seconds=st.floats(0.0, 40.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def call(self) -> None:
        refusal = self.breaker.refusal(self.now)
        late = self.breaker.state is BreakerState.CLOSED and bool(self.permits)  # a hung call may vote meanwhile
        answer = self.breaker.acquire(self.now)
        if refusal is not None:
            assert isinstance(answer, Refusal)
            assert answer.retry_after > 0
        elif not late:
            assert isinstance(answer, Permit)
        if isinstance(answer, Permit):
            self.permits.append(answer)

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), end=st.sampled_from(["succeeded", "failed", "release"]), seen=st.booleans())
    def end(self, data: st.DataObject, end: str, seen: bool) -> None:
        permit = self.permits.pop(data.draw(st.integers(0, len(self.permits) - 1)))
        if seen:
            self.breaker.answered(permit, self.now)
        if end == "release":
            self.breaker.release(permit)
        else:
            getattr(self.breaker, end)(permit, self.now)

    @rule(succeeded=st.integers(0, 3), failed=st.integers(0, 3))
    def parts(self, succeeded: int, failed: int) -> None:
        self.breaker.partial(succeeded, failed, self.now, "parts failed")

    @rule(load=st.floats(0.0, 1.0))
    def tick(self, load: float) -> None:
        self.breaker.load = load
        self.breaker.tick(self.now)

    @rule(state=BY_HAND)
    def by_hand(self, state: BreakerState) -> None:
        self.breaker.force(state, self.now, "ana")

    @rule(seconds=st.floats(0.1, 60.0), parked=st.booleans())
    def hold(self, seconds: float, parked: bool) -> None:
        self.breaker.hold(self.now, seconds, "the limit is used up", parked=parked)

    @invariant()
    def nothing_contradicts(self) -> None:
        self.breaker.validate()

    @invariant()
    def metrics_add_up(self) -> None:
        metrics = self.breaker.metrics(self.now)
        assert metrics.failures <= metrics.calls
        assert metrics.slow <= metrics.calls


TestBreaker = Calls.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
