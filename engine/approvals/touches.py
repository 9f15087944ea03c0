"""What the files are that an action names: read from disk within bounds, on a thread that is not the engine's loop.

git is not run: a repository's own configuration may name programs that it would start.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

MOST_COUNTED = 5000
"""Files below a folder that are counted."""
BUDGET_S = 0.3
"""Seconds for all facts of one action."""
MOST_READ = 2_000_000
"""Bytes of a file that is compared with what would be written."""
_MOST_IGNORED = 64 << 10


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

    @property
    def spent(self) -> bool:
        return self.monotonic() >= self.until


def touched(
    paths: Sequence[str], workspace: str, monotonic: Callable[[], float] = time.monotonic
) -> tuple[Touched, ...]:
    """The facts of these absolute paths; a plain word that names no file is left out."""
    budget = _Budget(monotonic() + BUDGET_S, monotonic)
    found = [_fact(path, workspace, budget) for path in paths]
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
    ignored = bool(workspace) and _is_below(path, workspace) and is_ignored(path, workspace)
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
                    if files >= MOST_COUNTED or budget.spent:
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


def is_ignored(path: str, workspace: str) -> bool:
    """Whether the `.gitignore` files between the workspace and a path leave it out; the last rule that fits decides."""
    root = Path(os.path.normpath(workspace))
    parts = Path(os.path.normpath(path)).relative_to(root).parts
    rules = [_rules(root.joinpath(*parts[:depth])) for depth in range(len(parts))]
    for depth in range(1, len(parts) + 1):
        ignored, is_folder = False, root.joinpath(*parts[:depth]).is_dir()
        for base in range(depth):
            for rule in rules[base]:
                if _fits(rule, parts[base:depth], is_folder=is_folder):
                    ignored = not rule.startswith("!")
        if ignored:
            return True  # what is below an ignored folder is ignored with it
    return False


def _rules(folder: Path) -> list[str]:
    try:
        handle = os.open(folder / ".gitignore", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            text = file.read(_MOST_IGNORED).decode("utf-8", "replace")
    except OSError:
        return []
    lines = (line.rstrip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _fits(rule: str, parts: Sequence[str], *, is_folder: bool) -> bool:
    pattern = rule.removeprefix("!")
    if pattern.endswith("/"):
        if not is_folder:
            return False
        pattern = pattern.rstrip("/")
    if "/" in pattern:
        return fnmatchcase("/".join(parts), pattern.removeprefix("/").replace("**/", "*"))
    return fnmatchcase(parts[-1], pattern)
