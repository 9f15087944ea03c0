"""Level 2: answers kept on disk across engines, compressed, in SQLite on a thread of its own; writes go in batches."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine.base.compression import Damaged, pack, unpack
from engine.base.nursery import Nursery
from engine.cache.memory import NO_LABEL, Label
from engine.store.sqlite import StoreFile, StoreUnusable

T = TypeVar("T")
_Columns = tuple[str, str, str, int, float, float, float, bytes]
BATCH, BATCH_S = 100, 0.2
"""Entries that are written together, or what came within so many seconds."""
PENDING_MOST = 10 * BATCH
"""Entries that wait to be written at most; what comes while the disk holds them up is not kept."""
_TRIM_TO = 0.9
_VALUE_MOST = 64 * 1024**2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, tenant TEXT NOT NULL, tags TEXT NOT NULL, size INTEGER NOT NULL, kept REAL NOT NULL,
    expires REAL NOT NULL, used REAL NOT NULL, value BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used, size, kept);
"""
_PUT = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_FACTS = "SELECT count(*), total(size), min(kept) FROM answers"
_GET = "SELECT value, expires, tenant, tags FROM answers WHERE key = ?"


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """Bounds: bytes in all, seconds that an entry lives when it states no time of its own."""

    max_bytes: int
    ttl: float


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What level 2 holds: entries, bytes, and when the oldest was kept, 0 for none."""

    entries: int = 0
    size: int = 0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A value with its label, and the seconds that it still lives."""

    value: bytes
    label: Label
    left: float


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    value: bytes
    label: Label
    kept: float
    expires: float


