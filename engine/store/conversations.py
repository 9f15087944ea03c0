"""What a conversation had when it was used last: its directory and its permission mode, kept across engines."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from engine.store.sqlite import opened, told

MOST = 100_000
"""Conversations that are remembered; at the bound those are forgotten that were recorded first."""
_ROOM = 1_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    conversation TEXT NOT NULL,
    directory TEXT NOT NULL,
    named INTEGER NOT NULL,
    permission_mode TEXT NOT NULL,
    UNIQUE (tenant, conversation)
);
"""
_KEEP = """
INSERT INTO conversations (tenant, conversation, directory, named, permission_mode) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, conversation) DO UPDATE SET
    directory = excluded.directory, named = excluded.named, permission_mode = excluded.permission_mode
RETURNING number
"""
_FIND = "SELECT directory, named, permission_mode FROM conversations WHERE tenant = ? AND conversation = ?"


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """Where a conversation works (empty: in the workspace of its profile), who named that, what its agent may do."""

    directory: str
    named: bool
    permission_mode: str


class ConversationStore:
    """Owner of one SQLite file. Every method raises StoreUnusable when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None

    def keep(self, tenant: str, conversation: str, row: ConversationRow) -> None:
        """Remember a conversation as it is now."""
        with told("directories of conversations", self._path):
            values = (tenant, conversation, row.directory, int(row.named), row.permission_mode)
            (number,) = self._database().execute(_KEEP, values).fetchone()
            if number % _ROOM == 0:
                self._database().execute("DELETE FROM conversations WHERE number <= ?", (number - MOST,))

    def find(self, tenant: str, conversation: str) -> ConversationRow | None:
        """What is remembered of a conversation."""
        with told("directories of conversations", self._path):
            found = self._database().execute(_FIND, (tenant, conversation)).fetchone()
        return ConversationRow(found[0], bool(found[1]), found[2]) if found is not None else None

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = opened(self._path, _SCHEMA)
        return self._opened
