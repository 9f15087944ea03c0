"""What is written down of conversations, turn by turn, also when the store cannot be written for a while."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.text import prompt_title
from engine.events.bus import Bus
from engine.events.types import ForeignTurnEnded, TurnEnded, TurnStarted
from engine.pool.conversation_locks import LocalLocks
from engine.pool.conversation_recorder import LAST_WORDS, ConversationRecorder
from engine.pool.conversations import Conversations
from engine.sessions.transcripts import Transcripts
from engine.store.conversations import ConversationRow, ConversationStore, Wanted
from engine.store.leases import SqliteLeases

ROW = ConversationRow("/work", False, "default", "default")


class Recording:
    """A recorder over a real store and one session that holds conversation `c1`."""

    def __init__(self, folder: Path) -> None:
        self.bus = Bus(ManualClock())
        self.store = ConversationStore(folder / "conversations.db")
        self.locks = SqliteLeases(folder / "leases.db", "e1", lambda _engine: True)
        self.conversations = Conversations(LocalLocks(self.locks), self.bus, self.store)
        self.transcripts = Transcripts(1 << 20)
        self.recorder = ConversationRecorder(self.conversations, self.store, self.transcripts)
        self.bus.listen(self.recorder.follow)

    def turn(self, prompt: str, said: str, cost: float = 0.1) -> None:
        """One turn of user `ana`."""
        self.bus.publish(TurnStarted(request="r", session="s1", user="ana", prompt=prompt))
        self.transcripts.add("s1", 0.0, "user", "", prompt)
        self.transcripts.add("s1", 0.0, "assistant", "", said)
        ended = TurnEnded(request="r", session="s1", ok=True, outcome="answered", duration=1.0, cost=cost)
        self.bus.publish(ended)


@pytest.fixture
async def recording(tmp_path: Path) -> Recording:
    """One whose session holds its conversation."""
    made = Recording(tmp_path)
    made.store.file.open()
    await made.conversations.open("s1", "t", "c1")
    await made.conversations.use("s1", "c1", ROW)
    return made


async def test_turns_add_up_and_the_first_prompt_stays_the_title(recording: Recording) -> None:
    recording.turn("first", "one")
    recording.turn("second", "x" * 500, 0.2)
    recording.bus.publish(ForeignTurnEnded(session="s1", conversation="c1", ok=True, cost=0.3))
    known = recording.store.summary("t", "c1")
    assert known is not None
    assert (known.title, known.user, known.turns, round(known.cost, 6)) == ("first", "ana", 3, 0.6)
    assert known.last_words == "x" * (LAST_WORDS - 1) + "…"
    assert (known.directory, known.profile) == ("/work", "default")


async def test_a_turn_without_words_keeps_those_before(recording: Recording) -> None:
    recording.turn("first", "one")
    recording.bus.publish(TurnStarted(request="r", session="s1", user="", prompt="second"))
    recording.transcripts.add("s1", 0.0, "user", "", "second")
    recording.bus.publish(TurnEnded(request="r", session="s1", ok=False, outcome="failed", duration=1.0))
    known = recording.store.summary("t", "c1")
    assert known is not None
    assert (known.last_words, known.user, known.turns) == ("one", "ana", 2)


async def test_what_a_store_could_not_take_is_written_after_a_later_turn(recording: Recording) -> None:
    blocker = sqlite3.connect(recording.store.file.path, isolation_level=None)
    recording.store.file.database.execute("PRAGMA busy_timeout = 0")
    blocker.execute("BEGIN IMMEDIATE")
    recording.turn("first", "one")
    blocker.execute("ROLLBACK")
    assert recording.store.summary("t", "c1") is not None
    recording.turn("second", "two")
    known = recording.store.summary("t", "c1")
    assert known is not None
    assert (known.title, known.turns, known.last_words) == ("first", 2, "two")
    blocker.close()


async def test_no_secret_is_written_down(recording: Recording) -> None:
    key = "sk-ant-api03-" + "a1B2" * 20
    recording.turn(prompt_title(f"use {key}"), f"export ANTHROPIC_API_KEY={key}")
    known = recording.store.summary("t", "c1")
    assert known is not None
    assert key not in known.title + known.last_words
    assert known.title.startswith("use ")


async def test_a_session_that_holds_nothing_is_nobodys(recording: Recording) -> None:
    recording.bus.publish(TurnStarted(request="r", session="s9", user="ana", prompt="lost"))
    assert recording.store.page("t", Wanted(text="lost"), 10) == ([], 0)


async def test_another_tenant_sees_nothing(recording: Recording) -> None:
    recording.turn("first", "one")
    assert recording.store.page("other", Wanted(), 10) == ([], 0)
    assert recording.store.summary("other", "c1") is None


async def test_a_file_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    path = tmp_path / "conversations.db"
    store = ConversationStore(path)
    store.file.open()
    store.keep("t", "c1", ROW)
    store.close()
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("DROP TABLE conversation_summaries")
    old.close()
    store = ConversationStore(path)
    store.file.open()
    (known,), total = store.page("t", Wanted(), 10)
    assert (known.conversation, known.title, known.turns, total) == ("c1", "", 0, 1)


async def test_pages_filter_in_the_store(recording: Recording) -> None:
    store = recording.store
    for number in range(5):
        store.keep("t", f"d{number}", ConversationRow(f"/folder/{number}", False, "", "ci" if number else "default"))
    store.change("t", "d4", "kept away", True)
    found, total = store.page("t", Wanted(profile="ci"), 2, 1)
    assert ([each.conversation for each in found], total) == (["d2", "d1"], 3)
    assert [each.conversation for each in store.page("t", Wanted(archived=True), 9)[0]] == ["d4"]
    assert [each.conversation for each in store.page("t", Wanted(text="FOLDER/3"), 9)[0]] == ["d3"]
    assert [each.conversation for each in store.page("t", Wanted(among=["d1", "c1"]), 9)[0]] == ["d1", "c1"]
    assert store.page("t", Wanted(among=[]), 9) == ([], 0)
    assert len(store.page("t", Wanted(without=["d1", "c1"]), 9)[0]) == 3
