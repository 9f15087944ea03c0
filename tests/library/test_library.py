"""The engine as a library: the face that a program imports, in both of its uses."""

from __future__ import annotations

import asyncio
import inspect
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import (
    BadInput,
    CircuitThresholds,
    Engine,
    ErrorKind,
    NotFound,
    PriorityQueue,
    QuarterdeckError,
    Request,
    RetryPolicy,
    load_settings,
)
from engine.base.errors import SettingsError
from engine.operations.declared.cache import CLEAR_CACHE, ClearCache
from engine.operations.declared.conversations import LIST_CONVERSATIONS, ListConversations
from engine.settings.load import Loaded
from tests.support.engines import loaded


def settings(folder: Path, *more: str) -> Loaded:
    """The simulator in a state folder of the test's own."""
    given = (
        "engine.backend=simulator",
        f"engine.state_dir={folder / 'state'}",
        "engine.grace=0s",
        "engine.demo=off",
        "session_pool.min_size=1",
        "session_pool.max_size=2",
        *more,
    )
    return load_settings(*given, environ={**os.environ, "HOME": str(folder)})


async def test_it_answers_on_the_callers_loop_and_shows_its_pool(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        answer = await engine.submit("[[reply: fine]] go")
        assert answer.text == "fine"
        assert (await engine.submit(Request(prompt="[[reply: two]] go", user="ana"))).text == "two"
        stats = engine.pool_stats()
        assert stats.size >= 1
        assert stats.active_sessions + stats.idle_sessions <= stats.size
        rows = {row.session_id: row for row in engine.session_metrics()}
        assert rows[answer.session].request_count >= 1
        assert rows[answer.session].status
        assert await engine.scale(2) == 2
        await engine.auto_scale(True)
        retried = engine.retry_stats()
        assert (retried.requests, retried.answered, retried.retries, retried.mean_attempts) == (2, 2, 0, 1.0)


def test_it_blocks_with_a_thread_of_its_own(tmp_path: Path) -> None:
    with Engine(settings(tmp_path)) as engine:
        assert engine.ask("[[reply: fine]] go").text == "fine"
        assert engine.pool_stats().size >= 1
        assert engine.breaker("model:default").state == "closed"
        with pytest.raises(NotFound):
            engine.breaker("model:nobody")
        assert engine.run(engine.scale(2)) == 2


async def test_outside_of_with_it_says_how_it_is_used(tmp_path: Path) -> None:
    engine = Engine(settings(tmp_path))
    with pytest.raises(RuntimeError, match="async with"):
        engine.pool_stats()
    async with engine:
        with pytest.raises(RuntimeError, match=r"await engine\.submit"):
            engine.ask("hello")


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), "network", True),
        ("API Error: 529 overloaded_error", "resource", True),
        ("API Error: 401 invalid x-api-key", "auth", False),
    ],
)
async def test_errors_are_classified(tmp_path: Path, error: BaseException | str, kind: str, retryable: bool) -> None:
    async with Engine(settings(tmp_path)) as engine:
        found = engine.classify_error(error)
        assert (found.type, found.retryable) == (kind, retryable)
        assert engine.is_retryable(error) is retryable
        assert engine.priority(error) >= 1
        assert isinstance(engine.suggest_recovery_strategy(error), str)


async def test_an_operation_is_retried_by_its_policy_and_gives_up_with_a_note(tmp_path: Path) -> None:
    calls = 0

    async def flaky() -> str:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ConnectionResetError(104, "Connection reset by peer")
        return "done"

    async def broken() -> str:
        raise ConnectionResetError(104, "Connection reset by peer")

    policy = RetryPolicy(max_attempts=3, base_delay=0.001, max_delay=0.002, jitter="none")
    async with Engine(settings(tmp_path)) as engine:
        before = engine.retry_stats().budget_left
        assert await engine.retry_with_backoff(flaky, policy) == "done"
        assert calls == 3
        with pytest.raises(ConnectionResetError) as failed:
            await engine.retry_with_backoff(broken, policy)
        assert "3 attempts were made" in failed.value.__notes__[0]
        assert engine.retry_stats().budget_left < before


async def test_one_type_of_error_has_a_whole_policy_of_its_own(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path, "session_pool.max_size=1")) as engine:  # a fault is once a session
        engine.set_retry_policy(RetryPolicy(max_attempts=1, base_delay=0.001), "resource")
        with pytest.raises(QuarterdeckError) as failed:
            await engine.submit("[[fault: http529 x1]] go")
        assert failed.value.kind is ErrorKind.RESOURCE
        engine.set_retry_policy(RetryPolicy(max_attempts=2, base_delay=0.001, max_delay=0.002), "resource")
        assert (await engine.submit("[[fault: http529 x1]] go on")).attempts == 2
        engine.set_retry_policy(None)
        assert engine.root.retry_policy.by_type == {}


