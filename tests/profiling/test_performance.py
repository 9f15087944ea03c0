"""The performance indicators: what is measured, when it is published, and what the figures are made of."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.indicators import indicators
from engine.events.performance_state import LAGS_KEPT, STAGES_KEPT
from engine.events.reducers.performance import UNKNOWN
from engine.profiling.garbage import GarbageMeter
from engine.profiling.loop_lag import ALWAYS_S, CAPTURE_S, LagWindow, LoopLag
from engine.profiling.own_process import descriptor_count, thread_count
from engine.profiling.performance import SELDOM_S, PerformanceMeter
from engine.sessions.clocks import ToolTime
from tests.support.processes import until


@asynccontextmanager
async def meter() -> AsyncIterator[tuple[PerformanceMeter, Bus, ManualClock]]:
    """A meter that runs, its bus and the clock of both."""
    clock = ManualClock(1000.0)
    bus = Bus(clock)
    made = PerformanceMeter(bus, LoopLag(), clock.monotonic)
    made.open()
    try:
        yield made, bus, clock
    finally:
        made.close()


async def test_a_blocked_loop_is_in_the_lag_of_that_second_alone() -> None:
    async with meter() as (made, _bus, clock):
        until_then = time.perf_counter() + 0.6  # longer than a beat by what is asked for below
        while time.perf_counter() < until_then:
            pass
        window = made._window
        assert window is not None
        await until(lambda: window.summary().beats >= 3)
        made.measure()
        assert made.latest.lag_most >= 0.3
        assert made.latest.lag_p99 >= made.latest.lag_p50 >= 0
        clock.advance(1)
        made.measure()
        assert made.latest.lag_most < 0.3


async def test_one_heartbeat_serves_all_windows_and_ends_with_the_last() -> None:
    lag = LoopLag()
    first, second = lag.open(ALWAYS_S), lag.open(CAPTURE_S)
    await until(lambda: first.summary().beats >= 3)
    assert second.summary().beats == first.summary().beats
    lag.close(first)
    beats = first.summary().beats
    await until(lambda: second.summary().beats >= beats + 2)
    assert first.summary().beats == beats
    lag.close(second)
    lag.close(second)
    assert lag._timer is None


def test_a_window_keeps_its_last_lags_and_the_largest_of_all() -> None:
    window = LagWindow(1.0, 2.5)
    for now, lag in enumerate((9.0, 0.1, 0.2, 0.3)):
        window.add(now, lag)
    assert (window.summary().p50, window.summary().most, window.summary().beats) == (0.2, 9.0, 4)
    assert (window.take_recent(), window.take_recent()) == (9.0, 0.0)


def test_runs_of_the_collector_are_counted_by_generation_with_their_time() -> None:
    found = GarbageMeter()
    found.start()
    try:
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        gc.collect()
        gc.collect(0)
    finally:
        found.stop()
        found.stop()
    oldest = found.readings()[2]
    assert (oldest.generation, oldest.runs) == (2, 1)
    assert oldest.seconds > 0
    assert oldest.collected >= 1
    before = found.readings()
    gc.collect()
    assert found.readings() == before


def test_descriptors_and_threads_are_those_of_this_process() -> None:
    held, release = descriptor_count(), threading.Event()
    threads, opened = thread_count(), os.open(os.devnull, os.O_RDONLY)
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert descriptor_count() == held + 1
        assert thread_count() == threads + 1
    finally:
        release.set()
        thread.join()
        os.close(opened)


async def test_it_is_published_each_second_only_while_it_is_of_use() -> None:
    async with meter() as (made, bus, clock):
        published: list[ev.AnyEvent] = []
        bus.listen(lambda stamped: published.append(stamped.event))

        def seconds(number: int) -> int:
            before = len([each for each in published if isinstance(each, ev.PerformanceMeasured)])
            for _ in range(number):
                clock.advance(1)
                made.measure()
            return len([each for each in published if isinstance(each, ev.PerformanceMeasured)]) - before

        assert seconds(1) == 1
        assert seconds(int(SELDOM_S) - 1) == 0
        assert seconds(int(SELDOM_S)) == 1
        bus.publish(ev.RequestQueued(request="r1", user="a", tenant="t", profile="p", priority="low"))
        assert seconds(5) == 5
        bus.publish(ev.RequestEnded(request="r1", user="a", ok=True, duration=1.0))
        assert seconds(5) == 0
        mailbox = bus.subscribe()
        assert seconds(5) == 5
        mailbox.close()
        assert seconds(5) == 0


async def test_events_a_second_and_those_that_a_slow_reader_missed_are_counted() -> None:
    async with meter() as (made, bus, clock):
        bus.subscribe(limit=3)
        for number in range(10):
            bus.publish(ev.ConsolesChanged(consoles=number))
        clock.advance(2)
        made.measure()
        assert made.latest.events == 5.0
        assert made.latest.events_dropped == 8  # twice three that waited and the one that did not fit


async def test_what_is_allocated_and_kept_shows_in_the_blocks() -> None:
    async with meter() as (made, _bus, clock):
        clock.advance(1)
        kept = [object() for _ in range(50_000)]
        made.measure()
        assert made.latest.block_growth >= 40_000
        before = made.latest.blocks
        del kept
        clock.advance(1)
        made.measure()
        assert made.latest.blocks < before
        assert made.latest.block_growth < 0


def test_the_trend_of_the_lag_is_bounded_and_knows_the_seconds_that_nothing_measured() -> None:
    clock = ManualClock(1000.0)
    bus = Bus(clock)

    def measured(lag: float) -> None:
        bus.publish(ev.PerformanceMeasured(performance=ev.PerformanceReading(lag_most=lag)))

    measured(0.1)
    clock.advance(1)
    measured(0.2)
    clock.advance(3)
    measured(0.3)
    assert bus.state.performance.lags == [0.1, 0.2, UNKNOWN, UNKNOWN, 0.3]
    clock.advance(10 * LAGS_KEPT)
    measured(0.4)
    assert bus.state.performance.lags == [*[UNKNOWN] * (LAGS_KEPT - 1), 0.4]


def test_stages_of_a_request_add_up_and_medians_are_of_the_first_attempts() -> None:
    bus = Bus(ManualClock(1000.0))

    def request(name: str, attempts: int = 1, *, ok: bool = True, first: float = 0.4) -> None:
        bus.publish(ev.RequestQueued(request=name, user="a", tenant="t", profile="p", priority="low", prompt="do it"))
        for _ in range(attempts):
            bus.publish(
                ev.TurnEnded(
                    request=name, session="s1", ok=ok, outcome="answered", duration=2.0, ttft=first, tools=0.5,
                    for_person=0.3,
                )
            )  # fmt: skip
        done = ev.RequestEnded(
            request=name, user="a", ok=ok, duration=2.0 * attempts + 0.15, queued=0.1, attempts=attempts
        )
        bus.publish(done)

    for number in range(3):
        request(f"r{number}", first=0.4 + number / 10)
    request("twice", 2)
    request("failed", ok=False)
    bus.publish(ev.RequestQueued(request="cached", user="a", tenant="t", profile="p", priority="low"))
    bus.publish(ev.RequestEnded(request="cached", user="a", ok=True, duration=0.0, cached=True, attempts=0))
    assert [each.request for each in bus.state.stages] == ["r0", "r1", "r2", "twice", "failed"]
    assert not bus.state.turns_of
    twice = bus.state.stages[3]
    assert (twice.first_token, twice.tools, twice.people, twice.prompt) == (0.8, 1.0, 0.6, "do it")
    for each in bus.state.stages:
        parts = each.queue + each.first_token + each.stream + each.tools + each.people + each.engine
        assert abs(parts - each.seconds) < 1e-3
    found = indicators(bus.state, ev.PerformanceReading())
    assert (found.requests, found.request_p50) == (3, 2.15)
    medians = {each.name: each.seconds for each in found.stages}
    assert medians == {
        "queue": 0.1, "first_token": 0.5, "stream": 0.7, "tools": 0.5, "people": 0.3, "engine": 0.05,
    }  # fmt: skip
    for number in range(2 * STAGES_KEPT):
        request(f"more{number}")
    assert len(bus.state.stages) == STAGES_KEPT


def test_indicators_take_the_cache_and_the_queue_from_what_these_report() -> None:
    bus = Bus(ManualClock(1000.0))
    levels = (
        ev.CacheReading(1, "lru", 1, 0, 1, 0, 60, 40, 1e-5, {}, 0.0),
        ev.CacheReading(2, "lru", 1, 0, 1, 0, 20, 20, 5e-5, {}, 0.0),
    )
    bus.publish(ev.CacheMeasured(levels=levels))
    limits = [ev.LimitReading("a", 1, 4, "429"), ev.LimitReading("b", 1)]
    bus.publish(ev.QueueMeasured(queue=ev.QueueReading(0, 9, dropped={"full": 2, "codel": 1}, limits=limits)))
    bus.publish(ev.SessionReadings(readings=[], engine_cpu=31.0, engine_rss=604))
    found = indicators(bus.state, ev.PerformanceReading(threads=9))
    assert (found.hit_rate, found.hit_time, found.queue_dropped, found.limits_lowered) == (0.8, 2e-5, 3, 1)
    assert (found.cpu, found.memory, found.threads) == (31.0, 604, 9)
    assert indicators(Bus(ManualClock(1.0)).state, ev.PerformanceReading()).hit_rate is None


def test_tools_that_run_at_once_count_once() -> None:
    tools = ToolTime()
    tools.began(1.0)
    tools.began(2.0)
    tools.ended(3.0)
    tools.ended(4.0)
    tools.ended(5.0)  # a result that nobody waits for
    assert tools.seconds(9.0) == 3.0
    tools.began(10.0)
    assert tools.seconds(12.0) == 5.0


async def test_measuring_costs_next_to_nothing(tmp_path: Path) -> None:
    """One measurement and the heartbeats of a second; the figure in the docs is a tenth of this bound."""
    opened = [os.open(tmp_path / str(number), os.O_CREAT | os.O_RDONLY) for number in range(400)]
    try:
        async with meter() as (made, _bus, clock):
            window = made._window
            assert window is not None
            for number in range(600):
                window.add(number / 10, number / 1e5)
            began = time.thread_time()
            for _ in range(50):
                clock.advance(1)
                made.measure()
            spent = (time.thread_time() - began) / 50
    finally:
        for each in opened:
            os.close(each)
    assert spent < 0.005
    await asyncio.sleep(0)
