"""Where the words of an action point: in its workspace, outside it, or at a file that is worth more than others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine.approvals.operands import ASSIGNMENT, Folders
from engine.approvals.patterns import Listing, Match, Names, alternatives, expand
from engine.approvals.risks import Risk, RiskBook
from engine.approvals.shell import Kind, Word
from engine.base.text import one_line

MAX_LISTED = 64
"""Folders of one action in which the names of patterns are looked up."""
MAX_COMPARED, MAX_MATCHED = 65_536, 8192
"""Names that are compared with the patterns of one action, and those that they stand for."""
MAX_NAMED = 32
"""Words of one action that are named as paths."""
MAX_RESOLVED = 256
"""Paths of one action whose links are followed; where more of them lead is not known."""
_LONGEST_PATH = 1024
_MOST_BASES = 32
"""Folders that an action may start from; one with more of them is not followed."""
_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://")
_WITHIN = re.compile(r"[=,:@](/.*)", re.DOTALL)
_SIGN = re.compile(r"[*?\[]")

Resolve = Callable[[str], str | None]
"""Where an absolute path leads once the links in its existing part are followed; None or OSError when unreadable."""


class Places:
    """The workspace of one action, and what its paths lead to; follows its `cd`s."""

    def __init__(self, workspace: str, book: RiskBook, resolve: Resolve | None, names: Names) -> None:
        self._workspace = workspace
        self._book = book
        self._resolve = resolve if workspace else None
        self._names = names
        self._compared = self._matched_count = 0
        self._listings: dict[str, Listing | None] = {}
        self._root = resolve(workspace) if resolve is not None and workspace else workspace
        self._bases = [workspace]
        self._lost = False
        self._left = MAX_RESOLVED
        self._leads: dict[str, str] = {}
        self._unread: list[str] = []
        self._named: dict[str, None] = {}

    @property
    def named(self) -> tuple[str, ...]:
        """The words that may name files, in the order met, from the folder that they start from."""
        return tuple(self._named)

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
        self._name(word.value, path=path)
        for each in alternatives(word.value) if word.kind is Kind.UNKNOWN else ():
            kind = Kind.GLOB if _SIGN.search(each) else Kind.STATIC
            found += self.risks_at(Word(each, each, kind), written=written, path=path)
        for text in [word.value] if path else _readings(word.value):
            if path or text != word.value or not ASSIGNMENT.match(text):
                special = self._book.of_path(self.inner(text) or text, written=written)
                found += [special] if special is not None else []
            if self._outside(text, path=path):
                found.append(self._book.risks["outside"])
            if word.kind is Kind.GLOB:
                found += self._globbed(text, written=written, path=path, quoted=word.quoted)
            else:
                found += self._led(text, written=written, path=path)
        return found

    def _name(self, text: str, *, path: bool) -> None:
        """Keep a word that may name a file."""
        for each in [text] if path else _readings(text):
            if text.startswith("-") and "/" not in each:
                continue
            if not each or each.startswith(("-", "~")) or "\n" in each or len(each) > _LONGEST_PATH or _is_url(each):
                continue
            for base in [""] if each.startswith("/") else self._bases:
                if len(self._named) < MAX_NAMED:
                    self._named[f"{base}/{each}" if base else each] = None

    def _globbed(self, text: str, *, written: bool, path: bool, quoted: bool) -> list[Risk]:
        """What a pattern makes worse: its letters are not the names that it stands for, and those may be links."""
        sign = _SIGN.search(text)
        if sign is None:
            return self._led(text, written=written, path=path)
        folder = text[: sign.start()].rpartition("/")[0]
        found = self._led(folder, written=written, path=path) if folder else []
        if written:
            found.append(self._book.unknown)
        if self._resolve is None or (not path and _is_url(text)):
            return found + self._lettered(text, written=written)
        lost = self._cannot_expand(text, quoted=quoted)
        for base in [""] if text.startswith("/") else self._bases:
            matches = expand(text, base, self._listed, existing=not written) if not lost else None
            self._matched_count += len(matches.found) if matches is not None else 0
            if matches is None or self._matched_count > MAX_MATCHED:
                self._unread.append(text)
                return [*found, self._book.risks["outside"], *self._lettered(text, written=written)]
            if not matches.found:
                found += self._lettered(text, written=written)
            if not matches.whole:
                found.append(self._book.unknown)
            for match in matches.found:
                found += self._matched(match, base, written=written)
        return found

    def _cannot_expand(self, text: str, *, quoted: bool) -> bool:
        """Whether it is not known where a pattern starts or what its signs are, or too many names were matched."""
        relative = self._lost and not text.startswith("/")
        bracket = quoted and "[" in text  # one that is quoted is no sign; which of them are is not known any more
        return relative or bracket or self._matched_count > MAX_MATCHED

    def _lettered(self, pattern: str, *, written: bool) -> list[Risk]:
        """What a pattern makes worse by its letters alone."""
        special = self._book.of_pattern(self.inner(pattern) or pattern, written=written)
        return [special] if special is not None else []

    def _matched(self, match: Match, base: str, *, written: bool) -> list[Risk]:
        """What one of the paths makes worse that a pattern stands for."""
        special = self._book.of_path(self.inner(match.path) or match.path, written=written)
        found = [special] if special is not None else []
        if match.linked:
            found += self._at(match.path, f"{base}/{match.path}" if base else match.path, written=written)
        return found

    def _listed(self, folder: str) -> Listing | None:
        """The names in a folder; None for one too many, and where they cannot be read in time."""
        if folder not in self._listings:
            self._listings[folder] = self._names(folder) if len(self._listings) < MAX_LISTED else None
        found = self._listings[folder]
        self._compared += len(found.entries) if found is not None else 0
        return found if self._compared <= MAX_COMPARED else None

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
        try:
            place = self._resolve(absolute) if self._left >= 0 else None
        except OSError:
            place = None
        if place is None or self._root is None:
            self._unread.append(text)
            return [self._book.risks["outside"]]
        inner = _below(place, self._root)
        special = None
        if not ASSIGNMENT.match(text):
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
        while words and (words[0].value in {"command", "builtin"} or ASSIGNMENT.match(words[0].value)):
            words = words[1:]
        if not words or words[0].value not in {"cd", "pushd"}:
            return
        operands = [word for word in words[1:] if not (word.value.startswith(("-", "+")) and len(word.value) > 1)]
        if not operands and words[0].value == "pushd":
            return
        if len(operands) != 1 or operands[0].kind is not Kind.STATIC or operands[0].value == "-":
            self._lost = True
            return
        self._bases = list(dict.fromkeys([*self._bases, *self._reached(operands[0].value)]))
        if len(self._bases) > _MOST_BASES:
            self._bases, self._lost = self._bases[:_MOST_BASES], True

    @contextmanager
    def within(self, folders: Folders) -> Iterator[None]:
        """Follow a command's own folders, as of `git -C`: its relative paths start from there."""
        before = self._bases, self._lost
        for folder in folders.entered:
            if folder.kind is Kind.STATIC:
                reached = self._reached(folder.value)
                bases = list(dict.fromkeys([*self._bases, *reached] if folders.stays else reached))
                self._bases, self._lost = bases[:_MOST_BASES], self._lost or len(bases) > _MOST_BASES
        try:
            yield
        finally:
            self._bases, self._lost = before

    def _reached(self, folder: str) -> list[str]:
        return [folder] if folder.startswith("/") else [f"{base}/{folder}" for base in self._bases]

    def _outside(self, text: str, *, path: bool) -> bool:
        if not path and _is_url(text):
            return False
        if ".." in text.split("/") or text.startswith("~") or (":/" in text and not path):
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
    if "/" in text and not value:
        found.append(text[text.index("/") :])
    elif (within := _WITHIN.search(text)) is not None:
        found.append(within[1])
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
