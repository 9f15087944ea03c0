"""The dispatcher by itself, on virtual time, with fakes at its ports: what is taken when, and given back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from engine.backends.base import Profile
from engine.base.errors import (
    BreakerOpen,
    DeadlinePassed,
    ErrorKind,
    Overloaded,
    QuarterdeckError,
    QueueFull,
    TurnFailed,
)
from engine.cache.answers import TieredAnswerCache
from engine.cache.memory import CacheLimits, MemoryCache
from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.ports import DispatcherPorts
from engine.flow.concurrency_limit import ConcurrencyLimits, place_key
from engine.flow.limit_policies import AimdLimit
from engine.pool.lease import Lease
from engine.pool.routing import LeaseRequest
from engine.recovery.breakers.breaker import BreakerState
from engine.recovery.breakers.guard import BreakerGuard
from engine.recovery.breakers.limits import BreakerLimits
from engine.recovery.breakers.registry import Breakers
from engine.recovery.retry.backoff import Backoff
from engine.recovery.retry.curves import Jitter
from engine.recovery.retry.policy import RetryPolicy, retry_policy
from engine.requests import Answer, Request
from engine.sessions.outcome import Ended, Outcome
from engine.sessions.session import Session
from engine.sessions.turn import TurnOrder
from engine.settings.load import load_settings
from engine.settings.schema import Settings
from tests.recovery.recoveries import OrchestratorFixture, pass_time
from tests.support.virtual_time import run_virtually

MODEL = "model:default"
WELL = Outcome(Ended.ANSWERED, "fine", "")
OVERLOADED = Outcome(Ended.API_FAILED, "", "overloaded", api_error_status=529)


@dataclass
class FakeSession:
    """Ends each turn as `outcomes` say, after a second of virtual time."""

    outcomes: list[Outcome]
    id: str = "s0001"
    conversation: str = "c1"
    cwd: Path = Path("/w")
    last_uuid: str = ""
    last_silence: float = 0.0
    turns: int = 0

    async def run(self, _order: TurnOrder) -> Outcome:
        self.turns += 1
        await pass_time(1.0)
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    async def clear(self) -> None:
        """Nothing to clear."""


@dataclass
class FakePool:
    """One session for everybody, once `opened`; the first to ask get `refusals` instead. The places are real."""

    session: FakeSession
    places: ConcurrencyLimits
    leases: int = 0
    out: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    refusals: list[QuarterdeckError] = field(default_factory=list)

    async def lease(self, request: LeaseRequest, *, on_wait: Callable[[str], None]) -> Lease:
        on_wait("a session")
        await self.opened.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.leases += 1
        self.out += 1
        place, session = self.places.take(place_key(request.profile)), cast("Session", self.session)
        return Lease(session, self.leases, False, "", 0.0, False, place, request, 0.0)

    async def hold(self, _lease: Lease, _conversation: str, _user: str) -> None:
        """Nothing to note."""

    def release(self, lease: Lease) -> None:
        lease.place.close()
        self.out -= 1


class NoTranscripts:
    """Contains no prompt."""

    def holds_prompt(self, _profile: Profile, _conversation: str, _uuid: str) -> bool:
        return False


class DispatcherFixture:
    """A dispatcher over the fakes, with real breakers, retry policy and recovery."""

    def __init__(
        self,
        *outcomes: Outcome,
        attempts: int = 3,
        breaker_wait: float = 0.0,
        policy: RetryPolicy | None = None,
        threshold: int = 2,
    ) -> None:
        recovery = OrchestratorFixture()
        limits = BreakerLimits(failure_threshold=threshold, timeout=10.0, half_open_max_calls=1)
        self.breakers = Breakers(lambda: limits, recovery.bus, recovery.clock)
        places = ConcurrencyLimits(lambda: 9, lambda: 10.0, recovery.clock, AimdLimit)
        self.pool = FakePool(FakeSession(list(outcomes or (WELL,))), places)
        self.pool.opened.set()
        self.policy = policy or RetryPolicy(
            attempts, backoff=Backoff(2.0, 8.0, jitter=Jitter.NONE), breaker_wait=breaker_wait
        )
        cache: MemoryCache[Answer] = MemoryCache(CacheLimits(10, 1 << 20, 60.0))
        self.dispatcher = Dispatcher(
            DispatcherPorts(
                bus=recovery.bus,
                clock=recovery.clock,
                cache=TieredAnswerCache(cache, recovery.clock),
                guard=BreakerGuard(self.breakers, lambda _session, _reason: None),
                recoveries=recovery.orchestrator,
                pool=self.pool,
                transcripts=NoTranscripts(),
                retry=lambda: self.policy,
                budget=recovery.budget,
                load=lambda: 0.0,
                profile=lambda name, tenant: Profile(name=name, tenant=tenant),
                error_of=_error_of,
            ),
            random.Random(0),
        )

    async def ask(self, prompt: str = "hello", **more: Any) -> Answer:
        """Dispatch a request."""
        return await self.dispatcher.dispatch(Request(prompt=prompt, **more))

    @property
    def permits(self) -> int:
        """Calls that hold a permit of the model's breaker."""
        return self.breakers.get(MODEL).running if self.breakers.knows(MODEL) else 0