class DiskCache:
    """Owner of the file and its thread; times are wall-clock seconds. What the file cannot do costs nobody an answer.

    `notify` hears what happened to the file: that it was damaged and moved aside, or cannot be used.
    """

    def __init__(
        self, path: Path, limits: DiskLimits, wall: Callable[[], float], notify: Callable[[str], None]
    ) -> None:
        self._limits = limits
        self._file = StoreFile(path, "cached answers", _SCHEMA)
        self._wall, self._notify = wall, notify
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="cache")
        self._pending: dict[str, _Row] = {}
        self._touched: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._flushes = Nursery("writes of the cache", lambda name, error: notify(f"{name} failed: {error!r}"))
        self._trims = False
        self._failed = ""
        self.facts = DiskFacts()
        self.hits = self.misses = 0
        self.removed: Counter[str] = Counter()

    @property
    def limits(self) -> DiskLimits:
        """The bounds in force."""
        return self._limits

    def configure(self, limits: DiskLimits) -> None:
        """Other bounds from now on; what is too much goes with the next write, which is soon."""
        self._limits, self._trims = limits, True
        self._write_soon()

    @property
    def oldest(self) -> float:
        """The age in seconds of what was kept first; 0 for an empty level."""
        return self._wall() - self.facts.since if self.facts.entries else 0.0

    async def open(self) -> None:
        """Open the file; one that is damaged is moved aside. Never raises: without its file the level is empty."""
        await self._run(self._file.open)
        await self._run(self._count)

    async def get(self, key: str) -> Kept | None:
        """The value kept under a key, or None."""
        now = self._wall()
        if (row := self._pending.get(key)) is not None and row.expires > now:
            self.hits += 1
            return Kept(row.value, row.label, row.expires - now)
        kept = await self._run(lambda: self.read(key))
        if kept is None:
            self.misses += 1
            return None
        self.hits += 1
        self._touched[key] = now
        self._write_soon()
        return kept

    def put(self, key: str, value: bytes, *, ttl: float | None = None, label: Label = NO_LABEL) -> None:
        """Keep a value; it is read from now on, and written with others within BATCH_S seconds."""
        if len(value) > min(self.limits.max_bytes, _VALUE_MOST):
            return
        if len(self._pending) >= PENDING_MOST and key not in self._pending:
            self.removed["held up"] += 1
            return
        now = self._wall()
        self._pending[key] = _Row(key, value, label, now, now + (self.limits.ttl if ttl is None else ttl))
        self._write_soon()

    async def delete(self, key: str, tenant: str) -> bool:
        """Forget one entry of a tenant; False when it has none of this key."""
        await self.flush()
        return bool(await self._run(lambda: self._remove("key = ? AND tenant = ?", (key, tenant), "deleted")))

    async def clear(self, tenant: str | None = None, tag: str = "") -> int:
        """Forget all, or what a tenant has, or what of it bears a tag; returns how many entries that were."""
        await self.flush()
        where, values = ["1"], list[str]()
        if tenant is not None:
            where, values = [*where, "tenant = ?"], [*values, tenant]
        if tag:
            where, values = [*where, "instr(tags, ?) > 0"], [*values, f"\0{tag}\0"]
        return await self._run(lambda: self._remove(" AND ".join(where), tuple(values), "cleared")) or 0

    async def flush(self) -> None:
        """Write what waits to be written."""
        async with self._writing:
            rows, touched = list(self._pending.values()), dict(self._touched)
            self._touched.clear()
            if not rows and not touched and not self._trims:
                return
            self._trims = False
            await self._run(lambda: self._write(rows, touched))
            for row in rows:
                if self._pending.get(row.key) is row:
                    del self._pending[row.key]

    async def check(self) -> None:
        """Once a second: follow a file that was deleted or replaced; after a failure try whether it is over."""
        await self._run(self._follow)

    async def aclose(self) -> None:
        """Write what waits, and close the file."""
        if self._timer is not None:
            self._timer.cancel()
        await self._flushes.join()
        await self.flush()
        await self._run(self._file.close)
        self.thread.shutdown(wait=False)

    # on the loop

    def _write_soon(self) -> None:
        """Once BATCH entries wait, or after BATCH_S seconds."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_S, self._write_now)
        elif len(self._pending) == BATCH:
            self._timer.cancel()
            self._write_now()

    def _write_now(self) -> None:
        self._timer = None
        self._flushes.spawn(self.flush(), "writes of the cache")

    async def _run(self, work: Callable[[], T]) -> T | None:
        """Do it on the thread; None when the file cannot be used, which is reported once."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.thread, work)
        except (StoreUnusable, OSError) as error:
            if str(error) != self._failed:
                self._failed = str(error)
                self._notify(self._failed)
            return None
        finally:
            self._report()

    def _report(self) -> None:
        while self._file.notices:
            self._notify(self._file.notices.pop(0))
        if not self._file.failure:
            self._failed = ""

    # on the thread

    def _follow(self) -> None:
        before = self._file.generation
        self._file.check()
        if self._file.generation != before:
            self._count()

    def read(self, key: str) -> Kept | None:
        """What the file has; on the cache's thread alone. Raises StoreUnusable."""
        now = self._wall()
        with self._file.errors():
            found = self._file.database.execute(_GET, (key,)).fetchone()
        if found is None:
            return None
        value, expires, tenant, tags = found
        if expires <= now:
            self._remove("key = ?", (key,), "age")
            return None
        try:
            whole = unpack(value, _VALUE_MOST)
        except Damaged:
            self._remove("key = ?", (key,), "damaged")
            return None
        return Kept(whole, Label(tenant, frozenset(tag for tag in tags.split("\0") if tag)), expires - now)

    def _write(self, rows: list[_Row], touched: dict[str, float]) -> None:
        written = [_columns(row) for row in rows]
        entries, size = self.facts.entries + len(written), self.facts.size + sum(each[3] for each in written)
        with self._file.writing() as database:
            held = [self._held(database, written[at : at + BATCH]) for at in range(0, len(written), BATCH)]
            database.executemany(_PUT, written)
            used = [(at, key) for key, at in touched.items()]
            database.executemany("UPDATE answers SET used = ? WHERE key = ?", used)
            replaced = sum(count for count, _size in held)
            since = self.facts.since or min((each[4] for each in written), default=0.0)
            facts = DiskFacts(entries - replaced, size - sum(freed for _count, freed in held), since)
            went = self._trim(database, facts.size) if facts.size > self.limits.max_bytes else 0
            facts = self._counted(database) if went else facts
        self.facts = facts
        for cause, count in (("replaced", replaced), ("room", went)):
            if count:
                self.removed[cause] += count

    def _held(self, database: sqlite3.Connection, written: list[_Columns]) -> tuple[int, int]:
        """How many of these keys had a value before, and how many bytes."""
        marks = ", ".join("?" * len(written))
        question = f"SELECT count(*), total(size) FROM answers WHERE key IN ({marks})"  # noqa: S608 - marks alone
        count, size = database.execute(question, [columns[0] for columns in written]).fetchone()
        return count, int(size)

    def _trim(self, database: sqlite3.Connection, size: int) -> int:
        """What was used longest ago goes, until a tenth of the room is free; how many that were."""
        going: list[tuple[str]] = []
        for key, freed in database.execute("SELECT key, size FROM answers ORDER BY used"):
            if size <= _TRIM_TO * self.limits.max_bytes:
                break
            going.append((key,))
            size -= freed
        database.executemany("DELETE FROM answers WHERE key = ?", going)
        return len(going)

    def _counted(self, database: sqlite3.Connection) -> DiskFacts:
        count, size, since = database.execute(_FACTS).fetchone()
        return DiskFacts(count, int(size), since or 0.0)

    def _remove(self, where: str, values: tuple[str, ...], cause: str) -> int:
        with self._file.writing() as database:
            removed = database.execute(f"DELETE FROM answers WHERE {where}", values).rowcount  # noqa: S608 - our own text
            facts = self._counted(database)
        self.facts = facts
        if removed:
            self.removed[cause] += removed
        return removed

    def _count(self) -> None:
        with self._file.errors():
            self.facts = self._counted(self._file.database)


def _columns(row: _Row) -> _Columns:
    """A row as the table has it; the value is compressed."""
    value = pack(row.value)
    label = row.label
    tags = "".join(f"\0{tag}\0" for tag in sorted(label.tags)) if label.tags else ""
    return row.key, label.tenant, tags, len(value) + len(row.key), row.kept, row.expires, row.kept, value
