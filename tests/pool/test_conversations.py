"""Conversations outlive their processes: hibernation, wakes, and at most one writer, whatever goes wrong."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.base.errors import ConversationHeld
from engine.engine import Engine
from engine.events.types import ConversationHibernated, ConversationWoken, Notice
from engine.store import sqlite as store
from engine.store.leases import SqliteLeases
from engine.store.sqlite import StoreUnusable
from tests.pool.pools import MANY, Conversation, RecordedEvents, profile
from tests.pool.test_crashes import most_at_once
from tests.support.engines import running
from tests.support.operations import stop_session
from tests.support.processes import until


def said(engine: Engine, conversation: str) -> int:
    """Lines of a conversation on disk."""
    path = engine.backend.transcript(profile(engine), conversation)
    return len(path.read_text().splitlines()) if path is not None else 0


async def test_twelve_conversations_on_three_processes_keep_their_history(tmp_path: Path) -> None:
    sizes = ("session_pool.max_size=3", "session_pool.max_starting=3", "session_pool.max_waking=2")
    async with running(tmp_path, *sizes) as engine:
        talk = Conversation(engine)
        conversations = await talk.conversations(12)
        told = RecordedEvents(engine)
        for count in (2, 3):
            answers = await asyncio.gather(*(talk.ask("[[history]]", conversation) for conversation in conversations))
            assert {answer.text.split(",")[0] for answer in answers} == {f"History: {count} user messages"}
            assert [answer.conversation for answer in answers] == conversations
        assert len(engine.pool.members) <= 3
        assert most_at_once(told) <= 2
        counts = engine.pool.statistics().counts
        assert counts.wakes == len(told.of(ConversationWoken)) >= 18
        assert counts.hibernations >= len(told.of(ConversationHibernated)) > 0
        assert counts.hibernations - counts.wakes == engine.pool.statistics().hibernated == 12 - 3
        assert engine.pool.statistics().wake.p50 > 0


async def test_fresh_requests_reuse_one_turn_conversations_and_spare_one_that_is_gone_on_with(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "session_pool.max_size=3") as engine:
        talk = Conversation(engine)
        (loyal,) = await talk.conversations(1, turns=2)
        for _ in range(10):
            await talk.ask("one-shot")
        statistics = engine.pool.statistics()
        assert (statistics.counts.starts, statistics.counts.wakes) == (2, 0)
        assert (await talk.ask("[[history]]", loyal)).text.startswith("History: 3 user messages")
        assert engine.pool.statistics().counts.wakes == 0


async def test_a_wake_is_no_reuse_and_no_affinity_hit(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        await talk.ask("somebody else")
        await talk.ask("again", first.conversation)
        counts = engine.pool.statistics().counts
        assert (counts.leases, counts.reuses, counts.affinity_hits, counts.wakes) == (3, 1, 0, 1)
        await talk.ask("again", first.conversation)
        counts = engine.pool.statistics().counts
        assert (counts.reuses, counts.affinity_hits) == (2, 1)


async def test_a_waiter_whose_session_starts_has_no_second_one_started_by_what_happens_meanwhile(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, *MANY) as engine:
        talk = Conversation(engine)
        await talk.conversations(1, turns=2)
        waiting = talk.begin("fresh")
        await until(lambda: engine.pool.statistics().starting)
        for _ in range(5):
            engine.pool.reconcile()
        await waiting
        assert engine.pool.statistics().counts.starts == 2


async def test_a_request_cancelled_while_it_clears_a_session_harms_no_conversation(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        session = engine.pool.session(first.session)
        fresh = talk.begin("fresh")
        while not session.busy:
            await asyncio.sleep(0)
        fresh.cancel()
        await asyncio.wait([fresh])
        again = await talk.ask("[[history]]", first.conversation)
        assert again.text.startswith("History: 2 user messages")
        assert again.conversation == first.conversation


async def test_a_user_who_clears_by_hand_gets_a_new_conversation_and_the_old_one_keeps_its_history(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        cleared = await talk.ask("/clear", first.conversation, commands=True)
        assert cleared.conversation != first.conversation
        again = await talk.ask("[[history]]", first.conversation)
        assert again.text.startswith("History: 2 user messages")


async def test_a_conversation_moves_to_another_profile_with_its_history(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "profiles={big: {}}") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        folder = engine.backend.transcript(profile(engine), first.conversation)
        assert folder is not None
        moved = Path(str(folder).replace("/default/default/", "/default/big/"))
        moved.parent.mkdir(parents=True)
        moved.write_bytes(folder.read_bytes())
        again = await talk.ask("[[history]]", first.conversation, profile="big")
        assert again.text.startswith("History: 2 user messages")
        assert first.session not in engine.pool.sessions


async def test_two_engines_never_write_one_conversation(tmp_path: Path) -> None:
    state = f"engine.state_dir={tmp_path / 'state'}"
    async with running(tmp_path / "b", state, "retry.max_attempts=1") as other:
        async with running(tmp_path / "a", state) as engine:
            first = await Conversation(engine).ask("one")
            with pytest.raises(ConversationHeld, match=f"Engine {engine.id} holds conversation") as refusal:
                await Conversation(other).ask("two", first.conversation)
            assert "one conversation has one writer" in refusal.value.remedy
            assert other.pool.members == {}
            before = said(engine, first.conversation)
        again = await Conversation(other).ask("[[history]]", first.conversation)
        assert again.text.startswith("History: 2 user messages")
        assert said(other, first.conversation) > before


async def test_a_holder_that_was_overtaken_writes_no_more_and_is_replaced(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        before = said(engine, first.conversation)
        thief = SqliteLeases(engine.settings.engine.state_dir / "leases.db", "thief", lambda _engine: True)
        thief.open()
        taken = thief.acquire("default", first.conversation, "s9999")
        with pytest.raises(ConversationHeld, match="Another engine took conversation"):
            await talk.ask("two", first.conversation)
        assert said(engine, first.conversation) == before
        await until(lambda: first.session not in engine.pool.sessions)
        assert thief.is_current(taken)
        thief.close()


async def test_a_locked_lease_file_fails_requests_clearly_and_everything_goes_on_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_BUSY_S", 0.01)
    async with running(tmp_path, "session_pool.max_size=1", "retry.max_attempts=1") as engine:
        talk, told = Conversation(engine), RecordedEvents(engine)
        first = await talk.ask("one")
        path = engine.settings.engine.state_dir / "leases.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnusable, match="locked"):
                await talk.ask("fresh")
            await until(lambda: first.session not in engine.pool.sessions)
            assert "locked" in told.of(Notice)[0].text
            stranger.execute("ROLLBACK")
        assert (await talk.ask("[[history]]", first.conversation)).text.startswith("History: 2 user messages")


async def test_a_conversation_whose_tree_will_not_die_stays_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, "retry.max_attempts=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        monkeypatch.setattr(type(engine.containment), "end_session", _stuck(engine.containment.end_session))
        await stop_session(engine, first.session, "test")
        assert engine.pool.statistics().counts.survivors == 1
        with pytest.raises(ConversationHeld, match=f"Session {first.session} still holds"):
            await talk.ask("two", first.conversation)
        monkeypatch.undo()


def _stuck(really: object) -> object:
    """Ends the session, and says that one process of it is still there."""

    async def end_session(self: object, session: str, known: object, grace: float) -> list[object]:
        assert callable(really)
        await really(session, known, grace)
        return [type("Stuck", (), {"pid": 1})()]

    return end_session
