"""Who watches a turn reaches its session, and a fresh session is warmed up while nobody waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.requests import Request
from engine.sessions.outcome import Outcome
from engine.sessions.session import Session
from engine.sessions.turn import TurnOrder
from tests.pool.pools import Conversation
from tests.support.engines import running
from tests.support.processes import until


class Reader:
    """A caller who reads the answer as it grows."""

    def started(self, session: str, conversation: str) -> None: ...

    def delta(self, text: str) -> None: ...

    def dropped(self, size: int) -> None: ...


async def test_a_caller_who_reads_the_stream_is_a_watcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[bool] = []
    run = Session.run

    async def recorded(session: Session, order: TurnOrder) -> Outcome:
        watched.append(order.watched)
        return await run(session, order)

    monkeypatch.setattr(Session, "run", recorded)
    async with running(tmp_path) as engine:
        answer = await engine.submit(Request(prompt="hello"))
        await engine.submit(Request(prompt="again", conversation=answer.conversation), Reader())
    assert watched == [False, True]


async def test_a_read_of_the_transcript_reaches_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(Session, "look_at", lambda session: looked.append(session.id))
    async with running(tmp_path) as engine:
        answer = await Conversation(engine).ask("hello")
        engine.pool.look_at(answer.session)
        engine.pool.look_at("s-unknown")
    assert looked == [answer.session]


async def test_only_a_fresh_session_that_nobody_waits_for_is_warmed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[str] = []
    monkeypatch.setattr(Session, "warm_up", lambda session: warmed.append(session.id))
    async with running(tmp_path, "session_pool.max_size=2") as engine:
        answer = await Conversation(engine).ask("hello")
        engine.pool.scale(2)
        await until(lambda: engine.pool.statistics().idle == 2)
        fresh = engine.pool.sessions.keys() - {answer.session}
        assert set(warmed) == fresh
        await engine.pool.stop_session(answer.session, "test")
        woken = await engine.submit(Request(prompt="back", conversation=answer.conversation))
        assert woken.session not in {answer.session, *warmed}
