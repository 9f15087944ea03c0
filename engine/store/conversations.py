"""What is kept of conversations across engines: where they work and what they may do, and how they went so far."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
CREATE TABLE IF NOT EXISTS conversation_summaries (
    tenant TEXT NOT NULL,
    conversation TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    user TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL DEFAULT 0,
    used REAL NOT NULL DEFAULT 0,
    turns INTEGER NOT NULL DEFAULT 0,
    cost REAL NOT NULL DEFAULT 0,
    last_words TEXT NOT NULL DEFAULT '',
    archived INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, conversation)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS summaries_by_use ON conversation_summaries (tenant, used);
INSERT INTO conversation_summaries (tenant, conversation) SELECT tenant, conversation FROM conversations
WHERE NOT EXISTS (SELECT 1 FROM conversation_summaries);
"""
_KEEP = """
INSERT INTO conversations (tenant, conversation, directory, named, permission_mode) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, conversation) DO UPDATE SET
    directory = excluded.directory, named = excluded.named, permission_mode = excluded.permission_mode
RETURNING number
"""
_KEEP_PROFILE = "INSERT OR REPLACE INTO conversation_profiles (tenant, conversation, profile) VALUES (?, ?, ?)"
_BEGIN_SUMMARY = "INSERT OR IGNORE INTO conversation_summaries (tenant, conversation) VALUES (?, ?)"
_ADD = """
INSERT INTO conversation_summaries (tenant, conversation, title, user, created, used, turns, cost, last_words)
VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)
ON CONFLICT (tenant, conversation) DO UPDATE SET
    title = CASE WHEN title = '' THEN excluded.title ELSE title END,
    user = CASE WHEN excluded.user = '' THEN user ELSE excluded.user END,
    created = CASE WHEN created = 0 THEN excluded.created ELSE created END,
    used = max(used, excluded.used), turns = turns + excluded.turns, cost = cost + excluded.cost,
    last_words = CASE WHEN excluded.last_words = '' THEN last_words ELSE excluded.last_words END,
    archived = archived AND NOT ?9
"""
_TABLES = ("conversations", "conversation_profiles", "conversation_summaries")
_TRIM = """
DELETE FROM {table} WHERE NOT EXISTS (
    SELECT 1 FROM conversations AS known
    WHERE known.tenant = {table}.tenant AND known.conversation = {table}.conversation
)
"""
_ROWS = """
FROM conversation_summaries LEFT JOIN conversations USING (tenant, conversation)
LEFT JOIN conversation_profiles USING (tenant, conversation)
WHERE tenant = ? AND archived = ?
"""
_ALONE = "FROM conversation_summaries WHERE tenant = ? AND archived = ?"
_COLUMNS = """
SELECT tenant, conversation, coalesce(directory, ''), coalesce(permission_mode, ''), coalesce(profile, ''),
    title, user, created, used, turns, cost, last_words, archived
"""
_SEARCHED = ("conversation", "coalesce(profile, '')", "coalesce(directory, '')", "title", "user", "last_words")
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
    """A remembered conversation; times are in seconds since 1970, 0 or empty is what was not recorded."""

    tenant: str
    conversation: str
    directory: str
    permission_mode: str
    profile: str
    title: str
    user: str
    created: float
    used: float
    turns: int
    cost: float
    last_words: str
    archived: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What a turn adds to the summary of its conversation; an empty text changes nothing."""

    at: float
    title: str = ""
    user: str = ""
    turns: int = 0
    cost: float = 0.0
    last_words: str = ""
    revives: bool = False
    """Whether the conversation leaves the archive."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations: of a profile, with a text in one of their fields, among some or without some."""

    archived: bool = False
    profile: str | None = None
    text: str = ""
    among: Collection[str] | None = None
    without: Collection[str] = ()


