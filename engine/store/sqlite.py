"""The engine's small files of SQLite: opened once, readable by their owner alone, and in use again after a failure."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.base.errors import QuarterdeckError
from engine.base.files import move_aside, private_file, private_folder, tighten

_BUSY_S = 2.0
_RETRY_S = 0.005
_RETRIES = 400
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FAR_OFF = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT}
"""What says nothing of the file: another engine writes at the moment."""
_AGAIN_S = 5.0
"""When a caller may try again: the engine looks each second whether the file can be used."""
_REMEDY = "Free disk space, check the disk, or set `engine.state_dir`; the engine uses the file again once it can."
VERSION = 1
"""Of the tables; a file with a greater one was written by a later release."""


class StoreUnusable(QuarterdeckError):
    """A file of the engine's cannot be read or written."""

    code, http_status = "store_unusable", 503


class StoreFile:
    """Owner of the connection to one file. `what` names what it holds, `schema` makes its tables.

    A file that is damaged is moved aside and made again; one that was deleted is written again from the connection that
    is still open. `failure` states why it cannot be used now; `check` finds out when it can. Used on one thread.
    """

    def __init__(self, path: Path, what: str, schema: str, *, synchronous: str = "NORMAL") -> None:
        self.path = path
        self.what = what
        self._schema = schema
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._closed = False
        self.generation = 0
        """How often it was opened: what was read from an earlier connection may be out of date."""
        self.failure = ""
        self.notices: list[str] = []
        """What happened to the file and was not published yet."""

    @property
    def database(self) -> sqlite3.Connection:
        """The connection, opened when it is not. Raises sqlite3.Error, OSError, StoreUnusable after the end."""
        if self._connection is None:
            if self._closed:
                raise StoreUnusable(f"The {self.what} are closed.", remedy="Try again when the engine is back.")
            self._connection = self._opened()
        return self._connection

    def open(self) -> None:
        """Open the file, or make it. Raises StoreUnusable."""
        self._closed = False
        with self.errors():
            self.database.execute("PRAGMA schema_version")

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        self._drop()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What goes wrong with the file within becomes StoreUnusable."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._note(error)
            raise self._unusable(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all that is written within, or nothing. Raises StoreUnusable."""
        with self.errors():
            database = self.database
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Another connection, which only reads, for any thread; its SQL has `fold`, which takes the case away.

        Raises StoreUnusable.
        """
        try:
            with contextlib.closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
                reader.create_function("fold", 1, _fold, deterministic=True)
                yield reader
        except sqlite3.Error as error:  # the owner's thread finds out by itself what is to be done about it
            raise self._unusable(error) from error

    def version(self) -> tuple[int, int]:
        """Changes when another process has written the file, or the file is another one. Raises StoreUnusable."""
        with self.errors():
            (changes,) = self.database.execute("PRAGMA data_version").fetchone()
        return self.generation, changes

    def check(self) -> None:
        """Once a second: follow a file that was deleted or replaced; after a failure try whether it is over.

        Raises OSError when it cannot be seen what is at the path.
        """
        if self._connection is None and not self.failure:
            return
        same = self._inode == _inode_of(self.path)
        try:
            if self._connection is not None and not same:
                self._follow()
            if self.failure:
                self._try_again()
        except StoreUnusable:
            if same:  # a file system that came back may need a new connection; all that was written is in the file
                self._drop()

    def _try_again(self) -> None:
        with self.errors():
            self._prepare(self.database)
        with self.writing() as database:
            database.execute(f"PRAGMA user_version={VERSION}")
        self.failure = ""

    def _follow(self) -> None:
        """The file at our path is not the one that we use."""
        with self.errors():
            before = self._connection
            if _inode_of(self.path) or before is None:
                self._drop()
                _ = self.database
                self.notices.append(f"{self.path} was replaced; the {self.what} are read from the new file")
                return
            self._connection = None
            try:
                copy = self.database
                before.backup(copy)
                before.close()
            except (sqlite3.Error, OSError):
                self._drop()
                self._connection = before  # the only place that still has it
                raise
            self.notices.append(f"{self.path} was deleted; the {self.what} were written to it again")

    def _unusable(self, error: Exception) -> StoreUnusable:
        sentence = f"The {self.what} in {self.path} cannot be used: {error}."
        passing = _code(error) in _FAR_OFF
        remedy = "Another program writes it at the moment: try again." if passing else _REMEDY
        return StoreUnusable(sentence, remedy=remedy, retry_after=_AGAIN_S, retryable=passing)

    def _note(self, error: Exception) -> None:
        code = _code(error)
        if code in _FAR_OFF:
            return
        self.failure = f"the {self.what} cannot be used: {error}"
        if code in _DAMAGED:
            self._drop()
            with contextlib.suppress(OSError):
                self._set_aside(str(error))

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if _code(error) not in _DAMAGED:
                raise
            self._set_aside(str(error))
            return self._connect()

    def _set_aside(self, reason: str) -> None:
        moved = move_aside(self.path)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        text = f"{self.path} was damaged ({reason}): it was moved to {moved.name}, and a new one was begun"
        self.notices.append(text)

    def _connect(self) -> sqlite3.Connection:
        private_folder(self.path.parent)
        for beside in ("-wal", "-shm"):
            tighten(self.path.with_name(self.path.name + beside))
        private_file(self.path)
        database = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        self._inode = _inode_of(self.path)
        self.generation += 1
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.OperationalError(f"a later release wrote it (version {version}, this one reads {VERSION})")
        _use_wal(database)
        database.execute(f"PRAGMA synchronous={self._synchronous}")
        database.executescript(self._schema)
        if version < VERSION:
            database.execute(f"PRAGMA user_version={VERSION}")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _fold(text: str) -> str:
    return text.casefold()


def _code(error: Exception) -> int:
    """The primary result code of SQLite; 0 for another error."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _inode_of(path: Path) -> int:
    """0 when nothing is there. Raises OSError when that cannot be seen."""
    try:
        return path.stat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _use_wal(database: sqlite3.Connection) -> None:
    """Two engines may make the file at once, and a change of the journal does not wait as statements do."""
    for left in reversed(range(_RETRIES)):
        try:
            database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(_RETRY_S)
        else:
            return
