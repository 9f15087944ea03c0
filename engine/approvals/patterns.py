"""The paths that a shell's pattern stands for, found part by part within bounds; reading folders is the caller's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate

MAX_NAMES = 4096
"""Names of one folder that are compared with a pattern, and paths that one pattern stands for."""
_MOST_FOLDERS = 64
"""Folders in which one part of a pattern is looked for."""
_MOST_ALTERNATIVES = 64
_BRACES = re.compile(r"(?<!\$)\{([^{}]*,[^{}]*)\}")
_SIGN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder."""

    name: str
    link: bool = False
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """The names in a folder; not `whole` when it has more of them."""

    entries: tuple[Entry, ...] = ()
    whole: bool = True


Names = Callable[[str], Listing | None]
"""The names in a folder, none where there is no folder; None when that cannot be read."""


@dataclass(frozen=True, slots=True)
class Match:
    """One path that a pattern stands for; `linked` when a part of it is a link, or may be one."""

    path: str
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """The paths that a pattern stands for; not `whole` when there are more of them."""

    found: tuple[Match, ...] = ()
    whole: bool = True


def expand(pattern: str, base: str, names: Names, *, existing: bool = True) -> Matches | None:
    """The paths that a pattern stands for, as the shell writes them; None when that cannot be read.

    Without `existing` what follows the last sign need not exist.
    """
    parts = pattern.split("/")
    signs = [at for at, part in enumerate(parts) if _SIGN.search(part)]
    found, whole = [Match("")], True
    for at, part in enumerate(parts):
        end = "" if at == len(parts) - 1 else "/"
        if not signs or at < signs[0] or part in {"", ".", ".."} or (at > signs[-1] and not existing):
            followed = bool(signs) and at > signs[0]
            found = [Match(match.path + part + end, match.linked or followed) for match in found]
            continue
        whole = whole and len(found) <= _MOST_FOLDERS
        reached: list[Match] = []
        for match in found[:_MOST_FOLDERS]:
            listing = names(match.path if pattern.startswith("/") else f"{base}/{match.path}")
            if listing is None:
                return None
            whole = whole and listing.whole
            reached += _matching(part, match, listing, end)
        whole = whole and len(reached) <= MAX_NAMES
        found = reached[:MAX_NAMES]
    return Matches(tuple(found), whole)


def _matching(part: str, match: Match, listing: Listing, end: str) -> list[Match]:
    """What one part of a pattern stands for in one folder: only a part that begins with a dot has hidden names."""
    fits = re.compile(translate(part.replace("[^", "[!"))).match
    entries = listing.entries
    if part.startswith(".") and end:
        entries = (*entries, Entry("..", link=True))  # as in Bash before 5.2
    return [
        Match(match.path + entry.name + end, match.linked or entry.link)
        for entry in entries
        if (part.startswith(".") or not entry.name.startswith("."))
        and (not end or entry.folder or entry.link)
        and fits(entry.name)
    ]


def alternatives(text: str) -> list[str]:
    """The words that braces stand for (`{a,b}`), as many as are looked at; none when there are no braces."""
    waiting, found = [text], list[str]()
    while waiting and len(waiting) + len(found) < _MOST_ALTERNATIVES:
        each = waiting.pop()
        braces = _BRACES.search(each)
        if braces is None:
            found.append(each)
        else:
            waiting += [each[: braces.start()] + part + each[braces.end() :] for part in braces[1].split(",")]
    return [each for each in dict.fromkeys([*found, *waiting]) if each != text][:_MOST_ALTERNATIVES]
