"""The ledger of engines: lets the next start find what a dead engine left, and only that."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.base.files import private_folder, write_private
from engine.base.processes import ENGINE_TAG, ProcessId, alive, boot_id, identify, tagged
from engine.launchers.scratch import short_folder


class RegisteredEngine(msgspec.Struct, frozen=True):
    """One engine that ran, or runs, on this machine."""

    engine: str
    pid: int
    started: int
    boot: str
    version: int = 1
    """Of the file's form."""


class _Untagged(msgspec.Struct, frozen=True):
    """Processes of an engine's sessions that carry no tag, as pid and start time."""

    boot: str
    processes: list[tuple[int, int]]


class EngineRegistry:
    """Owner of `<state>/engines`: an engine's entry, its processes without a tag, and a folder that its agents use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()
        self._left: set[str] = set()

    def enter(self, engine: str) -> None:
        """Write this process down as the engine's. Raises OSError when the folder cannot be written."""
        private_folder(self._folder)
        me = identify(os.getpid())
        entry = RegisteredEngine(engine, os.getpid(), me.started if me else 0, boot_id())
        path = self._path(engine)
        _write(path, entry)

    def record_untagged(self, engine: str, processes: Iterable[ProcessId]) -> None:
        """Write down what the next start could not find by its tag, from any thread. Raises OSError."""
        with self._writing:
            if engine not in self._left:  # its file would stay for ever
                _write(self._strays(engine), _Untagged(boot_id(), [(each.pid, each.started) for each in processes]))

    def leave(self, engine: str) -> None:
        """The engine's tree is proven empty: forget it, and what its agents left."""
        shutil.rmtree(self.folder(engine), ignore_errors=True)
        shutil.rmtree(short_folder(engine), ignore_errors=True)
        with self._writing:
            self._left.add(engine)
            self._strays(engine).unlink(missing_ok=True)
        self._path(engine).unlink(missing_ok=True)

    def folder(self, engine: str) -> Path:
        """Where the engine's agents have what nobody else uses."""
        return self._folder / engine

    def dead_engines(self) -> list[str]:
        """Engines of this folder whose process is gone. Raises OSError when that cannot be seen."""
        return [entry.engine for entry in self._entries() if not _running(entry)]

    def process_of(self, engine: str) -> ProcessId | None:
        """The process of an engine of this folder that runs. Raises OSError when that cannot be seen."""
        entry = next((each for each in self._entries() if each.engine == engine and _running(each)), None)
        return ProcessId(entry.pid, entry.started) if entry is not None else None

    def gone(self, engine: str) -> bool:
        """Whether an engine is proven dead: its process is gone, and nothing that runs carries its tag.

        Raises OSError when that cannot be seen.
        """
        running = any(entry.engine == engine and _running(entry) for entry in self._entries())
        return not running and not self.orphans(engine)

    def orphans(self, engine: str) -> list[ProcessId]:
        """Living processes that carry the tag of `engine`, or that it wrote down. Raises OSError."""
        found = tagged(lambda tags: tags.get(ENGINE_TAG) == engine)
        return list(dict.fromkeys([*found, *filter(alive, self.untagged(engine))]))

    def untagged(self, engine: str) -> list[ProcessId]:
        """What an engine wrote down of its sessions' processes without a tag. Raises OSError."""
        try:
            kept = msgspec.json.decode(self._strays(engine).read_bytes(), type=_Untagged)
        except (FileNotFoundError, msgspec.DecodeError):
            return []
        return [ProcessId(*each) for each in kept.processes] if kept.boot == boot_id() else []

    def _strays(self, engine: str) -> Path:
        return self._folder / f"{engine}.strays"

    def _path(self, engine: str) -> Path:
        return self._folder / f"{engine}.json"

    def _entries(self) -> list[RegisteredEngine]:
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
                entries.append(msgspec.json.decode((self._folder / name).read_bytes(), type=RegisteredEngine))
            except (FileNotFoundError, msgspec.DecodeError):
                continue
        return entries


def _write(path: Path, content: msgspec.Struct) -> None:
    write_private(path, msgspec.json.encode(content))


def _running(entry: RegisteredEngine) -> bool:
    return entry.boot == boot_id() and alive(ProcessId(entry.pid, entry.started))
