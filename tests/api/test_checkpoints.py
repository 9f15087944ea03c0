"""Requests that a shutdown broke off: listed, resumed in their conversation, given up, expired."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.engine import Engine
from engine.tasks.checkpoints import Checkpoint
from tests.api.serving import Served, serving
from tests.pool.pools import Conversation
from tests.support.engines import running
from tests.support.processes import until

SLOW = "[[words: 400]] [[pace: 50ms]]"


async def broken_off(folder: Path) -> tuple[str, str]:
    """The request and the conversation of a turn that a shutdown ended."""
    async with running(folder, "engine.grace=0s") as engine:
        talk = Conversation(engine)
        first = await talk.ask("[[reply: one]] hello")
        turn = talk.begin(SLOW, first.conversation)
        await until(lambda: any(flight.text for flight in engine.dispatcher.active_requests.values()))
        await engine.drain("test")
        await asyncio.wait([turn])
        return "talk-2", first.conversation


def keep(engine: Engine, request: str, prompt: str, **fields: object) -> None:
    """A checkpoint as a shutdown leaves it."""
    given = {
        "reason": "test",
        "at": engine.clock.wall(),
        "profile": "default",
        "tenant": "default",
        "user": "",
        **fields,
    }
    engine.checkpoints.save(Checkpoint(request=request, prompt=prompt, **given))  # type: ignore[arg-type]


async def test_what_a_shutdown_broke_off_is_listed_and_resumed_in_its_conversation(tmp_path: Path) -> None:
    request, conversation = await broken_off(tmp_path)
    async with running(tmp_path) as engine:
        (row,) = engine.resumption.rows()
        assert (row.checkpoint.request, row.checkpoint.conversation) == (request, conversation)
        assert row.checkpoint.partial
        keep(engine, request, "[[history]]", conversation=conversation)  # a shorter prompt, that shows the history
        assert engine.resumption.resume(request) == request
        assert engine.resumption.rows()[0].resuming
        await until(lambda: not engine.resumption.rows())
        assert engine.bus.state.totals.answered == 1
        assert engine.bus.state.totals.failed == 0
        assert [session.conversation for session in engine.pool.sessions.values()] == [conversation]


async def test_at_the_start_they_are_resumed_when_the_settings_say_so(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        keep(engine, "r1", "[[reply: done]]")
    async with running(tmp_path, "recovery.resume_on_start=true") as engine:
        await until(lambda: not engine.resumption.rows())
        assert engine.bus.state.totals.answered == 1


async def test_they_expire_at_the_age_in_the_settings(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        keep(engine, "old", "x", at=engine.clock.wall() - 3601)
        keep(engine, "young", "x")
    async with running(tmp_path, "recovery.checkpoint_expiry=1h") as engine:
        assert [row.checkpoint.request for row in engine.resumption.rows()] == ["young"]
        engine.live.propose({"recovery.checkpoint_expiry": "0s"}, "test")
        assert engine.resumption.rows()[0].expires_at is None


async def test_over_http_they_are_listed_resumed_and_deleted(served: Served) -> None:
    keep(served.engine, "r1", "[[reply: done]]")
    keep(served.engine, "r2", "x")
    rows = (await served.data("GET", "/api/checkpoints"))["checkpoints"]
    assert [(row["request"], row["resuming"]) for row in rows] == [("r1", False), ("r2", False)]
    assert rows[0]["expires_at"] > rows[0]["at"]
    assert await served.data("POST", "/api/checkpoints/r1/resume", None, 202) == {"request": "r1"}
    assert await served.data("DELETE", "/api/checkpoints/r2") == {"deleted": "r2"}
    await until(lambda: not served.engine.resumption.rows())
    assert await served.refusal("POST", "/api/checkpoints/r9/resume", None) == (404, "not_found", "id")
    assert await served.refusal("DELETE", "/api/checkpoints/r9", None) == (404, "not_found", "id")


async def test_a_read_only_engine_resumes_and_deletes_nothing(home: Path) -> None:
    async with serving(home, "engine.read_only=true") as served:
        keep(served.engine, "r1", "x")
        assert (await served.refusal("POST", "/api/checkpoints/r1/resume", None))[0] == 403
        assert (await served.refusal("DELETE", "/api/checkpoints/r1", None))[0] == 403
