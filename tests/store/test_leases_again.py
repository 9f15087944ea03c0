"""A file of leases that is damaged under the engine forgets nothing that is held."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.errors import ConversationHeld
from engine.store.leases import SqliteLeases


def leases(path: Path, engine: str = "e1") -> SqliteLeases:
    """A store whose other engines all live."""
    store = SqliteLeases(path, engine, gone=lambda _engine: False)
    store.open()
    return store


def damage(store: SqliteLeases, path: Path) -> None:
    """Put something else in the file's place, and let the store find out."""
    for beside in ("", "-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    path.write_bytes(b"this is no database" * 1000)
    store.file.check()
    assert list(path.parent.glob("*.damaged-*"))


def test_what_is_held_is_held_in_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "leases.db"
    first = leases(path)
    held = first.acquire("default", "c1", "s1")
    given_back = first.acquire("default", "c2", "s2")
    first.release(given_back)
    damage(first, path)
    assert first.is_current(held)
    assert not first.is_current(given_back)
    second = leases(path, "e2")
    with pytest.raises(ConversationHeld):
        second.acquire("default", "c1", "s1")
    assert second.acquire("default", "c2", "s1").epoch > given_back.epoch


def test_what_another_engine_took_in_the_new_file_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "leases.db"
    first = leases(path)
    held = first.acquire("default", "c1", "s1")
    for beside in ("", "-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    taken = leases(path, "e2").acquire("default", "c1", "s1")
    first.file.check()
    assert not first.is_current(held)
    assert taken.epoch > held.epoch