class ConversationStore:
    """Owner of one SQLite file. Every method raises StoreUnusable when it cannot be used.

    Writing a turn takes 50 us, a page 1 to 5 ms, and a search through 100,000 conversations most of a second.
    """

    def __init__(self, path: Path) -> None:
        self.file = StoreFile(path, "directories of conversations", _SCHEMA)

    def keep(self, tenant: str, conversation: str, row: ConversationRow) -> None:
        """Remember a conversation as it is now."""
        with self.file.errors():
            values = (tenant, conversation, row.directory, int(row.named), row.permission_mode)
            (number,) = self.file.database.execute(_KEEP, values).fetchone()
            self.file.database.execute(_BEGIN_SUMMARY, (tenant, conversation))
            if number % _ROOM == 0:
                self.file.database.execute("DELETE FROM conversations WHERE number <= ?", (number - MOST,))
                for table in _TABLES[1:]:
                    self.file.database.execute(_TRIM.format(table=table))
            if row.profile:
                self.file.database.execute(_KEEP_PROFILE, (tenant, conversation, row.profile))

    def add(self, tenant: str, conversation: str, more: Progress) -> None:
        """Add what a turn brought to the summary of its conversation."""
        values = (more.title, more.user, more.at, more.turns, more.cost, more.last_words, int(more.revives))
        with self.file.errors():
            self.file.database.execute(_ADD, (tenant, conversation, *values))

    def find(self, tenant: str, conversation: str) -> ConversationRow | None:
        """What is remembered of a conversation."""
        with self.file.errors():
            found = self.file.database.execute(_FIND, (tenant, conversation)).fetchone()
        return ConversationRow(found[0], bool(found[1]), found[2]) if found is not None else None

    def page(self, tenant: str, wanted: Wanted, limit: int, offset: int = 0) -> tuple[list[KnownConversation], int]:
        """A page of those that fit, the one used last first, and how many fit; may be called on any thread."""
        with self.file.reading() as reader:
            return _page(reader, tenant, wanted, limit, offset)

    def summary(self, tenant: str, conversation: str) -> KnownConversation | None:
        """One conversation with all that is remembered of it."""
        for archived in (False, True):
            with self.file.errors():
                found, _total = _page(self.file.database, tenant, Wanted(archived, among=(conversation,)), 1, 0)
            if found:
                return found[0]
        return None

    def tenants(self, conversation: str) -> list[str]:
        """Whose conversations have this id."""
        statement = "SELECT tenant FROM conversations WHERE conversation = ?"
        with self.file.errors():
            return [tenant for (tenant,) in self.file.database.execute(statement, (conversation,))]

    def profiles(self) -> list[tuple[str, str]]:
        """Tenant and profile of all conversations that are not archived, each once."""
        statement = """
            SELECT DISTINCT tenant, profile FROM conversation_profiles
            JOIN conversation_summaries USING (tenant, conversation) WHERE NOT archived
        """
        with self.file.errors():
            return [(tenant, profile) for tenant, profile in self.file.database.execute(statement)]

    def change(self, tenant: str, conversation: str, title: str | None, archived: bool | None) -> None:
        """Give a conversation another title, or move it into or out of the archive; None leaves it."""
        statement = """
            UPDATE conversation_summaries SET title = coalesce(?, title), archived = coalesce(?, archived)
            WHERE tenant = ? AND conversation = ?
        """
        with self.file.errors():
            moved = None if archived is None else int(archived)
            self.file.database.execute(statement, (title, moved, tenant, conversation))

    def remove(self, tenant: str, conversation: str) -> None:
        """Forget a conversation."""
        with self.file.writing() as database:
            for table in _TABLES:
                statement = f"DELETE FROM {table} WHERE tenant = ? AND conversation = ?"  # noqa: S608 - our tables
                database.execute(statement, (tenant, conversation))

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _page(
    database: sqlite3.Connection, tenant: str, wanted: Wanted, limit: int, offset: int
) -> tuple[list[KnownConversation], int]:
    where, values = _condition(wanted)
    asked = (tenant, int(wanted.archived), *values)
    order = " ORDER BY used DESC, conversation DESC LIMIT ? OFFSET ?"  # the index's own
    found = [_known(row) for row in database.execute(_COLUMNS + _ROWS + where + order, (*asked, limit, offset))]
    (total,) = database.execute(f"SELECT count(*) {_ROWS if values else _ALONE}{where}", asked).fetchone()
    return found, total


def _known(row: Sequence[Any]) -> KnownConversation:
    known = KnownConversation(*row)
    return replace(known, archived=bool(known.archived))


def _condition(wanted: Wanted) -> tuple[str, list[str]]:
    """The SQL that chooses the rows, after the tenant, with its values."""
    parts: list[str] = []
    values: list[str] = []
    if wanted.profile is not None:
        parts.append("coalesce(profile, '') = ?")
        values.append(wanted.profile)
    if wanted.text:
        parts.append(f"instr(fold({' || char(10) || '.join(_SEARCHED)}), ?)")
        values.append(wanted.text.casefold())
    for names, word in ((wanted.among, "IN"), (wanted.without, "NOT IN")):
        if names is not None and (names or word == "IN"):
            parts.append(f"conversation {word} ({', '.join('?' * len(names))})")
            values += names
    return "".join(f" AND {part}" for part in parts), values
