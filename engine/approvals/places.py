"""Where the words of an action point: in its workspace, outside it, or at a file that is worth more than others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.approvals.risks import Risk, RiskBook
from engine.approvals.shell import Kind, Word
from engine.sessions.summaries import one_line

MAX_RESOLVED = 64
"""Paths of one action whose links are followed; more of them are unknown."""
_LONGEST_PATH = 1024

Resolve = Callable[[str], str | None]
"""Where an absolute path leads once the links in its existing part are followed; None when that cannot be read."""


class Places:
    """The workspace of one action, and what its paths lead to; follows its `cd`s."""

    def __init__(self, workspace: str, book: RiskBook, resolve: Resolve | None) -> None:
        self._workspace = workspace
        self._book = book
        self._resolve = resolve if workspace else None
        self._root = resolve(workspace) if resolve is not None and workspace else workspace
        self._base = workspace
        self._left = MAX_RESOLVED
        self._leads: dict[str, str] = {}
        self._unread: list[str] = []

    @property
    def unread(self) -> bool:
        """Whether it could not be read where a path leads."""
        return bool(self._unread)

    @property
    def moved(self) -> bool:
        """Whether a `cd` has been followed."""
        return self._base != self._workspace

    def risks_at(self, word: Word, *, written: bool) -> list[Risk]:
        """What the place that a word names makes worse."""
        text = word.value.partition("=")[2] or word.value
        if text.startswith("-") and "/" in text:
            text = text[text.index("/") :]
        special = self._book.of_path(self.inner(text) or text, written=written)
        found = [special] if special is not None else []
        if self._outside(text):
            found.append(self._book.risks["outside"])
        return found + self._led(text, written=written)

    def _led(self, text: str, *, written: bool) -> list[Risk]:
        """What the place makes worse that a path leads to by links in its existing part."""
        if self._resolve is None or not text or "\0" in text or "://" in text or text[0] in "-~":
            return []
        if self._left <= 0 or len(text) > _LONGEST_PATH:
            return [self._book.unknown]
        self._left -= 1
        place = self._resolve(text if text.startswith("/") else f"{self._base}/{text}")
        if place is None or self._root is None:
            self._unread.append(text)
            return [self._book.risks["outside"]]
        inner = _below(place, self._root)
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
        """Follow `cd DIR`: what comes after it starts from there."""
        if words[0].value in {"cd", "pushd"} and len(words) == 2 and words[1].kind is Kind.STATIC:
            self._base = f"{self._base}/{words[1].value}" if not words[1].value.startswith("/") else words[1].value

    def _outside(self, text: str) -> bool:
        if "://" in text:
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


def _below(path: str, root: str) -> str | None:
    """The part of a path below a folder, empty for the folder itself, None when it is not below it."""
    if path == root:
        return ""
    return path[len(root) :] if path.startswith(f"{root}/") else None
