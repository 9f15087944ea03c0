"""Stores and files of the state folder: what cannot be used is told, and used again as soon as it can be."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.events.types import Notice
from engine.requests import Request
from engine.store.conversations import ConversationRow, ConversationStore
from engine.store.sqlite import VERSION, StoreUnusable
from tests.api.serving import serving
from tests.pool.pools import RecordedEvents
from tests.support.engines import running
from tests.support.processes import until

ROW = ConversationRow("/work", named=True, permission_mode="default")


def store_in(folder: Path) -> ConversationStore:
    """A store with one row."""
    store = ConversationStore(folder / "conversations.db")
    store.keep("default", "c1", ROW)
    return store


def test_a_deleted_file_is_written_again_from_what_is_still_open(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    store = store_in(folder)
    shutil.rmtree(folder)
    store.file.check()
    assert "was deleted" in store.file.notices[0]
    store.keep("default", "c2", ROW)
    store.close()
    again = ConversationStore(folder / "conversations.db")
    assert (again.find("default", "c1"), again.find("default", "c2")) == (ROW, ROW)
    again.close()


def test_a_replaced_file_is_read_from_then_on(tmp_path: Path) -> None:
    store = store_in(tmp_path / "a")
    other = store_in(tmp_path / "b")
    other.keep("default", "c9", ROW)
    other.close()
    (tmp_path / "b" / "conversations.db").replace(tmp_path / "a" / "conversations.db")
    for suffix in ("-wal", "-shm"):
        (tmp_path / "a" / f"conversations.db{suffix}").unlink(missing_ok=True)
    store.file.check()
    assert store.find("default", "c9") == ROW
    store.close()


def test_a_file_whose_damage_shows_in_use_is_moved_aside_and_begun_again(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.close()
    path = tmp_path / "conversations.db"
    with closing(sqlite3.connect(path)) as database:  # its head is sound, and what is read at the start
        (size,) = database.execute("PRAGMA page_size").fetchone()
        pages = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'conversations'").fetchall()
    content = bytearray(path.read_bytes())
    for (page,) in pages:
        content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    store = ConversationStore(path)
    with pytest.raises(StoreUnusable, match="malformed") as refusal:
        store.find("default", "c1")
    assert (refusal.value.code, refusal.value.http_status) == ("store_unusable", 503)
    store.file.check()
    assert store.file.failure == ""
    assert store.find("default", "c1") is None
    store.keep("default", "c1", ROW)
    assert len(list(tmp_path.glob("conversations.db.damaged-*"))) == 1
    store.close()


def test_every_file_has_a_version_and_one_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    store_in(tmp_path).close()
    path = tmp_path / "conversations.db"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)
        database.execute(f"PRAGMA user_version={VERSION + 1}")
    before = path.read_bytes()
    later = ConversationStore(path)
    with pytest.raises(StoreUnusable, match="a later release wrote it"):
        later.find("default", "c1")
    assert path.read_bytes() == before
    assert list(tmp_path.glob("*.damaged-*")) == []


async def test_an_unusable_store_is_503_and_not_ready_and_passes_by_itself(home: Path) -> None:
    async with serving(home) as served:
        engine, told = served.engine, RecordedEvents(served.engine)
        leases = engine.locks.file
        leases.database.execute("PRAGMA query_only=1")  # every write fails, as on a disk that is read-only
        answer = await served.http.post("/api/prompts", json={"prompt": "hello"})
        body = answer.json()
        assert (answer.status_code, body["code"]) == (503, "store_unusable")
        assert "engine.state_dir" in body["remedy"]
        assert answer.headers["retry-after"]
        assert any("leases of conversations" in reason for reason in engine.ready())
        await until(lambda: any("leases of conversations cannot be used" in each.text for each in told.of(Notice)))
        leases.database.execute("PRAGMA query_only=0")
        await until(lambda: any("can be used again" in each.text for each in told.of(Notice)))
        assert engine.ready() == []
        assert (await served.http.post("/api/prompts", json={"prompt": "hello"})).status_code == 200
        texts = [each.text for each in told.of(Notice) if "leases of conversations" in each.text]
        assert len(texts) == 2


async def test_the_state_folder_deleted_under_the_engine_is_made_again(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        told = RecordedEvents(engine)
        first = await engine.submit(Request(id="a", prompt="one"))
        shutil.rmtree(tmp_path / "state")
        await until(lambda: sum("was deleted" in each.text for each in told.of(Notice)) >= 4)
        second = await engine.submit(Request(id="b", prompt="two"))
        assert second.text
        assert {path.name for path in (tmp_path / "state").glob("*.db")} >= {"leases.db", "conversations.db"}
        assert first.session
        await until(lambda: engine.ready() == [])


@pytest.mark.parametrize("name", ["leases.db", "learned.db", "approvals.db", "conversations.db"])
async def test_a_damaged_file_never_keeps_the_engine_from_starting(tmp_path: Path, name: str) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / name).write_bytes(b"not a database, and long enough to be read as one" * 100)
    async with running(tmp_path) as engine:
        assert (await engine.submit(Request(id="a", prompt="one"))).text
        assert len(list((tmp_path / "state").glob(f"{name}.damaged-*"))) == 1


async def test_a_damaged_checkpoint_is_moved_aside(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "checkpoints"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "r1.json").write_text("{ half of a che")
    async with running(tmp_path) as engine:
        assert engine.resumption.rows() == []
        assert [path.name.startswith("r1.json.damaged-") for path in folder.iterdir()] == [True]
