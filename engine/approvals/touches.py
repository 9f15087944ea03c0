"""What the files are that an action names: read from disk within bounds, on a thread that is not the engine's loop.

git is not run: a repository's own configuration may name programs that it would start.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from engine.approvals.gitignore import is_ignored

MOST_COUNTED = 5000
"""Files below a folder that are counted."""
BUDGET_S = 0.3
"""Seconds for all facts of one action."""
MOST_READ = 2_000_000
"""Bytes of a file that is compared with what would be written."""


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder that an action names; `files` and `size` are of all below a folder, `more`: at least.

    `kind` is file, folder, link, other or missing.
    """

    path: str
    kind: str
    files: int = 0
    size: int = 0
    more: bool = False
    ignored: bool = False


@dataclass(slots=True)
class _Budget:
    until: float
    monotonic: Callable[[], float]

    def is_spent(self) -> bool:
        return self.monotonic() >= self.until


def touched(
    paths: Sequence[str], workspace: str, monotonic: Callable[[], float] = time.monotonic
) -> tuple[Touched, ...]:
    """The facts of these absolute paths; a plain word that names no file is left out."""
    budget = _Budget(monotonic() + BUDGET_S, monotonic)
    found = [_fact(path, workspace, budget) for path in paths if not budget.is_spent()]
    return tuple(each for each in found if each is not None)


def text_of(path: str, workspace: str) -> tuple[bool, str | None]:
    """Whether a file exists, and its text: None when it is no file of the workspace, too long, or no text."""
    try:
        about = os.lstat(path)
    except (OSError, ValueError):
        return False, None
    real, root = os.path.realpath(path), os.path.realpath(workspace)
    if not stat.S_ISREG(about.st_mode) or about.st_size > MOST_READ or not real.startswith(f"{root}/"):
        return True, None
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True, None
    with os.fdopen(handle, "rb") as file:
        try:
            return True, file.read(MOST_READ + 1).decode()
        except (OSError, UnicodeDecodeError):
            return True, None


def _fact(path: str, workspace: str, budget: _Budget) -> Touched | None:
    shown = path.removeprefix(f"{workspace}/") if workspace else path
    plain = "/" not in shown.rstrip("/") and "." not in shown
    try:
        about = os.lstat(path)
    except (OSError, ValueError):
        return None if plain and not path.endswith("/") else Touched(path=shown, kind="missing")
    ignored = bool(workspace) and _is_below(path, workspace) and is_ignored(path, workspace, budget.is_spent)
    if stat.S_ISLNK(about.st_mode):
        return Touched(path=shown, kind="link", ignored=ignored)
    if stat.S_ISREG(about.st_mode):
        return Touched(path=shown, kind="file", files=1, size=about.st_size, ignored=ignored)
    if not stat.S_ISDIR(about.st_mode):
        return Touched(path=shown, kind="other", ignored=ignored)
    files, size, more = _below(path, budget)
    return Touched(path=shown, kind="folder", files=files, size=size, more=more, ignored=ignored)


def _below(folder: str, budget: _Budget) -> tuple[int, int, bool]:
    """Files below a folder, their bytes, and whether there may be more than were counted."""
    waiting, files, size = [folder], 0, 0
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if files >= MOST_COUNTED or budget.is_spent():
                        return files, size, True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        files += 1
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            return files, size, True
    return files, size, False


def _is_below(path: str, folder: str) -> bool:
    return os.path.normpath(path).startswith(f"{os.path.normpath(folder)}/")