async def test_the_settings_state_a_policy_of_a_type_which_is_followed_live_and_under_the_librarys_own(
    tmp_path: Path,
) -> None:
    key = "retry.by_type.resource"
    stated = f"{key}={{max_attempts: 1, base_delay: 1ms, max_delay: 2ms}}"
    async with Engine(settings(tmp_path, "session_pool.max_size=1", stated)) as engine:
        with pytest.raises(QuarterdeckError):
            await engine.submit("[[fault: http529 x1]] go")
        engine.root.live.propose({f"{key}.max_attempts": 2}, "ana")
        assert (await engine.submit("[[fault: http529 x1]] go on")).attempts == 2
        assert engine.root.live.shown[f"{key}.max_attempts"] == 2
        engine.set_retry_policy(RetryPolicy(max_attempts=2, base_delay=0.001, max_delay=0.002), "resource")
        engine.root.live.propose({f"{key}.max_attempts": 1}, "ana")
        assert (await engine.submit("[[fault: http529 x1]] go far")).attempts == 2
        engine.set_retry_policy(None, "resource")
        with pytest.raises(QuarterdeckError):
            await engine.submit("[[fault: http529 x1]] stop")


async def test_a_breaker_shows_its_metrics_and_takes_thresholds_of_its_own(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        await engine.submit("hello")
        breaker = engine.breaker("model:default")
        metrics = breaker.metrics
        assert (metrics.total_calls, metrics.success_calls, metrics.failure_calls) == (1, 1, 0)
        assert metrics.last_failure == 0
        thresholds = CircuitThresholds(0.5, 0.9, 4, 30, 2)
        breaker.set_thresholds(thresholds)
        assert breaker.thresholds == thresholds
        assert breaker.adjust_thresholds(1.0).failure_rate == 0.25
        assert breaker.adjust_thresholds(0.0).failure_rate == 0.5
        breaker.handle_partial_failure(success=1, failure=1)
        assert breaker.state == "closed"
        breaker.handle_partial_failure(success=0, failure=2)
        assert breaker.state == "open"
        assert breaker.metrics.failure_calls == 3
        ended = await breaker.execute_recovery("clean_resources")
        assert ended.ok
        (row,) = [each for each in engine.strategies() if each.name == "clean_resources"]
        assert (row.runs, row.success_rate) == (1, 1.0)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: RetryPolicy(max_attempts=0), "max_attempts"),
        (lambda: RetryPolicy(base_delay=-1), "base_delay"),
        (lambda: RetryPolicy(base_delay=5, max_delay=1), "max_delay"),
        (lambda: RetryPolicy(max_delay=float("nan")), "max_delay"),
        (lambda: RetryPolicy(backoff_strategy="quadratic"), "backoff_strategy"),
        (lambda: RetryPolicy(jitter="some"), "jitter"),
        (lambda: RetryPolicy(retryable_errors=["weather"]), "retryable_errors"),
        (lambda: CircuitThresholds(1.5, 0.5, 1, 1, 1), "failure_rate"),
        (lambda: CircuitThresholds(0.5, -0.1, 1, 1, 1), "slow_call_rate"),
        (lambda: CircuitThresholds(0.5, 0.5, 0, 1, 1), "min_calls"),
        (lambda: CircuitThresholds(0.5, 0.5, 1, 0, 1), "sliding_window"),
        (lambda: CircuitThresholds(0.5, 0.5, 1, 1, True), "half_open_max_calls"),
    ],
)
def test_a_wrong_argument_is_named(make: Callable[[], object], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        make()
    assert refused.value.field == field
    assert refused.value.remedy


async def test_a_wrong_argument_of_a_method_is_named_and_changes_nothing(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        await engine.submit("hello")
        breaker = engine.breaker("model:default")
        wrong: list[Callable[[], object]] = [
            lambda: breaker.adjust_thresholds(7.0),
            lambda: breaker.handle_partial_failure(success=-1, failure=0),
            lambda: engine.set_retry_policy(RetryPolicy(), "weather"),
        ]
        for call in wrong:
            with pytest.raises(BadInput):
                call()
        assert breaker.metrics.total_calls == 1
        assert engine.root.retry_policy.by_type == {}


async def test_another_window_counts_what_still_lies_within_it(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        await engine.submit("hello")
        breaker = engine.breaker("model:default")
        for seconds in (3600, 30):
            breaker.set_thresholds(CircuitThresholds(0.5, 0.9, 4, seconds, 2))
            assert breaker.metrics.total_calls == 1


def test_nothing_of_the_host_is_changed(tmp_path: Path) -> None:
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)}
    before = (dict(os.environ), resource.getrlimit(resource.RLIMIT_NOFILE), _umask(), _prctl(3), _prctl(37))
    with Engine(settings(tmp_path)) as engine:
        engine.ask("hello")
        inside = (dict(os.environ), resource.getrlimit(resource.RLIMIT_NOFILE), _umask(), _prctl(3), _prctl(37))
    assert inside == before
    assert {each: signal.getsignal(each) for each in handlers} == handlers


def test_no_env_file_is_read_that_was_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("QUARTERDECK_SESSION_POOL__MAX_SIZE=7\n")
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path)}
    assert load_settings(environ=environ).settings.session_pool.max_size != 7
    assert load_settings(environ=environ, env_file=tmp_path / ".env").settings.session_pool.max_size == 7


