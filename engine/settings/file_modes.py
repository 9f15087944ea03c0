"""Which of the engine's own files others of this machine can read or write: they are 0600 in folders of 0700."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from engine.settings.catalogue import find
from engine.settings.schema import Settings

MOST = 20_000
"""Files that are looked at."""
_OF_AGENTS = frozenset({"workspaces", "homes"})
"""Folders of the state folder that agents fill, with the operator's umask; the folder itself is closed."""
_ENGINES = "engines"


def open_to_others(settings: Settings, origins: Mapping[str, str]) -> list[tuple[Path, int]]:
    """Path and mode of each file or folder of ours on which group or others have a right."""
    seen: dict[Path, int] = {}
    for path in (*_below(settings.engine.state_dir), *_beside(settings), *_with_secrets(origins)):
        try:
            facts = path.lstat()
        except OSError:
            continue
        mode = stat.S_IMODE(facts.st_mode)
        if mode & 0o077 and not stat.S_ISLNK(facts.st_mode):
            seen[path] = mode
    return list(seen.items())


def _below(state: Path) -> Iterator[Path]:
    yield state
    count = 0
    for folder, folders, files in os.walk(state):
        here = Path(folder)
        if here == state:
            folders[:] = [name for name in folders if name not in _OF_AGENTS]
        elif here == state / _ENGINES:
            folders.clear()
        for name in (*folders, *files):
            count += 1
            if count > MOST:
                return
            yield here / name


def _beside(settings: Settings) -> Iterable[Path]:
    """What may lie elsewhere by a setting: the socket with its folder and lock, the token, the recordings."""
    socket, recordings = settings.api.socket, settings.recordings
    yield from (socket.parent, socket, socket.with_suffix(".lock"), settings.token_file, recordings)
    try:
        yield from list(recordings.iterdir())[:MOST]
    except OSError:
        return


def _with_secrets(origins: Mapping[str, str]) -> Iterable[Path]:
    """Settings files and `.env` files that a secret was read from."""
    for key, origin in origins.items():
        info = find(key)
        if info is not None and info.secret and origin.startswith(("/", ".")):
            yield Path(origin.rpartition(" ")[0] if not Path(origin).exists() else origin)
