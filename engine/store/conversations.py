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
CREATE TABLE IF NOT EXISTS conversation_profiles (
    tenant TEXT NOT NULL,
    conversation TEXT NOT NULL,
    profile TEXT NOT NULL,
    PRIMARY KEY (tenant, conversation)
) WITHOUT ROWID;
"""
_KEEP = """
INSERT INTO conversations (tenant, conversation, directory, named, permission_mode) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, conversation) DO UPDATE SET
    directory = excluded.directory, named = excluded.named, permission_mode = excluded.permission_mode
RETURNING number
"""
_KEEP_PROFILE = "INSERT OR REPLACE INTO conversation_profiles (tenant, conversation, profile) VALUES (?, ?, ?)"
_TRIM_PROFILES = """
DELETE FROM conversation_profiles WHERE NOT EXISTS (
    SELECT 1 FROM conversations AS known
    WHERE known.tenant = conversation_profiles.tenant AND known.conversation = conversation_profiles.conversation
)
"""
_ALL = """
SELECT tenant, conversation, directory, permission_mode, coalesce(profile, '') FROM conversations
LEFT JOIN conversation_profiles USING (tenant, conversation) ORDER BY number DESC
"""
_FIND = "SELECT directory, named, permission_mode FROM conversations WHERE tenant = ? AND conversation = ?"


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """Where a conversation works (empty: in the workspace of its profile), who named that, what its agent may do."""

    directory: str
    named: bool
    permission_mode: str
    profile: str = ""


@dataclass(frozen=True, slots=True)
class KnownConversation:
    """A remembered conversation; `profile` is empty where it was not recorded."""

    tenant: str
    conversation: str
    directory: str
    permission_mode: str
    profile: str


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
                self.file.database.execute(_TRIM_PROFILES)
            if row.profile:
                self.file.database.execute(_KEEP_PROFILE, (tenant, conversation, row.profile))

    def find(self, tenant: str, conversation: str) -> ConversationRow | None:
        """What is remembered of a conversation."""
        with self.file.errors():
            found = self.file.database.execute(_FIND, (tenant, conversation)).fetchone()
        return ConversationRow(found[0], bool(found[1]), found[2]) if found is not None else None

    def all(self) -> list[KnownConversation]:
        """Every remembered conversation, the one recorded last first."""
        with self.file.errors():
            return [KnownConversation(*row) for row in self.file.database.execute(_ALL)]

    def remove(self, tenant: str, conversation: str) -> None:
        """Forget a conversation."""
        with self.file.writing() as database:
            for table in ("conversations", "conversation_profiles"):
                statement = f"DELETE FROM {table} WHERE tenant = ? AND conversation = ?"  # noqa: S608 - our tables
                database.execute(statement, (tenant, conversation))

    def close(self) -> None:
        """Close the file."""
        self.file.close()
