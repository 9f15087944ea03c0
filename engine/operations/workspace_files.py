"""The files of a directory that a person may mean: found within bounds, whatever an agent wrote there."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from engine.approvals.gitignore import Rule, leaves_out, rules_of

MOST_ENTRIES = 20_000
"""Files and folders that are looked at."""
MOST_S = 1.0
"""Seconds that it takes at most, between two folders."""
MOST_DEEP = 32
"""Folders between the directory and a file."""
ABOVE = 16
"""Folders above the directory in which the repository may begin."""


@dataclass(frozen=True, slots=True)
class FilesFound:
    """Paths below the directory, the one that fits best first; `more` states that there may be others."""

    files: list[str]
    more: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to look into: its path below the directory, that below the repository, and the rules on the way."""

    below: tuple[str, ...]
    parts: tuple[str, ...]
    rules: tuple[list[Rule], ...]


def find_files(directory: Path, wanted: str, limit: int, now: Callable[[], float]) -> FilesFound:
    """The `limit` files that fit best: by name, then anywhere in the path, then its letters in order.

    `now` is in seconds. Hidden ones, those that git leaves out, links that lead outside and names that cannot be typed
    are left out.
    """
    budget = _Budget(now)
    ranked = ((rank_of(path, wanted), len(path), path) for path in _walk(directory, budget))
    found = sorted((rank, size, path) for rank, size, path in ranked if rank is not None)
    return FilesFound([path for _rank, _size, path in found[:limit]], budget.spent or len(found) > limit)


def rank_of(path: str, wanted: str) -> int | None:
    """How well a path fits what was typed, 0 best; None when it does not."""
    lowered, wanted = path.lower(), wanted.lower()
    name = lowered.rpartition("/")[2]
    if name.startswith(wanted) or lowered.startswith(wanted):
        return 0
    if wanted in name:
        return 1
    if wanted in lowered:
        return 2
    letters = iter(lowered)
    return 3 if all(letter in letters for letter in wanted) else None


class _Budget:
    """Owner of how much more may be looked at."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until = now() + MOST_S
        self._left = MOST_ENTRIES
        self.spent = False

    def take(self) -> bool:
        """Whether one more may be looked at."""
        self._left -= 1
        self.spent = self.spent or self._left < 0
        return not self.spent

    def is_late(self) -> bool:
        """Whether the time is over."""
        self.spent = self.spent or self._now() > self._until
        return self.spent


def _walk(directory: Path, budget: _Budget) -> Iterator[str]:
    """Every file that may be offered, those nearest to the directory first."""
    root = directory.resolve()
    folders = deque([_top(root)])
    while folders and not budget.is_late():
        folder = folders.popleft()
        rules = (*folder.rules, _rules(root.joinpath(*folder.below)))
        for name, entry in _entries(root.joinpath(*folder.below), budget):
            is_folder = entry.is_dir(follow_symlinks=False)
            parts = (*folder.parts, name)
            if leaves_out(rules, parts, is_folder=is_folder):
                continue
            if is_folder and len(folder.below) < MOST_DEEP:
                folders.append(_Folder((*folder.below, name), parts, rules))
            elif not is_folder and _is_file_within(entry, root):
                yield "/".join((*folder.below, name))


def _entries(folder: Path, budget: _Budget) -> list[tuple[str, os.DirEntry[str]]]:
    """What a folder holds that can be typed and is not hidden, in the order of names."""
    try:
        with os.scandir(folder) as entries:
            seen = takewhile(lambda _entry: budget.take(), entries)
            held = [entry for entry in seen if _can_be_offered(entry.name)]
    except OSError:
        return []
    return sorted(((entry.name, entry) for entry in held), key=lambda each: each[0])


def _can_be_offered(name: str) -> bool:
    return not name.startswith(".") and name.isprintable() and '"' not in name


def _is_file_within(entry: os.DirEntry[str], root: Path) -> bool:
    try:
        if not entry.is_symlink():
            return entry.is_file(follow_symlinks=False)
        leads = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return False
    inside = leads.is_relative_to(root) and not any(part.startswith(".") for part in leads.relative_to(root).parts)
    return inside and leads.is_file()


def _rules(folder: Path) -> list[Rule]:
    """A folder's own rules; the first folder of a repository has those that are not shared, too."""
    own = rules_of(folder / ".git" / "info", "exclude")
    return [*own, *rules_of(folder)]


def _top(root: Path) -> _Folder:
    """The directory with the rules of the repository that it lies in."""
    around = [root, *list(root.parents)[:ABOVE]]
    repository = next((folder for folder in around if os.path.lexists(folder / ".git")), root)
    parts = root.relative_to(repository).parts
    rules = [_rules(repository.joinpath(*parts[:depth])) for depth in range(len(parts))]
    return _Folder((), parts, tuple(rules))
