"""Policies that pip installed decide in the running engine; one that is unknown, incomplete or fails is named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.errors import QuarterdeckError, SettingsError
from engine.base.plugins import installed
from engine.cache.eviction_policies import LeastRecentlyUsed
from engine.engine import Engine
from engine.events.types import BreakerChanged, EventEnvelope, Notice, SessionStarting, TurnEnded, TurnStarted
from engine.flow.limit_policies import AimdLimit, Running
from tests.pool.pools import MANY, Conversation, RecordedEvents
from tests.support.engines import loaded, running
from tests.support.examples import install, on_path
from tests.support.processes import until

SCALER, LIMITER = "session_pool.auto_scaling.policy", "queue.concurrency_policy"
TRIP, EVICTION = "circuit_breaker.policy", "cache.policy"
KINDS = {SCALER: "scaler", LIMITER: "concurrency limiter", TRIP: "trip policy", EVICTION: "eviction policy"}
BUILT_IN = {SCALER: "utilisation", LIMITER: "aimd", TRIP: "rates", EVICTION: "lru"}
KNOWN = {**BUILT_IN, LIMITER: "aimd, gradient", EVICTION: "lru, lfu, fifo, tinylfu"}


class Failing:
    """Every policy at once, and none of them works."""

    def added(self, *_: object) -> None:
        """It works until it is needed."""

    def _fail(self, *_: object) -> None:
        raise RuntimeError("no idea")

    recommend = limit = decrease = reason_to_open = used = removed = victim = _fail


class Vague(Failing):
    """Answers that are none."""

    def _answer(self, *_: object) -> object:
        return ["much"]

    recommend = limit = decrease = reason_to_open = victim = _answer  # type: ignore[assignment]

    def _hear(self, *_: object) -> None:
        """It is told of the entries."""

    used = removed = _hear


class Choosy(Failing):
    """One that cannot be made without an argument."""

    def __init__(self, mood: str) -> None:
        self.mood = mood


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed the example."""
    return install("quarterdeck-policies", tmp_path_factory.mktemp("example"))


@pytest.fixture
def example(site: Path) -> Iterator[None]:
    """That folder on this process's path."""
    with on_path(site, "quarterdeck_policies"):
        yield


class Peak:
    """The most turns that ran at once."""

    def __init__(self, engine: Engine) -> None:
        self.now = self.most = 0
        engine.bus.listen(self._hear)

    def _hear(self, stamped: EventEnvelope) -> None:
        if isinstance(stamped.event, TurnStarted):
            self.now += 1
            self.most = max(self.most, self.now)
        elif isinstance(stamped.event, TurnEnded):
            self.now -= 1


@pytest.mark.usefixtures("example")
def test_all_of_the_example_are_listed_and_usable() -> None:
    found = [each for each in installed() if each.package == "quarterdeck-policies"]
    assert {(each.kind, each.name) for each in found} == {
        ("scaler", "three"),
        ("concurrency limiter", "half"),
        ("trip policy", "first_failure"),
        ("eviction policy", "largest"),
    }
    assert [each.problem for each in found] == [""] * 4


@pytest.mark.usefixtures("example")
async def test_an_installed_scaler_sizes_the_pool_and_is_exchanged_live(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, f"{SCALER}=three", "session_pool.max_size=8") as engine:
        recorded = RecordedEvents(engine)
        await until(lambda: len([each for each in engine.pool.sessions.values() if each.usable]) == 3)
        talk = Conversation(engine)
        answers = await asyncio.gather(*(talk.ask("[[delay: 0.1s]] hello") for _ in range(6)))
        assert len({answer.session for answer in answers}) == 3
        assert engine.pool.statistics().size == 3
        engine.live.propose({SCALER: "utilisation"}, "ana")
        answers = await asyncio.gather(*(talk.ask("[[delay: 0.3s]] hello") for _ in range(6)))
        assert len({answer.session for answer in answers}) == 6
        assert len(recorded.of(SessionStarting)) == 6


@pytest.mark.usefixtures("example")
async def test_an_installed_limiter_limits_what_runs_and_is_exchanged_live(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, f"{LIMITER}=half", "session_pool.max_size=4") as engine:
        assert engine.concurrency.limit == 2
        peak, talk = Peak(engine), Conversation(engine)
        await asyncio.gather(*(talk.ask("[[delay: 0.1s]] hello") for _ in range(6)))
        assert peak.most == 2
        waiting = [talk.begin("[[stall]] for good") for _ in range(4)]
        await until(lambda: peak.now == 2)
        engine.live.propose({LIMITER: "aimd"}, "ana")
        await until(lambda: peak.now == 4)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.usefixtures("example")
