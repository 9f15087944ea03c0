"""A person's stop, kill or interrupt ends the request too, and what a person ended is never run again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.base.errors import TurnInterrupted
from engine.engine import Engine
from engine.events.types import ErrorSeen, RequestRetrying, TurnStarted
from engine.requests import Answer, Request
from tests.pool.pools import RecordedEvents
from tests.support.engines import running
from tests.support.operations import answer as answer_permission
from tests.support.operations import interrupt, stop_session
from tests.support.processes import until

LONG = "[[words: 400]] [[pace: 20ms]]"


async def busy(engine: Engine, prompt: str = LONG) -> tuple[asyncio.Task[Answer], str]:
    """A request whose turn runs, and its session."""
    task = asyncio.create_task(engine.submit(Request(id="r1", prompt=prompt, user="ana")))
    await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
    (session,) = [name for name, each in engine.pool.sessions.items() if each.busy]
    return task, session


@pytest.mark.parametrize("kill", [True, False])
async def test_a_stopped_session_takes_its_request_along(tmp_path: Path, kill: bool) -> None:
    async with running(tmp_path) as engine:
        told = RecordedEvents(engine)
        task, session = await busy(engine)
        assert await stop_session(engine, session, "ada", kill=kill) == ["r1"]
        with pytest.raises(TurnInterrupted, match="cancelled by ada"):
            await task
        assert len(told.of(TurnStarted)) == 1
        assert told.of(ErrorSeen) == []
        assert engine.pool.statistics().counts.crashes == 0
        assert [cause.after for cause in engine.bus.state.causes if cause.mark == "operator"] == [
            f"{'killed' if kill else 'stopped'} by ada"
        ]


@pytest.mark.parametrize("kill", [True, False])
async def test_a_request_that_is_to_stay_goes_on_elsewhere_and_is_no_crash(tmp_path: Path, kill: bool) -> None:
    async with running(tmp_path) as engine:
        told = RecordedEvents(engine)
        task, session = await busy(engine, "[[words: 40]] [[pace: 20ms]]")
        assert await stop_session(engine, session, "ada", kill=kill, request=False) == []
        answer = await task
        assert (answer.session != session, answer.attempts) == (True, 2)
        (error,) = told.of(ErrorSeen)
        assert (error.code, error.category) == ("session_stopped", "stopped")
        assert engine.pool.statistics().counts.crashes == 0


async def test_an_interrupted_turn_is_never_run_again(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        told = RecordedEvents(engine)
        task, session = await busy(engine)
        assert await interrupt(engine, session, "ada")
        with pytest.raises(TurnInterrupted, match="interrupted by ada"):
            await task
        assert len(told.of(TurnStarted)) == 1
        assert told.of(RequestRetrying) == []
        assert engine.pool.session(session).usable


@pytest.mark.parametrize("steps", range(0, 30, 3))
async def test_an_interrupt_at_any_moment_of_a_cold_start_ends_the_request(tmp_path: Path, steps: int) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        task = asyncio.create_task(engine.submit(Request(id="r1", prompt="[[reply: did it]]")))
        await until(lambda: any(each.session for each in engine.dispatcher.active_requests.values()) or task.done())
        for _ in range(steps):
            await asyncio.sleep(0)
        (session,) = engine.pool.sessions
        await interrupt(engine, session, "ada")
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, Answer):  # it was faster
            assert ended.text == "did it"
        else:
            assert isinstance(ended, TurnInterrupted)


async def test_while_a_person_is_waited_for_others_run_under_a_lowered_limit(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        asks = asyncio.create_task(engine.submit(Request(id="asks", prompt='[[tool: Bash {"command": "rm -r x"}]]')))
        await until(lambda: engine.bus.state.permissions)
        assert engine.concurrency.adjust(0.99) == 1
        answer = await engine.submit(Request(id="other", prompt="[[reply: not held up]]"))
        assert answer.text == "not held up"
        engine.dispatcher.publish_waits()
        assert engine.bus.state.requests["asks"].waits_for == "an approval"
        (permission,) = engine.bus.state.permissions
        await answer_permission(engine, permission, "ada", allowed=False)
        assert (await asks).denials == 1
        assert engine.concurrency.running == 0


async def test_a_request_may_say_how_long_its_approvals_wait(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        request = Request(id="asks", prompt='[[tool: Bash {"command": "rm -r x"}]]', permission_timeout=0.05)
        assert (await engine.submit(request)).denials == 1


async def test_an_urgent_request_goes_before_those_of_low_priority(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        told = RecordedEvents(engine)
        task, _ = await busy(engine, "[[words: 10]] [[pace: 20ms]]")
        waiting = []
        for name, priority in (("l1", "low"), ("l2", "low"), ("l3", "low"), ("u", "urgent")):
            waiting.append(asyncio.create_task(engine.submit(Request(id=name, prompt=name, priority=priority))))
            await until(lambda name=name: name in engine.dispatcher.active_requests)
        await asyncio.gather(task, *waiting)
        assert [event.request for event in told.of(TurnStarted)] == ["r1", "u", "l1", "l2", "l3"]