def test_the_face_is_lazy() -> None:
    code = "import sys, engine; print(sorted(name for name in sys.modules if name.startswith('engine.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['engine.base', 'engine.base.version']"
    assert {"Engine", "Request", "load_settings"} <= set(dir(__import__("engine")))
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        _ = __import__("engine").nobody


def _umask() -> int:
    now = os.umask(0o022)
    os.umask(now)
    return now


def _prctl(number: int) -> int:
    """PR_GET_DUMPABLE is 3 and returns its value; PR_GET_CHILD_SUBREAPER is 37 and writes it."""
    import ctypes

    value = ctypes.c_int(0)
    result: int = ctypes.CDLL(None).prctl(number, ctypes.byref(value) if number == 37 else 0, 0, 0, 0)
    return result if number == 3 else value.value


def test_a_use_is_ten_lines(tmp_path: Path) -> None:
    async def use() -> str:
        async with Engine(settings(tmp_path)) as engine:
            return (await engine.submit("[[reply: short]] go")).text

    assert asyncio.run(use()) == "short"


async def test_the_queue_is_shaped_and_measured_from_a_program(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        engine.set_priority_queues([PriorityQueue("low", max_size=5, drop_strategy="drop_oldest", weight=0.5)])
        lanes = {lane.name: lane for lane in engine.root.pool.queue_reading().lanes}
        assert (lanes["low"].weight, lanes["low"].max_waiting, lanes["low"].drop) == (0.5, 5, "drop_oldest")
        engine.set_priority_queues([PriorityQueue("urgent", max_size=9)])
        lanes = {lane.name: lane for lane in engine.root.pool.queue_reading().lanes}
        assert (lanes["urgent"].weight, lanes["urgent"].max_waiting) == (8.0, 9)  # what is not given stays
        assert await engine.adjust_backpressure(0.5) == 1
        await engine.submit("[[reply: fine]] go")
        metrics = engine.throughput_metrics()
        assert (metrics.waiting, metrics.running, metrics.limit, metrics.dropped) == (0, 0, 1, 0)
        assert metrics.throughput_rps > 0
        assert await engine.adjust_backpressure(0.0) is None


@pytest.mark.parametrize(
    ("queue", "field"),
    [
        ({"priority": "soon"}, "priority"),
        ({"priority": "low", "weight": 0.0}, "weight"),
        ({"priority": "low", "max_size": -1}, "max_size"),
    ],
)
def test_a_priority_that_cannot_be_is_refused_with_its_field(queue: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        PriorityQueue(**queue)  # type: ignore[arg-type]
    assert refused.value.field == field


async def test_a_load_above_one_and_an_unknown_drop_strategy_are_refused(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        with pytest.raises(BadInput):
            await engine.adjust_backpressure(1.5)
        with pytest.raises(QuarterdeckError, match="drop_strategy"):
            engine.set_priority_queues([PriorityQueue("low", drop_strategy="lottery")])


async def test_the_cache_is_shaped_and_measured_from_a_program(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        done = await engine.prewarm_cache(["[[reply: one]] a", "[[reply: two]] b"])
        assert (done.answered, done.cached, done.failed) == (2, 0, 0)
        assert (await engine.submit(Request(prompt="[[reply: one]] a", cacheable=True))).cached
        assert (await engine.prewarm_cache(["[[reply: one]] a"])).cached == 1
        engine.set_eviction_policy("tinylfu")
        engine.set_cache_size(1, 2048)
        engine.set_cache_size(2, 4096)
        first, second = engine.cache_stats()
        assert (first.policy, first.max_bytes, second.max_bytes) == ("tinylfu", 2048, 4096)
        assert first.hits >= 2
        assert await engine.clear_cache() >= 2
        assert not (await engine.submit(Request(prompt="[[reply: one]] a", cacheable=True))).cached
        with pytest.raises(BadInput, match="no level 3"):
            engine.set_cache_size(3, 1)
        for wrong in (0, -5):
            with pytest.raises(QuarterdeckError):
                engine.set_cache_size(1, wrong)
        with pytest.raises(QuarterdeckError, match="no eviction policy"):
            engine.set_eviction_policy("lottery")


async def test_jobs_run_on_bounded_workers(tmp_path: Path) -> None:
    async def job(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def forever() -> None:
        await asyncio.Event().wait()

    async with Engine(loaded(tmp_path)) as engine:
        engine.set_max_workers(2)
        assert await asyncio.gather(*(engine.spawn_worker(job(number)) for number in range(10))) == list(range(10))
        with pytest.raises(TimeoutError):
            await engine.spawn_bounded_worker(forever(), timeout=0.01)
        found = engine.worker_stats()
        assert (found.maximum, found.timed_out, found.failed) == (2, 1, 0)
        assert found.completed >= 10
        with pytest.raises(SettingsError):
            engine.set_max_workers(0)
        assert engine.cleanup_idle_workers() <= 2


async def called(engine: Engine, name: str, *given: object) -> object:
    """A method's result, whether it is awaited or not."""
    found = getattr(engine, name)(*given)
    return await found if inspect.isawaitable(found) else found


async def test_arguments_of_a_wrong_kind_are_refused_by_their_name(tmp_path: Path) -> None:
    wrong: dict[str, list[object]] = {
        "set_priority_queues": [None, 5, "low", ["low"], {"low": 1}],
        "adjust_backpressure": [None, True, "x", [], -1, float("nan"), float("inf"), 10**400],
        "scale": [None, True, "3", 1.5, float("nan"), -1, 10**400],
        "auto_scale": [None, "yes", 5],
        "set_cache_size": [None, True, "10 potatoes", 0, -5, 2048.5, float("nan"), float("inf"), 10**400],
        "set_max_workers": [None, True, "x", 0, 1.5, float("nan"), 10**400],
        "set_eviction_policy": [None, 5, [], ""],
        "clear_cache": [5, []],
        "prewarm_cache": [None, "hello", b"hello", {"hello": 1}, [], [5], [None], [""], 5],
        "spawn_worker": [None, 5, asyncio.sleep],
        "submit": [None, 5, b"hello", {"prompt": "hello"}],
        "classify_error": [None, 5, b"failed"],
        "is_retryable": [None, 5],
        "suggest_recovery_strategy": [None, 5],
        "set_retry_policy": [5, "fast"],
        "execute": [None, "cache.clear"],
    }
    more: dict[str, tuple[object, ...]] = {"execute": ({},)}
    async with Engine(settings(tmp_path)) as engine:
        for name, values in wrong.items():
            for value in values:
                given = (1, value) if name == "set_cache_size" else (value, *more.get(name, ()))
                with pytest.raises(BadInput) as refused:
                    await called(engine, name, *given)
                assert refused.value.remedy, (name, value)
        assert engine.cache_stats()[0].entries == 0
        for seconds in (True, "x", [], 0, -1.0, float("nan")):
            with pytest.raises(BadInput, match="timeout"):
                await called(engine, "spawn_bounded_worker", asyncio.sleep(0), seconds)
        with pytest.raises(BadInput, match="level"):
            await engine.execute(CLEAR_CACHE, ClearCache(level=7))
        assert (
            await engine.execute(LIST_CONVERSATIONS, ListConversations())
        ).total == 0  # with fields that are not set
        assert (await engine.execute(LIST_CONVERSATIONS, ListConversations(q="x"))).total == 0
        for tag in ("", "%", "a b", "x" * 65):  # an empty one does not ask for everything
            with pytest.raises(BadInput, match="tag: expected text of the form"):
                await engine.execute(CLEAR_CACHE, ClearCache(tag=tag))


@pytest.mark.parametrize("given", [{"weight": 1001}, {"max_size": 1_000_001}, {"weight": 0}, {"max_size": -1}])
def test_a_priority_has_the_bounds_of_its_settings(given: dict[str, int]) -> None:
    with pytest.raises(BadInput, match=r"to 1(000|e\+06)\."):
        PriorityQueue("low", **given)  # type: ignore[arg-type]
