"""Whether git leaves a path out, from the `.gitignore` files above it: within bounds, whatever an agent wrote there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

MOST_READ = 64 << 10
"""Bytes of one `.gitignore`."""
MOST_RULES = 1000
"""Rules of one `.gitignore` that are followed."""
MOST_LETTERS = 200
"""Characters of a rule; a longer one is not followed."""
MOST_DEEP = 64
"""Folders between the workspace and a path; what lies deeper counts as kept."""
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: the segments that a path must fit from the file's own folder on."""

    segments: tuple[str, ...]
    is_kept: bool
    folders_only: bool


def is_ignored(path: str, workspace: str, spent: Callable[[], bool] = lambda: False) -> bool:
    """Whether a path below the workspace is left out; the last rule that fits decides. False once time is `spent`."""
    root = Path(os.path.normpath(workspace))
    parts = Path(os.path.normpath(path)).relative_to(root).parts
    if len(parts) > MOST_DEEP:
        return False
    rules: list[list[Rule]] = []
    for depth in range(1, len(parts) + 1):
        rules.append(rules_of(root.joinpath(*parts[: depth - 1])))
        ignored, is_folder = False, os.path.isdir(root.joinpath(*parts[:depth]))  # noqa: PTH112 - raises nothing
        for base in range(depth):
            for rule in rules[base]:
                if spent():
                    return False
                if (is_folder or not rule.folders_only) and _fits(rule.segments, parts[base:depth]):
                    ignored = not rule.is_kept
        if ignored:
            return True  # what is below an ignored folder is ignored with it
    return False


def leaves_out(rules: Sequence[Sequence[Rule]], parts: Sequence[str], *, is_folder: bool) -> bool:
    """Whether rules leave a path out whose folders are kept: `rules` of the top folder first, one list a folder."""
    ignored = False
    for base, of_folder in enumerate(rules):
        for rule in of_folder:
            if (is_folder or not rule.folders_only) and _fits(rule.segments, parts[base:]):
                ignored = not rule.is_kept
    return ignored


def rules_of(folder: Path, name: str = ".gitignore") -> list[Rule]:
    """What a folder's own file states; nothing where it cannot be read."""
    try:
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            text = file.read(MOST_READ).decode("utf-8", "replace")
    except (OSError, ValueError):
        return []
    lines = (line.rstrip() for line in text.splitlines())
    return [_rule(line) for line in lines if line and line[0] != "#" and len(line) <= MOST_LETTERS][:MOST_RULES]


def _rule(line: str) -> Rule:
    """A rule with a slash before its end holds from its own folder on, any other one at any depth."""
    is_kept = line.startswith("!")
    pattern = _ESCAPED.sub(r"[\1]", line[is_kept:])
    folders_only = pattern.endswith("/")
    segments = tuple(each for each in pattern.split("/") if each)
    anchored = "/" in pattern.rstrip("/")
    return Rule(segments if anchored else ("**", *segments), is_kept, folders_only)


def _fits(segments: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether a path fits segment by segment; `**` stands for any number of folders, at the end for one at least."""
    at = _past_stars(segments, {0})
    for part in parts:
        nearer = {n for n in at if n < len(segments) and segments[n] == "**"}
        nearer |= {
            n + 1 for n in at if n < len(segments) and segments[n] != "**" and fnmatchcase(part, _class(segments[n]))
        }
        if segments and segments[-1] == "**" and len(segments) - 1 in at:
            nearer.add(len(segments))
        at = _past_stars(segments, nearer)
    return len(segments) in at


def _past_stars(segments: Sequence[str], at: set[int]) -> set[int]:
    """Also the places behind a `**` that stands for nothing; the last one never does."""
    found = set(at)
    for n in range(len(segments) - 1):
        if n in found and segments[n] == "**":
            found.add(n + 1)
    return found


def _class(segment: str) -> str:
    """A segment as fnmatch reads it: git also takes `^` for the not of a class."""
    return segment.replace("[^", "[!")
