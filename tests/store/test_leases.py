"""One writer a conversation, across engines: objects and processes race, and only proven death frees a lease."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.base.errors import ConversationHeld
from engine.base.processes import ENGINE_TAG
from engine.launchers.engine_registry import EngineRegistry
from engine.store import sqlite
from engine.store.leases import SqliteLeases
from engine.store.sqlite import StoreUnusable
from tests.support.processes import PATIENCE_S, runs, wait_until

RACER = """
import sys
from pathlib import Path
from engine.base.errors import ConversationHeld
from engine.store.leases import SqliteLeases
path, engine, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = SqliteLeases(path, engine, lambda other: False)
store.open()
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    try:
        store.acquire("t", f"c{number}", "s")
        print(number, flush=True)
    except ConversationHeld:
        pass
"""
HOLDER = """
import subprocess, sys
from pathlib import Path
from engine.launchers.engine_registry import EngineRegistry
from engine.store.leases import SqliteLeases
state, engine = Path(sys.argv[1]), sys.argv[2]
EngineRegistry(state / "engines").enter(engine)
store = SqliteLeases(state / "leases.db", engine, lambda other: False)
store.open()
store.acquire("t", "c1", "s0001")
tool = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(tool.pid, flush=True)
sys.stdin.readline()
"""


@contextmanager
def opened(path: Path, engine: str, gone: Callable[[str], bool] = lambda _engine: False) -> Iterator[SqliteLeases]:
    store = SqliteLeases(path, engine, gone)
    store.open()
    try:
        yield store
    finally:
        store.close()


@contextmanager
def child(program: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that talks by lines."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_of_two_engines_in_one_process_exactly_one_gets_each_conversation(tmp_path: Path) -> None:
    path, names = tmp_path / "leases.db", [f"c{number}" for number in range(100)]

    def wins(engine: str) -> set[str]:
        won = set()
        with opened(path, engine) as store:
            for name in names:
                try:
                    store.acquire("t", name, "s")
                except ConversationHeld:
                    continue
                won.add(name)
        return won

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(wins, ["e1", "e2"])
    assert one | other == set(names)
    assert not one & other


def test_of_two_processes_exactly_one_gets_each_conversation(tmp_path: Path) -> None:
    path, count = tmp_path / "leases.db", 300
    with child(RACER, str(path), "e1", str(count)) as one, child(RACER, str(path), "e2", str(count)) as other:
        for process in (one, other):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        won = [set(map(int, process.communicate(timeout=PATIENCE_S)[0].split())) for process in (one, other)]
    assert won[0] | won[1] == set(range(count))
    assert not won[0] & won[1]


def test_a_living_engine_and_what_it_left_behind_keep_its_lease_until_both_are_dead(tmp_path: Path) -> None:
    ledger, engine = EngineRegistry(tmp_path / "engines"), uuid.uuid4().hex[:12]
    with (
        child(HOLDER, str(tmp_path), engine, **{ENGINE_TAG: engine}) as process,
        opened(tmp_path / "leases.db", "me", ledger.gone) as store,
    ):
        assert process.stdout is not None
        tool = int(process.stdout.readline())
        with pytest.raises(ConversationHeld, match=f"Engine {engine} holds conversation c1") as refusal:
            store.acquire("t", "c1", "s0001")
        assert "stop it" in refusal.value.remedy
        process.kill()
        process.wait()
        with pytest.raises(ConversationHeld, match=engine):
            store.acquire("t", "c1", "s0001")
        os.kill(tool, signal.SIGKILL)
        wait_until(lambda: not runs(tool))
        assert store.is_current(store.acquire("t", "c1", "s0001"))


def test_a_takeover_raises_the_epoch_and_the_stale_holder_sees_it_and_can_harm_nothing(tmp_path: Path) -> None:
    dead: set[str] = set()
    path = tmp_path / "leases.db"
    with opened(path, "old") as old, opened(path, "new", dead.__contains__) as new:
        stale = old.acquire("t", "c1", "s0001")
        with pytest.raises(ConversationHeld, match="Engine old holds"):
            new.acquire("t", "c1", "s0001")
        assert old.is_current(stale)
        dead.add("old")
        mine = new.acquire("t", "c1", "s0001")
        assert mine.epoch > stale.epoch
        assert (old.is_current(stale), new.is_current(mine)) == (False, True)
        old.release(stale)
        assert new.is_current(mine)


def test_within_an_engine_one_session_holds_a_conversation_and_a_release_frees_it(tmp_path: Path) -> None:
    with opened(tmp_path / "leases.db", "me") as store:
        first = store.acquire("t", "c1", "s0001")
        with pytest.raises(ConversationHeld, match="Session s0001 still holds") as refusal:
            store.acquire("t", "c1", "s0002")
        assert refusal.value.retryable
        assert store.acquire("other tenant", "c1", "s0003")
        store.release(first)
        assert store.acquire("t", "c1", "s0002").epoch > first.epoch
        assert not store.is_current(first)


def test_a_move_gives_the_first_conversation_back_or_changes_nothing_at_all(tmp_path: Path) -> None:
    with opened(tmp_path / "leases.db", "me") as store:
        here, there = store.acquire("t", "c1", "s0001"), store.acquire("t", "c2", "s0002")
        with pytest.raises(ConversationHeld):
            store.move(here, "c2", "s0001")
        assert store.is_current(here)
        assert store.is_current(there)
        moved = store.move(here, "c3", "s0001")
        assert store.is_current(moved)
        assert store.acquire("t", "c1", "s0003")


def test_leases_outlive_the_store_that_took_them(tmp_path: Path) -> None:
    path = tmp_path / "leases.db"
    with opened(path, "e1") as store:
        store.acquire("t", "c1", "s0001")
    with opened(path, "e2") as store, pytest.raises(ConversationHeld, match="Engine e1"):
        store.acquire("t", "c1", "s0001")


def test_a_file_that_stays_locked_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_S", 0.02)
    path = tmp_path / "leases.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("CREATE TABLE t (x)")
        stranger.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnusable, match="locked"):
            SqliteLeases(path, "me", lambda _engine: False).open()
        stranger.execute("ROLLBACK")
        with opened(path, "me") as store:
            assert store.is_current(store.acquire("t", "c1", "s0001"))


def test_a_file_that_is_no_database_is_moved_aside_and_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "leases.db"
    path.write_bytes(b"no database at all " * 100)
    with opened(path, "me") as store:
        assert store.is_current(store.acquire("t", "c1", "s0001"))
        (told,) = store.file.notices
    (moved,) = tmp_path.glob("leases.db.damaged-*")
    assert moved.name in told
    assert moved.read_bytes().startswith(b"no database at all")


def test_a_locked_file_is_a_clear_error_that_passes_when_the_lock_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_S", 0.01)
    path = tmp_path / "leases.db"
    with opened(path, "me") as store, closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        held = store.acquire("t", "c1", "s0001")
        stranger.execute("BEGIN IMMEDIATE")
        for attempt in (
            lambda: store.acquire("t", "c2", "s0002"),
            lambda: store.move(held, "c2", "s0001"),
            lambda: store.release(held),
        ):
            with pytest.raises(StoreUnusable, match="locked") as refusal:
                attempt()
            assert refusal.value.retryable
            assert refusal.value.remedy
        assert store.is_current(held)
        stranger.execute("ROLLBACK")
        assert store.acquire("t", "c2", "s0002")


def test_a_file_that_is_damaged_under_the_engine_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "leases.db"
    with opened(path, "me") as store, closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        held = store.acquire("t", "c1", "s0001")
        stranger.execute("DROP TABLE conversation_leases")
        for attempt in (lambda: store.is_current(held), lambda: store.acquire("t", "c2", "s0002")):
            with pytest.raises(StoreUnusable, match="no such table"):
                attempt()


def test_a_stopped_engine_s_store_refuses(tmp_path: Path) -> None:
    with opened(tmp_path / "leases.db", "me") as store:
        held = store.acquire("t", "c1", "s0001")
        store.close()
        with pytest.raises(StoreUnusable, match="are closed"):
            store.is_current(held)
