"""Who may write a conversation: one engine at a time, by a lease with a fencing epoch.

The reason is hazard H7 of docs/development/hazards.md.

A lease is kept until the process tree of its holder is proven dead. Another engine takes it over only when its engine's
process is gone and nothing carries that engine's tag any more; the epoch rises with every change of hands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.base.errors import ConversationHeld
from engine.store.sqlite import StoreFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversation_leases (
    tenant TEXT NOT NULL,
    conversation TEXT NOT NULL,
    engine TEXT NOT NULL,
    session TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (tenant, conversation)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease_epoch (epoch INTEGER NOT NULL);
INSERT INTO lease_epoch SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000
    WHERE NOT EXISTS (SELECT 1 FROM lease_epoch);
"""
_MINE = "FROM conversation_leases WHERE tenant = ? AND conversation = ? AND engine = ? AND epoch = ?"
_DELETE_MINE = "DELETE " + _MINE
_FIND_MINE = "SELECT 1 " + _MINE


@dataclass(frozen=True, slots=True)
class Holding:
    """The right to write one conversation, with the epoch that fences earlier holders."""

    tenant: str
    conversation: str
    epoch: int


class SqliteLeases:
    """Leases in one SQLite file (WAL), a write in some 40 µs on the caller's thread.

    `gone` proves the death of another engine: its process and everything that carries its tag. Nothing need survive a
    power cut, which ends the processes too, so nothing is synced.
    """

    def __init__(self, path: Path, engine: str, gone: Callable[[str], bool]) -> None:
        self.file = StoreFile(path, "leases of conversations", _SCHEMA, synchronous="OFF")
        self._engine = engine
        self._gone = gone
        self._held: dict[tuple[str, str], tuple[str, int]] = {}
        self._generation = 0

    def open(self) -> None:
        """Open the file, or make it. Raises StoreUnusable."""
        self.file.open()

    def acquire(self, tenant: str, conversation: str, session: str) -> Holding:
        """Take the lease. Raises ConversationHeld."""
        with self._writing() as cursor:
            return self._take(cursor, tenant, conversation, session)

    def move(self, holding: Holding, conversation: str, session: str) -> Holding:
        """Go on to another conversation: the lease of the first is given back."""
        with self._writing() as cursor:
            self._give_back(cursor, holding)
            return self._take(cursor, holding.tenant, conversation, session)

    def release(self, holding: Holding) -> None:
        """Give it back; a lease that has passed to somebody else stays theirs."""
        with self._writing() as cursor:
            self._give_back(cursor, holding)

    def is_current(self, holding: Holding) -> bool:
        """Whether this engine still holds it at this epoch."""
        with self.file.errors():
            _ = self.file.database
        if self.file.generation != self._generation:
            with self._writing():  # writes what is held into the new file
                pass
        with self.file.errors():
            return self.file.database.execute(_FIND_MINE, self._key(holding)).fetchone() is not None

    def forget(self, engine: str) -> int:
        """Give back all that a dead engine held; returns how many conversations. Its death is the caller's to prove."""
        with self._writing() as cursor:
            return cursor.execute("DELETE FROM conversation_leases WHERE engine = ?", (engine,)).rowcount

    def close(self) -> None:
        """Close the file; what is still held stays held until this engine is proven gone."""
        self.file.close()

    def _take(self, cursor: sqlite3.Cursor, tenant: str, conversation: str, session: str) -> Holding:
        found = cursor.execute(
            "SELECT engine, session FROM conversation_leases WHERE tenant = ? AND conversation = ?",
            (tenant, conversation),
        ).fetchone()
        if found is not None:
            self._check_free(conversation, *found)
        (epoch,) = cursor.execute("UPDATE lease_epoch SET epoch = epoch + 1 RETURNING epoch").fetchone()
        row = (tenant, conversation, self._engine, session, epoch)
        cursor.execute("INSERT OR REPLACE INTO conversation_leases VALUES (?, ?, ?, ?, ?)", row)
        self._held[tenant, conversation] = (session, epoch)
        return Holding(tenant, conversation, epoch)

    def _give_back(self, cursor: sqlite3.Cursor, holding: Holding) -> None:
        cursor.execute(_DELETE_MINE, self._key(holding))
        if self._held.get((holding.tenant, holding.conversation), ("", 0))[1] == holding.epoch:
            del self._held[holding.tenant, holding.conversation]

    def _write_again(self, cursor: sqlite3.Cursor) -> None:
        """A file in the place of a damaged or replaced one gets what is held; what others took there is theirs."""
        for (tenant, conversation), (session, epoch) in self._held.items():
            row = (tenant, conversation, self._engine, session, epoch)
            cursor.execute("INSERT OR IGNORE INTO conversation_leases VALUES (?, ?, ?, ?, ?)", row)
        newest = max((epoch for _, epoch in self._held.values()), default=0)
        cursor.execute("UPDATE lease_epoch SET epoch = max(epoch, ?)", (newest,))

    def _check_free(self, conversation: str, engine: str, session: str) -> None:
        if engine == self._engine:
            raise ConversationHeld(f"Session {session} still holds conversation {conversation}.", retryable=True)
        if not self._is_gone(engine):
            raise ConversationHeld(
                f"Engine {engine} holds conversation {conversation}.",
                remedy="Ask that engine, or stop it: one conversation has one writer.",
            )

    def _key(self, holding: Holding) -> tuple[str, str, str, int]:
        return (holding.tenant, holding.conversation, self._engine, holding.epoch)

    def _is_gone(self, engine: str) -> bool:
        """An engine whose processes cannot be looked at is not proven dead."""
        try:
            return self._gone(engine)
        except OSError:
            return False

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        with self.file.writing() as database, closing(database.cursor()) as cursor:
            generation = self.file.generation
            if generation != self._generation:
                self._write_again(cursor)
            yield cursor
        self._generation = generation
