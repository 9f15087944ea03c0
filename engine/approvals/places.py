"""Where the words of an action point: in its workspace, outside it, or at a file that is worth more than others."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from engine.approvals.risks import Risk, RiskBook
from engine.approvals.shell import Kind, Word
from engine.base.text import one_line

MAX_RESOLVED = 256
"""Paths of one action whose links are followed; where more of them lead is not known."""
_LONGEST_PATH = 1024
_MOST_BASES = 32
"""Folders that an action may start from; one with more of them is not followed."""
_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_SIGN = re.compile(r"[*?\[]")

Resolve = Callable[[str], str | None]
"""Where an absolute path leads once the links in its existing part are followed; None when that cannot be read."""


class Places:
    """The workspace of one action, and what its paths lead to; follows its `cd`s."""

    def __init__(self, workspace: str, book: RiskBook, resolve: Resolve | None) -> None:
        self._workspace = workspace
        self._book = book
        self._resolve = resolve if workspace else None
        self._root = resolve(workspace) if resolve is not None and workspace else workspace
        self._bases = [workspace]
        self._lost = False
        self._left = MAX_RESOLVED
        self._leads: dict[str, str] = {}
        self._unread: list[str] = []

    @property
    def unread(self) -> bool:
        """Whether it could not be read where a path leads."""
        return bool(self._unread)

    @property
    def moves(self) -> int:
        """How many folders its relative paths may start from so far; one more when that is not known."""
        return len(self._bases) + self._lost

    def risks_at(self, word: Word, *, written: bool, path: bool = False) -> list[Risk]:
        """What the place that a word names makes worse; a `path` for certain is no flag, no URL and no assignment."""
        found: list[Risk] = []
        for text in [word.value] if path else _readings(word.value):
            if path or text != word.value or not _ASSIGNMENT.match(text):
                special = self._book.of_path(self.inner(text) or text, written=written)
                found += [special] if special is not None else []
            if self._outside(text, path=path):
                found.append(self._book.risks["outside"])
            if word.kind is Kind.GLOB:
                found += self._globbed(text, written=written)
            else:
                found += self._led(text, written=written, path=path)
        return found

    def _globbed(self, text: str, *, written: bool) -> list[Risk]:
        """What a pattern makes worse: its letters are not the names that it stands for, and those may be links."""
        sign = _SIGN.search(text)
        if sign is None:
            return self._led(text, written=written, path=False)
        special = self._book.of_pattern(self.inner(text) or text, written=written)
        found = [special] if special is not None else []
        if self._resolve is not None and "/" in text[sign.start() :]:
            self._unread.append(text)
            found.append(self._book.risks["outside"])
        elif written:
            found.append(self._book.unknown)
        folder = text[: sign.start()].rpartition("/")[0]
        return found + (self._led(folder, written=written, path=False) if folder else [])

    def _led(self, text: str, *, written: bool, path: bool) -> list[Risk]:
        """What the places make worse that a path leads to by links in its existing part."""
        if self._resolve is None or not text or "\0" in text or text.startswith("~"):
            return []
        if text.startswith("/"):
            return self._at(text, text, written=written)
        if self._lost and not text.startswith("-") and not (_is_url(text) and not path):
            self._unread.append(text)
            return [self._book.risks["outside"]]
        return [risk for base in self._bases for risk in self._at(text, f"{base}/{text}", written=written)]

    def _at(self, text: str, absolute: str, *, written: bool) -> list[Risk]:
        """What the place makes worse that an absolute path leads to."""
        if len(text) > _LONGEST_PATH or self._resolve is None:
            return [self._book.unknown]
        self._left -= 1
        place = self._resolve(absolute) if self._left >= 0 else None
        if place is None or self._root is None:
            self._unread.append(text)
            return [self._book.risks["outside"]]
        inner = _below(place, self._root)
        special = None
        if not _ASSIGNMENT.match(text):
            special = self._book.of_path(inner or place, written=written)
        found = [special] if special is not None else []
        known = (*self._book.places.scratch, *self._book.places.devices)
        if inner is None and not text.startswith("/dev/") and all(_below(place, each) is None for each in known):
            found.append(self._book.risks["outside"])
        if found and not place.endswith(text.removeprefix("./")):
            self._leads[text] = place
        return found

    def leading(self) -> str:
        """Where links lead, as a part of the action: a grant is not for the same names after a link has moved."""
        leads = [f" ({one_line(text)} leads to {place})" for text, place in self._leads.items()]
        return "".join([*leads, *(f" (where {one_line(text)} leads could not be read)" for text in self._unread)])

    def enter(self, words: Sequence[Word]) -> None:
        """Follow a `cd`: what comes after it may start from there, or from where it was, since a `cd` may fail."""
        if any(word.value.startswith("CDPATH") for word in words):
            self._lost = True
        while words and (words[0].value in {"command", "builtin"} or _ASSIGNMENT.match(words[0].value)):
            words = words[1:]
        if not words or words[0].value not in {"cd", "pushd"}:
            return
        operands = [word for word in words[1:] if not (word.value.startswith(("-", "+")) and len(word.value) > 1)]
        if not operands and words[0].value == "pushd":
            return
        if len(operands) != 1 or operands[0].kind is not Kind.STATIC or operands[0].value == "-":
            self._lost = True
            return
        to = operands[0].value
        reached = [to] if to.startswith("/") else [f"{base}/{to}" for base in self._bases]
        self._bases = list(dict.fromkeys([*self._bases, *reached]))
        if len(self._bases) > _MOST_BASES:
            self._bases, self._lost = self._bases[:_MOST_BASES], True

    def _outside(self, text: str, *, path: bool) -> bool:
        if not path and _is_url(text):
            return False
        if ".." in text.split("/") or text.startswith("~") or ":/" in text:
            return True
        if not text.startswith("/") or text in self._book.places.devices or self.inner(text) is not None:
            return False
        return not any(text == place or text.startswith(place + "/") for place in self._book.places.scratch)

    def inner(self, path: str) -> str | None:
        """The part of an absolute path below the workspace; None when it is not below it."""
        if not self._workspace or ".." in path.split("/"):
            return None
        if path == self._workspace:
            return ""
        return path[len(self._workspace) :] if path.startswith(self._workspace + "/") else None


def _readings(text: str) -> list[str]:
    """The paths that a word may hold: itself, the value behind its `=`, and what is joined to its flag."""
    value = text.partition("=")[2]
    if not text.startswith("-"):
        return [text, value] if value else [text]
    found = [value or text]
    if "/" in text:
        found.append(text[text.index("/") :])
    if not text.startswith("--") and len(text) > 2:
        found.append(text[2:])
    return list(dict.fromkeys(found))


def _is_url(text: str) -> bool:
    return _URL.match(text) is not None and ".." not in text.split("/")


def _below(path: str, root: str) -> str | None:
    """The part of a path below a folder, empty for the folder itself, None when it is not below it."""
    if path == root:
        return ""
    return path[len(root) :] if path.startswith(f"{root}/") else None
