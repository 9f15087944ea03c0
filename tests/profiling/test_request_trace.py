"""A request by stage, from the events of its way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.events import types as ev
from engine.events.types import EventEnvelope
from engine.operations.declared.profiler import TRACE_REQUEST, TracedRequest
from engine.profiling.request_trace import trace
from engine.requests import Request
from tests.support.engines import running
from tests.support.operations import answer, execute
from tests.support.processes import until

QUEUED = ev.RequestQueued(request="r1", user="ana", tenant="t", profile="p", priority="high")
ENDED = ev.RequestEnded(request="r1", user="ana", ok=True, duration=9.0)


def started(session: str = "s1", attempt: int = 1) -> ev.TurnStarted:
    """A turn begins."""
    return ev.TurnStarted(request="r1", session=session, user="ana", prompt="", attempt=attempt)


def ended(ok: bool = True, **facts: float) -> ev.TurnEnded:
    """A turn ends."""
    return ev.TurnEnded(request="r1", session="s1", ok=ok, outcome="x", duration=1.0, **facts)  # type: ignore[arg-type]


def stages(*events: tuple[float, ev.AnyEvent], now: float = 100.0) -> list[tuple[str, float, float, str]]:
    """The stages of r1 when these happened at these seconds."""
    found = trace("r1", [EventEnvelope(at, 50.0 + when, event) for at, (when, event) in enumerate(events)], 50.0 + now)
    assert found is not None
    return [(each.name, each.began, each.seconds, each.detail) for each in found.stages]


def test_each_stage_has_its_beginning_length_and_reason() -> None:
    wait = ev.RequestWaiting(request="r1", reason="a session starts")
    found = stages(
        (0.0, QUEUED), (0.5, wait), (2.0, ev.RequestWaiting(request="r1", reason="")), (2.0, started()),
        (6.0, ended(ttft=1.0, for_person=0.5)), (6.25, ENDED),
    )  # fmt: skip
    assert found == [
        ("queue", 0.0, 0.5, ""),
        ("wait", 0.5, 1.5, "a session starts"),
        ("first_token", 2.0, 1.0, "s1"),
        ("turn", 3.0, 2.5, "s1"),
        ("people", 5.5, 0.5, "approvals, wherever in the turn they were"),
        ("end", 6.0, 0.25, ""),
    ]


def test_retries_are_stages_between_the_turns() -> None:
    retry = ev.RequestRetrying(request="r1", attempt=1, delay=1.0, kind="network", reason="reset")
    other = ev.TurnStarted(request="r2", session="s9", user="", prompt="")
    found = stages(
        (0.0, QUEUED), (0.0, started()), (1.0, ended(ok=False)), (1.0, retry), (1.5, other), (2.0, started("s2", 2)),
        (3.0, ended()), (3.0, ENDED),
    )  # fmt: skip
    assert [(name, seconds) for name, _, seconds, _ in found if seconds] == [
        ("turn", 1.0), ("retry", 1.0), ("turn", 1.0)
    ]  # fmt: skip


def test_one_that_runs_ends_now_and_one_that_is_forgotten_is_none() -> None:
    assert stages((0.0, QUEUED), (1.0, started()), now=3.0)[-1] == ("turn", 1.0, 2.0, "s1")
    assert trace("r1", [EventEnvelope(1, 1.0, started())], 2.0) is None


def test_what_tools_took_is_a_stage_of_its_own() -> None:
    found = stages((0.0, QUEUED), (0.0, started()), (4.0, ended(ttft=1.0, tools=1.5, for_person=0.5)), (4.0, ENDED))
    assert [(name, seconds) for name, _, seconds, _ in found if seconds] == [
        ("first_token", 1.0), ("turn", 1.0), ("tools", 1.5), ("people", 0.5)
    ]  # fmt: skip


async def test_a_tool_that_ran_and_a_person_who_was_waited_for_are_told_apart(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        state, clock = engine.bus.state, engine.clock
        prompt = '[[tool: Bash {"command": "sleep 0.3; touch proof"}]]'
        asking = asyncio.create_task(engine.submit(Request(prompt=prompt, id="r1")))
        await until(lambda: state.permissions)
        asked = clock.monotonic()
        await until(lambda: clock.monotonic() > asked + 0.4)
        await answer(engine, next(iter(state.permissions)), "ana", allowed=True)
        assert (await asking).denials == 0
        (found,) = state.stages
    assert 0.3 <= found.tools < found.seconds - 0.4
    assert found.people >= 0.4
    assert found.tools + found.people + found.first_token + found.stream <= found.seconds + 1e-3


async def test_a_request_of_an_engine_is_traced(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        await engine.submit(Request(prompt="hello", id="r1"))
        found = await execute(engine, TRACE_REQUEST, TracedRequest(id="r1"))
    assert (found.outcome, found.attempts) == ("answered", 1)
    assert "turn" in {stage.name for stage in found.stages}
    assert sum(stage.seconds for stage in found.stages) <= found.seconds + 1e-3
    assert found.seconds > 0
