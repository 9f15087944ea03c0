"""A shell command read just far enough to compare it with another: words, joints and redirections.

What cannot be read for certain (substitutions, here-documents, subshells, several lines) is not read at all: the
caller then takes the command by its letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

LONGEST = 8192
"""Characters of a command that is still read."""
_JOINTS = ("&&", "||", "|&", ";", "|", "&")
_REDIRECT = re.compile(r"\d*(?:>>|>\||>&|<&|>|<)|&>>?")
_ENDS = frozenset(" \t;&|<>")
_NEVER = frozenset("()`")
_RESERVED = frozenset(
    {"!", "{", "}", "[", "[[", "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done"}
    | {"case", "esac", "in", "function", "coproc"}
)
_QUOTES = re.compile(r"""\$?["']""")
_ESCAPED_IN_QUOTES = frozenset('$`"\\')


class Kind(StrEnum):
    """How much of a word's value its letters tell."""

    STATIC = "static"
    GLOB = "glob"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Word:
    """One word: as it was written, and what the program gets as far as that is known."""

    raw: str
    value: str
    kind: Kind = Kind.STATIC
    quoted: bool = False

    @property
    def dynamic(self) -> bool:
        """Whether its value is made when the command runs."""
        return self.kind is Kind.UNKNOWN and any(sign in self.raw for sign in "$`()\\")

    @property
    def names(self) -> bool:
        """Whether it names a program for certain."""
        return self.kind is Kind.STATIC or (self.raw.startswith("~/") and one_word(self.raw[2:]).kind is Kind.STATIC)


@dataclass(frozen=True, slots=True)
class Mark:
    """A joint between two commands, or a redirection whose target is the next word."""

    text: str
    redirects: bool


Token = Word | Mark


def parse(command: str) -> tuple[Token, ...] | None:
    """The tokens of a command, None when it cannot be read for certain."""
    text = command.strip(" \t\r\n")
    if not text or len(text) > LONGEST or not text.replace("\t", " ").isprintable():
        return None
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        read = _mark(text, at) or _word(text, at)
        if read is None:
            return None
        token, at = read
        tokens.append(token)
    return tuple(tokens) if _well_formed(tokens) and _simple(tokens) else None


def one_word(text: str) -> Word:
    """A text that is one word; what the program gets is unknown when its letters do not tell it."""
    if "\\\n" not in text and (read := _word(text, 0)) is not None and read[1] == len(text):
        return read[0]
    return Word(text, _QUOTES.sub("", text), Kind.UNKNOWN, True)


def commands(tokens: tuple[Token, ...]) -> list[list[Word]]:
    """The words of each simple command, without redirections and their targets."""
    found: list[list[Word]] = [[]]
    target = False
    for token in tokens:
        if isinstance(token, Mark):
            target = token.redirects
            if not token.redirects:
                found.append([])
        elif target:
            target = False
        else:
            found[-1].append(token)
    return [words for words in found if words]


def targets(tokens: tuple[Token, ...]) -> list[tuple[str, Word]]:
    """The redirections: what each does, and its target."""
    return [(a.text, b) for a, b in pairwise(tokens) if isinstance(a, Mark) and a.redirects and isinstance(b, Word)]


def _simple(tokens: list[Token]) -> bool:
    """Whether no command begins with a word of the shell's own syntax."""
    return not any(words[0].raw in _RESERVED for words in commands(tuple(tokens)))


def _well_formed(tokens: list[Token]) -> bool:
    """A word follows every redirection, a command stands before every joint and after every one but a last `&`."""
    fresh, owed = True, False
    for token in tokens:
        if isinstance(token, Word):
            fresh, owed = (fresh and owed), False
        elif owed or (fresh and not token.redirects):
            return False
        else:
            owed = token.redirects
            fresh = fresh if token.redirects else True
    last = tokens[-1]
    return not owed and (not fresh or (isinstance(last, Mark) and last.text in {"&", ";"}))


def _mark(text: str, at: int) -> tuple[Mark, int] | None:
    redirect = _REDIRECT.match(text, at)
    if redirect is not None:
        follows = text[redirect.end() : redirect.end() + 1]
        # `<<`, `<>`, `<(` and `>(` are not read: the next character is then no start of a word.
        return (Mark(redirect.group(), True), redirect.end()) if follows not in {"<", ">", "(", "&"} else None
    joint = next((joint for joint in _JOINTS if text.startswith(joint, at)), None)
    return (Mark(joint, False), at + len(joint)) if joint is not None else None


class _Reader:
    """One word as it is read."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.start, self.at = text, at, at
        self.value: list[str] = []
        self.kind = Kind.STATIC
        self.quoted = False

    def take(self, text: str, size: int) -> bool:
        self.value.append(text)
        self.at += size
        return True

    def unknown(self) -> None:
        self.kind = Kind.UNKNOWN

    def step(self) -> bool:
        """Read one piece; False when it cannot be read."""
        character, follows = self.text[self.at], self.text[self.at + 1 : self.at + 2]
        if character in _NEVER or (character == "#" and self.at == self.start):
            return False
        match character:
            case "'":
                return self._single()
            case '"':
                return self._double()
            case "\\":
                self.quoted = True
                return bool(follows) and self.take(follows, 2)
            case "$":
                return self._dollar(follows)
            case "{" | "}":
                self.unknown()
            case "~" if self.at == self.start or self.text[self.at - 1] in "=:":
                self.unknown()
            case "=" if self.at == self.start:
                self.unknown()
            case "*" | "?" | "[" if self.kind is Kind.STATIC:
                self.kind = Kind.GLOB
        return self.take(character, 1)

    def _dollar(self, follows: str) -> bool:
        if follows and follows in "({'\"":
            return False
        self.unknown()
        return self.take("$", 1)

    def _single(self) -> bool:
        end = self.text.find("'", self.at + 1)
        self.quoted = True
        return end >= 0 and self.take(self.text[self.at + 1 : end], end + 1 - self.at)

    def _double(self) -> bool:
        self.quoted = True
        self.at += 1
        while self.at < len(self.text):
            character, follows = self.text[self.at], self.text[self.at + 1 : self.at + 2]
            if character == '"':
                self.at += 1
                return True
            if character == "`":
                return False
            if character == "\\" and follows in _ESCAPED_IN_QUOTES and follows:
                self.take(follows, 2)
            elif character == "$":
                if not self._dollar(follows if follows != '"' else ""):
                    return False
            else:
                self.take(character, 1)
        return False


def _word(text: str, at: int) -> tuple[Word, int] | None:
    reader = _Reader(text, at)
    while reader.at < len(text) and text[reader.at] not in _ENDS:
        if not reader.step():
            return None
    if reader.at == at:
        return None
    return Word(text[at : reader.at], "".join(reader.value), reader.kind, reader.quoted), reader.at
