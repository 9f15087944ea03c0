"""Nothing grows with work: files, tasks, threads and processes after hundreds of turns and many lifetimes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from engine.engine import Engine
from tests.pool.pools import MANY, Conversation
from tests.support.engines import running
from tests.support.operations import stop_session
from tests.support.processes import survivors, until

CALM = (
    "circuit_breaker.failure_threshold=10000",
    "circuit_breaker.failure_rate=1",
    "retry.max_attempts=2",
    "retry.base_delay=1ms",
    "retry.budget=100000",
)
"""Crashes are what this test makes, so nothing may be held back for them."""
LIFE = ("session_pool.max_size=4", "session_pool.max_turns_per_session=7", "session_pool.crashes_borne=1000")


def held(engine: Engine) -> dict[str, int]:
    """What an engine holds at rest."""
    conversations = engine.conversations
    return {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "processes": len(survivors(engine.id)),
        "children": len(engine.launcher.children),
        "sessions": len(engine.pool.members),
        "desks": len(conversations._states),
        "seats": len(engine.pool.index),
        "leases": len(engine.pool._leases),
        "checked": len(engine.monitor.health_checker._due),
        "active_requests": len(engine.dispatcher.active_requests),
    }


async def at_rest(engine: Engine, tasks: int) -> dict[str, int]:
    """What is still held without a session, once there are no more tasks than there were."""
    for name in list(engine.pool.sessions):
        await stop_session(engine, name, "test")
    await engine.monitor.read()
    engine.monitor.check()
    await until(lambda: not engine.pool.members and len(asyncio.all_tasks()) <= tasks)
    return held(engine)


async def work(engine: Engine, turns: int) -> None:
    """Turns of every kind: fresh, gone on with, cancelled, crashed under."""
    talk = Conversation(engine)
    first = await talk.conversations(4)
    for number in range(0, turns, 10):
        tasks = [talk.begin(f"fresh {number}") for _ in range(6)]
        tasks += [talk.begin("again", conversation) for conversation in first[:2]]
        tasks += [talk.begin("[[words: 50]] [[pace: 10ms]]"), talk.begin("[[exit: 3]]")]
        await asyncio.sleep(0)
        await until(lambda tasks=tasks: any(task.done() for task in tasks))
        tasks[8].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_three_hundred_turns_and_forty_lifetimes_leave_nothing_behind(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, *LIFE, *CALM) as engine:
        tasks = len(asyncio.all_tasks())
        await work(engine, 20)
        await until(lambda: not engine.pool.statistics().active)
        before = await at_rest(engine, tasks)
        starts = engine.pool.statistics().counts.starts
        leases = engine.pool.statistics().counts.leases
        await work(engine, 300)
        await until(lambda: not engine.pool.statistics().active)
        after = await at_rest(engine, tasks)
        counts = engine.pool.statistics().counts
        assert counts.leases - leases >= 300
        assert counts.starts - starts >= 40
        assert after == before | {"threads": after["threads"]}
        assert after["threads"] <= before["threads"] + 8  # asyncio's pool of threads grows to its bound and no further
        assert counts.survivors == 0