async def test_an_installed_trip_policy_opens_the_breaker_and_is_exchanged_live(tmp_path: Path) -> None:
    async with running(tmp_path, f"{TRIP}=first_failure", "retry.max_attempts=1") as engine:
        recorded, talk = RecordedEvents(engine), Conversation(engine)
        await talk.ask("hello")
        assert recorded.of(BreakerChanged) == []
        with pytest.raises(QuarterdeckError):
            await talk.ask("[[fault: http500]] no")
        opened = [event for event in recorded.of(BreakerChanged) if event.new == "open"]
        assert opened
        assert all(event.reason.startswith("its first failure: ") for event in opened)
        engine.live.propose({TRIP: "rates"}, "ana")
        for event in opened:
            engine.breakers.control(event.breaker, "close", "ana")
        with pytest.raises(QuarterdeckError):
            await talk.ask("[[fault: http500]] no")
        assert [event.new for event in recorded.of(BreakerChanged)].count("open") == len(opened)


@pytest.mark.usefixtures("example")
async def test_an_installed_eviction_policy_names_what_goes_and_is_exchanged_live(tmp_path: Path) -> None:
    async with running(tmp_path, f"{EVICTION}=largest", "cache.max_entries=2", "cache.disk.enabled=off") as engine:
        talk = Conversation(engine)

        async def cached(prompt: str) -> bool:
            return (await talk.ask(prompt, cacheable=True)).cached

        first, large = "a", "b" * 200
        assert [await cached(prompt) for prompt in (first, large, "c")] == [False] * 3
        assert [await cached(prompt) for prompt in (first, "c")] == [True] * 2
        assert not await cached(large)  # and takes the place of one of the others
        engine.live.propose({EVICTION: "lru"}, "ana")
        assert await cached(large)
        assert not await cached("d")
        assert await cached(large)


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonsense", "there is no {kind} 'nonsense'. Known ones: {built_in}; or name one as module:Class."),
        ("no.such.module:Thing", "the {kind} 'no.such.module:Thing' cannot be loaded: No module named"),
        ("engine.pool.balancers:RoundRobin", "the {kind} 'engine.pool.balancers:RoundRobin' cannot be used: it has no"),
        (f"{__name__}:Choosy", "cannot be used: it cannot be made: TypeError"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_name_and_reason(
    key: str, name: str, words: str, tmp_path: Path
) -> None:
    expected = words.format(kind=KINDS[key], built_in=KNOWN[key])
    with pytest.raises(SettingsError) as refusal:
        Engine(loaded(tmp_path, f"{key}={name}"))
    assert expected in str(refusal.value)
    assert refusal.value.field == key
    assert refusal.value.remedy
    async with running(tmp_path) as engine:
        with pytest.raises(SettingsError) as refusal:
            engine.live.propose({key: name, "session_pool.max_size": 7}, "ana")
        assert expected in str(refusal.value)
        assert engine.settings.session_pool.max_size == 10
        assert (await Conversation(engine).ask("hello")).text == "Echo: hello"
        assert isinstance(engine.concurrency.policy_of("any"), AimdLimit)
        assert isinstance(engine.cache.policy, LeastRecentlyUsed)


@pytest.mark.parametrize("name", ["Failing", "Vague"])
async def test_one_that_fails_in_use_is_named_once_and_the_built_in_one_decides(name: str, tmp_path: Path) -> None:
    async with running(tmp_path, "cache.max_entries=1", "retry.base_delay=1ms") as engine:
        recorded, talk = RecordedEvents(engine), Conversation(engine)
        engine.live.propose(dict.fromkeys(KINDS, f"{__name__}:{name}"), "ana")
        assert (await talk.ask("[[fault: http529 x1]] a", cacheable=True, user="ana")).text == "Echo: a"
        for prompt in ("b", "c", "b", "c"):
            await talk.ask(prompt, cacheable=True)
        assert engine.concurrency.limit == 7  # as the built-in one lowers it
        named = [event.text for event in recorded.of(Notice) if f"{__name__}:{name}" in event.text]
    for key, kind in KINDS.items():
        of_kind = [text for text in named if text.startswith(f"The {kind} ")]
        assert len(of_kind) == 1, kind
        assert f"{BUILT_IN[key]} decides in its place" in of_kind[0]


def test_the_limit_of_an_extension_lets_one_request_run_at_least(tmp_path: Path) -> None:
    engine = Engine(loaded(tmp_path, f"{LIMITER}={__name__}:Closed"))
    assert engine.concurrency.policy_of("any").limit(Running(0.0, 0, 4, 1.0)) == 1


class Closed:
    """A limiter that would let nothing run."""

    def limit(self, _facts: Running) -> int:
        return 0

    decrease = limit
