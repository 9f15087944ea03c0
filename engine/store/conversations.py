"""What a conversation had when it was used last: its directory and its permission mode, kept across engines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.store.sqlite import StoreFile

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
        self.file = StoreFile(path, "directories of conversations", _SCHEMA)

    def keep(self, tenant: str, conversation: str, row: ConversationRow) -> None:
        """Remember a conversation as it is now."""
        with self.file.errors():
            values = (tenant, conversation, row.directory, int(row.named), row.permission_mode)
            (number,) = self.file.database.execute(_KEEP, values).fetchone()
            if number % _ROOM == 0:
                self.file.database.execute("DELETE FROM conversations WHERE number <= ?", (number - MOST,))

    def find(self, tenant: str, conversation: str) -> ConversationRow | None:
        """What is remembered of a conversation."""
        with self.file.errors():
            found = self.file.database.execute(_FIND, (tenant, conversation)).fetchone()
        return ConversationRow(found[0], bool(found[1]), found[2]) if found is not None else None

    def close(self) -> None:
        """Close the file."""
        self.file.close()
