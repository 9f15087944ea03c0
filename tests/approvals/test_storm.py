"""Two hundred requests of forty real sessions are cleared with a handful of answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from engine.approvals.groups import groups_of
from engine.engine import Engine
from engine.events.types import EventEnvelope, PermissionAnswered, PermissionAsked
from engine.operations.declared.permissions import ANSWER_GROUP, AnswerGroup
from engine.requests import Answer, Request
from tests.support.engines import running
from tests.support.operations import execute
from tests.support.processes import until

SESSIONS, EACH, MOST_ANSWERS = 40, 5, 10
WAIT_S = 120.0


def prompt(number: int) -> str:
    """Five tools, no two sessions' alike by their letters; all of them in five actions."""
    commands = (
        f"touch part{number}",
        f"mkdir -p 'out/run {number}'",
        f"git commit --allow-empty -m 'step {number}'",
        f"cp part{number} copy{number}",
        "rm -rf   build" if number % 2 else "rm -rf build",
    )
    return "".join(f'[[tool: Bash {{"command": "{command}"}}]]' for command in commands)


async def test_forty_sessions_with_two_hundred_requests_need_at_most_ten_answers(tmp_path: Path) -> None:
    settings = (
        f"session_pool.max_size={SESSIONS}",
        "session_pool.max_starting=4",
        "session_pool.start_timeout=2m",
        "claude.permission_timeout=10m",
    )
    async with running(tmp_path, *settings) as engine:
        heard: list[EventEnvelope] = []
        engine.bus.listen(heard.append)
        asking = [asyncio.create_task(engine.submit(request(number))) for number in range(SESSIONS)]
        answers = await clear(engine, asking)
        done = [await each for each in asking]
        asked = [each for each in heard if isinstance(each.event, PermissionAsked)]
        late = await engine.submit(request(SESSIONS))
        assert [each for each in heard if isinstance(each.event, PermissionAsked)] == asked  # the grants answered it
        allowed = Counter(each.event.allowed for each in heard if isinstance(each.event, PermissionAnswered))
        _page, kept = engine.broker.store.history(1, 0)
    assert len({answer.session for answer in done}) == SESSIONS
    assert [answer.denials for answer in done] == [0] * SESSIONS
    assert late.denials == 0
    assert allowed == {True: (SESSIONS + 1) * EACH}
    assert kept == (SESSIONS + 1) * EACH
    assert SESSIONS <= len(asked) <= SESSIONS * EACH
    assert answers <= MOST_ANSWERS


def request(number: int) -> Request:
    """One user's request."""
    return Request(id=f"r{number}", prompt=prompt(number), user=f"u{number}", deadline=300.0)


async def clear(engine: Engine, asking: list[asyncio.Task[Answer]]) -> int:
    """Answer group after group until every request has its answer; returns how many answers that took."""
    state, answers = engine.bus.state, 0
    await until(lambda: len(state.permissions) == SESSIONS, WAIT_S)  # all forty wait at once
    while not all(task.done() for task in asking):
        for group in groups_of(state.permissions.values()):
            await execute(
                engine, ANSWER_GROUP, AnswerGroup(key=group.key, allowed=True, scope="profile", expires="1h"), "ana"
            )
            answers += 1
        await until(lambda: state.permissions or all(task.done() for task in asking), WAIT_S)
    return answers
