"""Grants and the record of who answered what, in one SQLite file of the state folder; both outlive the engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine.approvals.grants import Grant, Place
from engine.base.clock import Clock
from engine.base.errors import NotFound
from engine.store.sqlite import StoreFile

MAX_GRANTS = 10_000
"""Grants kept; the oldest goes first."""
MAX_ANSWERS = 100_000
"""Answers kept in the record; the oldest go first."""
SEEN = 999
"""Earlier answers that are counted for one action."""
_TRIM_EVERY = 256
_DIGITS = 18
_SCHEMA = """
CREATE TABLE IF NOT EXISTS grants (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    workspace TEXT NOT NULL,
    conversation TEXT NOT NULL,
    tool TEXT NOT NULL,
    "group" TEXT NOT NULL,
    action TEXT NOT NULL,
    risk TEXT NOT NULL,
    "by" TEXT NOT NULL,
    at REAL NOT NULL,
    expires REAL NOT NULL,
    UNIQUE (tenant, profile, workspace, conversation, "group")
);
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    permission TEXT NOT NULL,
    session TEXT NOT NULL,
    conversation TEXT NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    tool TEXT NOT NULL,
    "group" TEXT NOT NULL,
    action TEXT NOT NULL,
    risk TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    how TEXT NOT NULL,
    "by" TEXT NOT NULL,
    asked_at REAL NOT NULL,
    at REAL NOT NULL,
    scope TEXT NOT NULL,
    expires REAL NOT NULL,
    message TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS edits (number INTEGER PRIMARY KEY, asked TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answers_by_group ON answers ("group", number) WHERE how = 'person';
"""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the record: `how` is person, grant, deadline or engine, `by` who or which.

    Times are in seconds since 1970. `edited_from` is the action asked for, where a person allowed another in its place.
    """

    permission: str
    session: str
    conversation: str
    tenant: str
    profile: str
    tool: str
    group: str
    action: str
    risk: str
    allowed: bool
    how: str
    by: str
    asked_at: float
    at: float
    scope: str = "once"
    expires: float = 0.0
    message: str = ""
    edited_from: str = ""


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A grant before it has its number."""

    place: Place
    tool: str
    group: str
    action: str
    risk: str
    by: str
    expires: float


_KEPT = tuple(name for name in Answered.__struct_fields__ if name != "edited_from")
_COLUMNS = ", ".join(f'"{name}"' for name in _KEPT)
_GRANT_COLUMNS = ", ".join(f'"{name}"' for name in Grant.__struct_fields__ if name != "id")


class ApprovalStore:
    """Owner of the grants and of the record; used on one thread. Another engine's changes are noticed."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.file = StoreFile(path, "approvals", _SCHEMA)
        self._clock = clock
        self._version = (0, -1)
        self._grants: dict[tuple[Place, str], Grant] = {}
        self._since_trim = 0

    def open(self) -> None:
        """Open the file, or make it. Raises StoreUnusable."""
        self.file.open()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def granted(self, place: Place, group: str) -> Grant | None:
        """The living grant for an action at a place: the conversation's own, or the profile's. Raises StoreUnusable."""
        self._refresh()
        now = self._clock.wall()
        for at in dict.fromkeys((place, Place(place.tenant, place.profile, place.workspace))):
            found = self._grants.get((at, group))
            if found is not None and found.expires > now:
                return found
        return None

    def grants(self, tenant: str | None = None) -> list[Grant]:
        """Those that live, of this tenant alone where it is given, oldest first. Raises StoreUnusable."""
        self._refresh()
        now = self._clock.wall()
        return [grant for grant in self._grants.values() if grant.expires > now and tenant in {None, grant.tenant}]

    def keep(self, answers: Sequence[Answered], grant_requests: Sequence[GrantRequest] = ()) -> list[Grant]:
        """Write answers into the record, and grants, all or none; returns the grants. Raises StoreUnusable."""
        with self.file.writing():
            for answer in answers:
                self._record(answer)
            made = [self._insert(grant_request) for grant_request in dict.fromkeys(grant_requests)]
            self._trim(len(answers), made)
        if made:
            self._version = (0, -1)
        return made

    def revoke(self, grant: str, tenant: str | None = None) -> Grant:
        """Take a grant back, one of this tenant alone where it is given. Raises NotFound, StoreUnusable."""
        found = next((each for each in self.grants(tenant) if each.id == grant), None)
        if found is not None:
            with self.file.errors():
                self._execute("DELETE FROM grants WHERE number = ?", _number(grant))
            self._version = (0, -1)
            return found
        remedy = "It was revoked or has expired; `quarterdeck permissions grants` lists those that live."
        raise NotFound(f"There is no grant {grant!r}.", field="id", remedy=remedy)

    def history(
        self, limit: int, offset: int, group: str = "", tenant: str | None = None
    ) -> tuple[list[Answered], int]:
        """A page of the record, of a group and a tenant where they are given, newest first, and how many there are.

        Raises StoreUnusable.
        """
        with self.file.errors():
            given = {'"group" = ?': group, "tenant = ?": tenant or ""}
            values = [value for value in given.values() if value]
            tests = " AND ".join(test for test, value in given.items() if value)
            where = f"WHERE {tests}" if tests else ""
            (total,) = self._execute(f"SELECT count(*) FROM answers {where}", *values).fetchone()  # noqa: S608 - ours
            asked = "coalesce((SELECT asked FROM edits WHERE edits.number = answers.number), '')"
            page = f"SELECT {_COLUMNS}, {asked} FROM answers {where} ORDER BY number DESC LIMIT ? OFFSET ?"  # noqa: S608 - ours
            rows = self._execute(page, *values, limit, offset).fetchall()
        return [_answered(row) for row in rows], total

    def seen(self, group: str) -> tuple[int, int]:
        """How often people allowed and denied an action, of the last SEEN times. Raises StoreUnusable."""
        with self.file.errors():
            allowed, denied = self._execute(
                "SELECT coalesce(sum(allowed), 0), coalesce(sum(1 - allowed), 0) FROM (SELECT allowed FROM answers"
                """ WHERE "group" = ? AND how = 'person' ORDER BY number DESC LIMIT ?)""",
                group,
                SEEN,
            ).fetchone()
        return allowed, denied

    def _record(self, answer: Answered) -> None:
        marks = ", ".join("?" for _ in _KEPT)
        values = (getattr(answer, name) for name in _KEPT)
        number = self._execute(f"INSERT INTO answers ({_COLUMNS}) VALUES ({marks})", *values).lastrowid  # noqa: S608 - ours
        if answer.edited_from:
            self._execute("INSERT OR REPLACE INTO edits VALUES (?, ?)", number, answer.edited_from)

    def _insert(self, grant_request: GrantRequest) -> Grant:
        place, now = grant_request.place, self._clock.wall()
        where = (place.tenant, place.profile, place.workspace, place.conversation)
        row = (
            *where,
            grant_request.tool,
            grant_request.group,
            grant_request.action,
            grant_request.risk,
            grant_request.by,
            now,
            grant_request.expires,
        )
        marks = ", ".join("?" for _ in row)
        statement = f"INSERT OR REPLACE INTO grants ({_GRANT_COLUMNS}) VALUES ({marks})"  # noqa: S608 - ours
        return _grant((self._execute(statement, *row).lastrowid, *row))

    def _trim(self, answers: int, made: Sequence[Grant]) -> None:
        if made:
            self._execute("DELETE FROM grants WHERE expires <= ?", self._clock.wall())
            newest = "SELECT number FROM grants ORDER BY number DESC LIMIT ?"
            self._execute(f"DELETE FROM grants WHERE number NOT IN ({newest})", MAX_GRANTS)  # noqa: S608 - ours
        self._since_trim += answers
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            self._execute("DELETE FROM answers WHERE number <= (SELECT max(number) FROM answers) - ?", MAX_ANSWERS)
            self._execute("DELETE FROM edits WHERE number < (SELECT min(number) FROM answers)")

    def _refresh(self) -> None:
        version = self.file.version()
        if version == self._version:
            return
        with self.file.errors():
            rows = self._execute(f"SELECT number, {_GRANT_COLUMNS} FROM grants ORDER BY number").fetchall()  # noqa: S608
        self._version = version
        self._grants = {(grant.place, grant.group): grant for grant in map(_grant, rows)}

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self.file.database.execute(statement, values)


def _number(grant: str) -> int:
    number = grant.removeprefix("g")
    return int(number) if number.isascii() and number.isdigit() and len(number) <= _DIGITS else -1


def _grant(row: Sequence[Any]) -> Grant:
    named = dict(zip(Grant.__struct_fields__, row, strict=True))
    return Grant(**{**named, "id": f"g{named['id']}"})


def _answered(row: Sequence[Any]) -> Answered:
    named = dict(zip(Answered.__struct_fields__, row, strict=True))
    return Answered(**{**named, "allowed": bool(named["allowed"])})
