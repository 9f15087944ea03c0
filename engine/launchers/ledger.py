"""The ledger of engines: lets the next start find what a dead engine left, and only that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from engine.files import private_folder, write_private
from engine.launchers.processes import ENGINE_TAG, ProcessId, alive, boot_id, identify, tagged
from engine.launchers.scratch import short_folder


class LedgerEntry(msgspec.Struct, frozen=True):
    """One engine that ran, or runs, on this machine."""

    engine: str
    pid: int
    started: int
    boot: str
    version: int = 1
    """Of the file's form."""


class Ledger:
    """Owner of `<state>/engines`: one file an engine, and one folder for what only its agents use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def enter(self, engine: str) -> None:
        """Write this process down as the engine's. Raises OSError when the folder cannot be written."""
        private_folder(self._folder)
        me = identify(os.getpid())
        entry = LedgerEntry(engine, os.getpid(), me.started if me else 0, boot_id())
        write_private(self._path(engine), msgspec.json.encode(entry))

    def leave(self, engine: str) -> None:
        """The engine's tree is proven empty: forget it, and what its agents left."""
        shutil.rmtree(self.folder(engine), ignore_errors=True)
        shutil.rmtree(short_folder(engine), ignore_errors=True)
        self._path(engine).unlink(missing_ok=True)

    def folder(self, engine: str) -> Path:
        """Where the engine's agents have what nobody else uses."""
        return self._folder / engine

    def dead_engines(self) -> list[str]:
        """Engines of this folder whose process is gone. Raises OSError when that cannot be seen."""
        return [entry.engine for entry in self._entries() if not _running(entry)]

    def gone(self, engine: str) -> bool:
        """Whether an engine is proven dead: its process is gone, and nothing that runs carries its tag.

        Raises OSError when that cannot be seen.
        """
        running = any(entry.engine == engine and _running(entry) for entry in self._entries())
        return not running and not self.orphans(engine)

    def orphans(self, engine: str) -> list[ProcessId]:
        """Living processes that carry the tag of `engine`."""
        return tagged(lambda tags: tags.get(ENGINE_TAG) == engine)

    def _path(self, engine: str) -> Path:
        return self._folder / f"{engine}.json"

    def _entries(self) -> list[LedgerEntry]:
        """Those that can be read; the others may be a living engine's of another version, so they stay."""
        entries = []
        try:
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 - glob hides what cannot be read
        except FileNotFoundError:
            return []
        for name in names:
            if not name.endswith(".json"):
                continue
            try:
                entries.append(msgspec.json.decode((self._folder / name).read_bytes(), type=LedgerEntry))
            except (FileNotFoundError, msgspec.DecodeError):
                continue
        return entries


def _running(entry: LedgerEntry) -> bool:
    return entry.boot == boot_id() and alive(ProcessId(entry.pid, entry.started))
