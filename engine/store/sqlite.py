"""How the engine's own small files of SQLite are opened: by one writer at a time, readable by its owner alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import QuarterdeckError

_BUSY_S = 2.0


class StoreUnusable(QuarterdeckError):
    """A file of the engine's cannot be read or written."""

    code, http_status = "store_unusable", 503


def opened(path: Path, schema: str) -> sqlite3.Connection:
    """The file with these tables, made where it is not there. Raises sqlite3.Error, OSError.

    A write is safe against a crash of the process, not against one of the machine.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.executescript(schema)
    return database


@contextmanager
def told(what: str, path: Path) -> Iterator[None]:
    """What goes wrong with the file within becomes StoreUnusable; `what` names what it holds."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        remedy = "Check the disk, move that file away, or set `engine.state_dir`."
        raise StoreUnusable(f"The {what} in {path} cannot be used: {error}.", remedy=remedy) from error
