"""The queue of a running engine: the order of service, what full means, what each who waits is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.base.errors import DeadlinePassed, QueueFull
from engine.engine import Engine
from engine.events.types import QueueMeasured
from engine.flow.drain_rate import DrainRate
from engine.requests import Answer
from tests.pool.pools import Conversation, RecordedEvents, leases, request
from tests.support.engines import running
from tests.support.processes import until

ONE = ("session_pool.max_size=1", "retry.max_attempts=1")


class Line:
    """An engine with one session, which is taken; what waits behind it is served in this order."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.order: list[str] = []
        self.talk = Conversation(engine)

    async def ask(self, name: str, priority: str = "medium", user: str = "ana", **more: float) -> asyncio.Task[Answer]:
        """Let one more wait; it is in the queue on return."""
        before = len(self.engine.queue)

        async def answer() -> Answer:
            found = await self.talk.ask(f"[[reply: {name}]]", priority=priority, user=user, **more)
            self.order.append(name)
            return found

        task = asyncio.create_task(answer())
        await until(lambda: len(self.engine.queue) > before or task.done())
        return task


@asynccontextmanager
async def line(tmp_path: Path, *overrides: str) -> AsyncIterator[tuple[Line, Callable[[], None]]]:
    """The line, and what gives the session back."""
    async with running(tmp_path, *ONE, *overrides) as engine:
        (held,) = await leases(engine, 1)
        yield Line(engine), lambda: engine.pool.release(held)


async def test_an_urgent_request_runs_next_whatever_waits(tmp_path: Path) -> None:
    async with line(tmp_path) as (waiting, release):
        tasks = [await waiting.ask(f"low {number}", "low") for number in range(3)]
        tasks.append(await waiting.ask("urgent", "urgent"))
        release()
        await asyncio.gather(*tasks)
        assert waiting.order == ["urgent", "low 0", "low 1", "low 2"]


async def test_a_flood_of_one_user_does_not_hold_up_another(tmp_path: Path) -> None:
    async with line(tmp_path) as (waiting, release):
        tasks = [await waiting.ask(f"flood {number}", user="flood") for number in range(6)]
        tasks += [await waiting.ask("ben", user="ben"), await waiting.ask("cleo", user="cleo")]
        release()
        await asyncio.gather(*tasks)
        assert set(waiting.order[:3]) == {"flood 0", "ben", "cleo"}


async def test_a_full_queue_refuses_with_429_and_when_to_come_back(tmp_path: Path) -> None:
    async with line(tmp_path, "queue.max_waiting=1") as (waiting, release):
        first = await waiting.ask("first")
        refused = await waiting.ask("second")
        with pytest.raises(QueueFull) as told:
            await refused
        assert told.value.http_status == 429
        assert (told.value.retry_after or 0) >= 1
        release()
        await first


async def test_whoever_is_dropped_for_a_newer_one_is_told_at_once(tmp_path: Path) -> None:
    async with line(tmp_path, "queue.max_waiting=1", "queue.drop_strategy=drop_oldest") as (waiting, release):
        first = await waiting.ask("first")
        second = asyncio.create_task(waiting.talk.ask("[[reply: second]]"))
        with pytest.raises(QueueFull, match="dropped this request for a newer one"):
            await first
        release()
        assert (await second).text == "second"


async def test_each_who_waits_knows_its_place_and_what_it_waits_for(tmp_path: Path) -> None:
    async with line(tmp_path) as (waiting, release):
        told = RecordedEvents(waiting.engine)
        tasks = [await waiting.ask(name, priority) for name, priority in (("low", "low"), ("high", "high"))]
        await until(lambda: any(len(each.waits) == 2 for each in told.of(QueueMeasured)))
        views = sorted(waiting.engine.bus.state.requests.values(), key=lambda view: view.position)
        assert [(view.position, view.priority) for view in views] == [(1, "high"), (2, "low")]
        waiting.engine.dispatcher.publish_waits()
        assert {view.waits_for for view in views} == {"all 1 sessions are busy: max_size is 1"}
        release()
        await asyncio.gather(*tasks)
        await until(lambda: told.of(QueueMeasured)[-1].queue.waiting == 0)
        assert [lane.waiting for lane in told.of(QueueMeasured)[-1].queue.lanes] == [0, 0, 0, 0]


async def test_priorities_are_changed_live(tmp_path: Path) -> None:
    async with line(tmp_path) as (waiting, release):
        waiting.engine.live.propose({"queue.priorities.low.max_waiting": 1}, "ana")
        first = await waiting.ask("low 1", "low")
        refused = await waiting.ask("low 2", "low")
        with pytest.raises(QueueFull, match="of priority low"):
            await refused
        second = await waiting.ask("medium")
        release()
        await asyncio.gather(first, second)


async def test_a_lowered_limit_is_what_a_request_waits_for_and_costs_it_no_time(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=4") as engine:
        held = await leases(engine, 1)
        engine.live.propose({"session_pool.acquire_timeout": 0.05}, "ana")
        engine.concurrency.adjust(0.9)
        task = Conversation(engine).begin("[[reply: done]]")
        await until(lambda: len(engine.queue) == 1)
        (waiter,) = engine.queue
        assert waiter.why == "a place: 1 requests may run at once for now"
        assert not waiter.demand  # a session more would not help, so none is started for it
        since = engine.clock.monotonic()
        await until(lambda: engine.clock.monotonic() - since > 0.2)
        assert not task.done()
        engine.live.propose({"session_pool.acquire_timeout": 30.0}, "ana")
        engine.concurrency.adjust(0.0)
        assert (await task).text == "done"
        engine.pool.release(held[0])
        assert engine.concurrency.running == 0


async def test_what_has_no_hope_before_its_deadline_is_told_early(tmp_path: Path) -> None:
    async with line(tmp_path, "session_pool.acquire_timeout=1h") as (waiting, release):
        rate = waiting.engine.queue._rates[request(waiting.engine).profile.key] = DrainRate()
        for at in (0.0, 1000.0, 2000.0):  # one in a thousand seconds
            rate.served(at)
        task = await waiting.ask("late", deadline=60.0)
        with pytest.raises(DeadlinePassed, match="could not begin before its deadline"):
            await task
        release()


async def test_a_session_that_dies_gives_its_place_back(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=2") as engine:
        (held,) = await leases(engine, 1)
        assert engine.concurrency.running == 1
        await engine.pool.stop_session(held.session.id, "test", kill=True)
        engine.pool.release(held)
        assert engine.concurrency.running == 0
        lease = await engine.pool.lease(request(engine))
        assert engine.concurrency.running == 1
        engine.pool.release(lease)


async def test_places_are_kept_of_the_sessions_that_there_can_be_not_of_those_allowed(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=50", "queue.interactive_reserve=0.5") as engine:
        engine.pool.scale(2)
        await until(lambda: engine.concurrency.most == 2)
        talk = Conversation(engine)
        low = [asyncio.create_task(talk.ask("[[delay: 30s]]", priority="low")) for _ in range(2)]
        await until(lambda: any("are kept for" in view.waits_for for view in engine.bus.state.requests.values()))
        assert (await talk.ask("[[reply: at once]]", priority="high")).text == "at once"
        for each in low:
            each.cancel()
        await asyncio.wait(low)