def _settings(*overrides: str) -> Settings:
    return load_settings(None, overrides, {"HOME": "/nowhere"}, None).settings


def _error_of(outcome: Outcome) -> QuarterdeckError:
    return TurnFailed(outcome.reason, kind=ErrorKind.RESOURCE, code="api_529", retryable=True)


def test_what_an_attempt_took_is_given_back_whatever_ended_it() -> None:
    async def work() -> None:
        fixture = DispatcherFixture(OVERLOADED, WELL)
        answer = await fixture.ask()
        assert (answer.text, answer.attempts, answer.duration) == ("fine", 2, 4.0)
        assert (fixture.pool.out, fixture.pool.places.running, fixture.permits) == (0, 0, 0)
        cancelled = asyncio.create_task(fixture.ask())
        await pass_time(0.5)
        assert (fixture.pool.out, fixture.pool.places.running, fixture.permits) == (1, 1, 1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert (fixture.pool.out, fixture.pool.places.running, fixture.permits) == (0, 0, 0)
        assert fixture.dispatcher.active_requests == {}

    run_virtually(work())


def test_the_settings_give_one_type_of_error_attempts_and_delays_of_its_own() -> None:
    async def work() -> None:
        own = "max_attempts: 4, base_delay: 1s, max_delay: 1m, backoff_strategy: linear, jitter: none"
        others = ("retry.max_attempts=2", "retry.base_delay=9s", "retry.jitter=none")
        policy = retry_policy(_settings(*others, f"retry.by_type.resource={{{own}}}"))
        fixture = DispatcherFixture(OVERLOADED, OVERLOADED, OVERLOADED, WELL, policy=policy, threshold=99)
        answer = await fixture.ask()
        assert (answer.attempts, answer.duration) == (4, 4 * 1.0 + 1.0 + 2.0 + 3.0)
        fixture.pool.session.outcomes = [OVERLOADED, OVERLOADED, WELL]
        fixture.policy = retry_policy(_settings(*others, "retry.by_type.network.max_attempts=9"))
        with pytest.raises(TurnFailed) as failed:
            await fixture.ask()
        assert failed.value.kind is ErrorKind.RESOURCE
        assert fixture.pool.session.outcomes == [WELL]

    run_virtually(work())


def test_no_permit_is_held_while_a_request_waits_in_the_queue() -> None:
    async def work() -> None:
        fixture = DispatcherFixture()
        fixture.pool.opened.clear()
        waiting = [asyncio.create_task(fixture.ask()) for _ in range(3)]
        await pass_time(0.5)
        assert (fixture.permits, fixture.pool.leases) == (0, 0)
        fixture.pool.opened.set()
        assert [each.text for each in await asyncio.gather(*waiting)] == ["fine"] * 3

    run_virtually(work())


def test_an_open_breaker_refuses_before_a_place_or_a_session_is_taken() -> None:
    async def work() -> None:
        fixture = DispatcherFixture(OVERLOADED, attempts=2)
        with pytest.raises(TurnFailed):
            await fixture.ask()
        assert fixture.breakers.get(MODEL).state is BreakerState.OPEN
        leases = fixture.pool.leases
        fixture.pool.opened.clear()
        with pytest.raises(BreakerOpen):
            await fixture.ask()
        assert fixture.pool.leases == leases

    run_virtually(work())


def test_a_request_that_waits_at_a_breaker_becomes_its_probe_and_needs_no_attempt() -> None:
    async def work() -> None:
        fixture = DispatcherFixture(OVERLOADED, OVERLOADED, WELL, attempts=2, breaker_wait=60.0)
        with pytest.raises(TurnFailed):
            await fixture.ask()
        answer = await fixture.ask()
        assert (answer.text, answer.attempts) == ("fine", 1)
        assert fixture.breakers.get(MODEL).state is BreakerState.CLOSED
        assert 10.0 <= answer.duration <= 13.0

    run_virtually(work())


def test_equal_requests_at_the_same_time_run_once_and_later_ones_are_cached() -> None:
    async def work() -> None:
        fixture = DispatcherFixture()
        both = await asyncio.gather(fixture.ask(cacheable=True), fixture.ask(cacheable=True))
        assert fixture.pool.session.turns == 1
        assert [each.cached for each in both] == [False, True]
        assert (await fixture.ask(cacheable=True)).cached
        assert fixture.pool.session.turns == 1

    run_virtually(work())


@pytest.mark.parametrize(
    "refusal",
    [
        QueueFull("dropped for a newer one", remedy=""),
        DeadlinePassed("could not begin in time", remedy=""),
        Overloaded("drains", remedy=""),
    ],
)
def test_what_becomes_of_a_requests_place_in_the_queue_is_not_the_end_of_its_equals(refusal: QuarterdeckError) -> None:
    async def work() -> None:
        fixture = DispatcherFixture(attempts=1)
        fixture.pool.refusals.append(refusal)
        both = await asyncio.gather(fixture.ask(cacheable=True), fixture.ask(cacheable=True), return_exceptions=True)
        assert isinstance(both[0], type(refusal))
        assert isinstance(both[1], Answer)

    run_virtually(work())


def test_a_deadline_that_leaves_no_time_for_a_retry_ends_its_own_request_alone() -> None:
    async def work() -> None:
        fixture = DispatcherFixture(OVERLOADED, WELL, threshold=9)
        both = await asyncio.gather(
            fixture.ask(cacheable=True, deadline=1.5), fixture.ask(cacheable=True), return_exceptions=True
        )
        assert isinstance(both[0], QuarterdeckError)
        assert isinstance(both[1], Answer)

    run_virtually(work())


def test_an_error_of_the_turn_is_shared_by_the_equals_that_wait() -> None:
    async def work() -> None:
        fixture = DispatcherFixture(OVERLOADED, attempts=1, threshold=9)
        both = await asyncio.gather(fixture.ask(cacheable=True), fixture.ask(cacheable=True), return_exceptions=True)
        assert all(isinstance(each, TurnFailed) for each in both)
        assert fixture.pool.session.turns == 1

    run_virtually(work())


def test_the_deadline_ends_a_request_wherever_it_is() -> None:
    async def work() -> None:
        fixture = DispatcherFixture()
        fixture.pool.opened.clear()
        with pytest.raises(QuarterdeckError, match="deadline of 5 s passed"):
            await fixture.ask(deadline=5.0)
        assert fixture.dispatcher.active_requests == {}

    run_virtually(work())
