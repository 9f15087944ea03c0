"""What a shell text may do: each command that it runs is judged, also those in texts that its commands run as code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.approvals import grammar, shell
from engine.approvals.grammar import Call, Script
from engine.approvals.places import Places
from engine.approvals.risks import InterpreterRule, ProgramRule, Risk, RiskBook, flagged
from engine.approvals.shell import Kind, Word

OPAQUE = "opaque"
"""The word for what cannot be read: no grant covers it."""
_DEEPEST, _MOST_TEXTS, _MOST_CHARACTERS = 8, 64, 2 * shell.LONGEST
"""Texts within texts, texts in all and their characters, that are read; more of them cannot be read."""
_MOST_WORDS = 512
_QUOTED = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_SEVERAL = re.compile(r"[\s;|&()]")
_LOOKS_PROGRAM = re.compile(r"[\w./-]+")


@dataclass(slots=True)
class Judged:
    """The risks of a command's parts, and whether all that it runs could be read."""

    risks: list[Risk] = field(default_factory=list)
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a command runs as shell code; None when it is made while the command runs."""

    value: str | None


def free_text(words: Sequence[Word], rule: ProgramRule) -> list[Word]:
    """The words that are free text by the rule; never one that looks like a flag or a path."""
    if rule.says:
        chosen = list(words[1:])
    else:
        chosen = [word for flag, word in pairwise(words[1:]) if _takes_text(flag, rule.text)]
    return [word for word in chosen if word.kind is Kind.STATIC and not word.value.startswith(("-", "/", "~"))]


class CommandJudge:
    """The judge of one action's text."""

    def __init__(self, places: Places, book: RiskBook) -> None:
        self._places = places
        self._book = book
        self._texts = 0
        self._characters = 0

    def judge(self, text: str, script: Script | None) -> Judged:
        """The risks of a text that was read as `script`, None when it could not be read."""
        judged = Judged()
        self._text(text, script, judged, 0)
        return judged

    def _text(self, text: str, script: Script | None, judged: Judged, depth: int) -> None:
        if script is None:
            # By its letters: as bad as the worst program that it may name.
            loosely = [Word(part, part) for part in _LOOKS_PROGRAM.findall(text[: shell.LONGEST])]
            worst = self._book.hidden(loosely)
            judged.risks += [worst] if worst is not None else []
            self._cannot_read(judged)
            return
        for call in script.calls:  # in a loop or a function, what stands before a `cd` may run after it
            self._places.enter(call.words)
        self._redirects(script, judged)
        moves = self._places.moves
        for call in script.calls:
            self._call(call, judged, depth)
        if self._places.moves != moves:  # a text within it moved
            for call in script.calls:
                judged.risks.append(self._own(call.words, self._book.program(call.words)))
            self._redirects(script, judged)

    def _cannot_read(self, judged: Judged) -> None:
        judged.readable = False
        judged.risks.append(self._book.risks[OPAQUE])

    def _call(self, call: Call, judged: Judged, depth: int) -> None:
        rule = self._book.program(call.words)
        judged.risks.append(self._own(call.words, rule))
        if judged.risks[-1].word == OPAQUE:
            self._cannot_read(judged)
        program = call.program
        if not program:
            return
        own = self._book.risks[rule.risk] if rule is not None else None
        careful = own is None or own.grave
        if not program[0].names or (careful and any(word.dynamic for word in program[1:])):
            self._cannot_read(judged)
        if own is None or not own.loose:
            self._nested(call, judged, depth, careful=careful)

    def _own(self, words: Sequence[Word], rule: ProgramRule | None) -> Risk:
        book = self._book
        if rule is None:
            # A quoted word is more likely a pattern or a program text than a path.
            found = [risk for word in words[1:] if not word.quoted for risk in self._at(word, written=True)]
            return book.worst([book.hidden(words) or book.unknown, *found])
        own = book.risks[rule.risk]
        free = {id(word) for word in free_text(words, rule)}
        # What is not harmless by itself may run another: `sudo rm`, `docker exec x git push`.
        carried = book.hidden(words[1:]) if not own.loose else None
        found = [own, *([carried] if carried is not None else [])]
        for word in words[1:]:
            if word.kind is Kind.UNKNOWN or (word.kind is Kind.GLOB and "/." in f"/{word.value}"):
                found.append(book.unknown)
            if id(word) not in free:
                found += self._at(word, written=own.word != "read")
        return book.worst(found)

    def _at(self, word: Word, *, written: bool) -> list[Risk]:
        return self._places.risks_at(word, written=written)

    def _nested(self, call: Call, judged: Judged, depth: int, *, careful: bool) -> None:
        """Judge the texts that a command, or a command among its words (`env … bash -c …`), runs as code."""
        words, declared = call.program, False
        for at, word in enumerate(words[:_MOST_WORDS]):
            rule = self._book.interpreters.get(word.value.rpartition("/")[2])
            if rule is None or (word.value in {".", "source"} and not _first(words, at)):
                continue
            declared = True
            if len(words) > _MOST_WORDS or not self._within_bounds(""):
                self._cannot_read(judged)
                return
            for text in _texts(rule, words[at:], call.stdin, alone=careful):
                self._run(text, judged, depth)
        if not declared and careful:
            self._suspect(words, judged)

    def _run(self, text: Text, judged: Judged, depth: int) -> None:
        if text.value is None or depth >= _DEEPEST or not self._within_bounds(text.value):
            self._cannot_read(judged)
        elif text.value.strip():
            self._text(text.value, grammar.read(text.value), judged, depth + 1)

    def _within_bounds(self, text: str) -> bool:
        """Count a text that is to be read; False when it is one too many."""
        self._texts += bool(text)
        self._characters += len(text)
        return self._texts <= _MOST_TEXTS and self._characters <= _MOST_CHARACTERS

    def _suspect(self, words: Sequence[Word], judged: Judged) -> None:
        """What a program that nobody declared may run as code: a grave command in a quoted word is found."""
        for word in words[1:_MOST_WORDS]:
            if not word.quoted or not _SEVERAL.search(word.value):
                continue
            for text in (word.value, *(found[1] for found in _QUOTED.findall(word.value))):
                if not self._within_bounds(text):
                    return
                script = grammar.read(text)
                judged.risks += [self._grave(call) for call in script.calls] if script is not None else []

    def _grave(self, call: Call) -> Risk:
        rule = self._book.program(call.program) if call.program else None
        own = self._book.risks[rule.risk] if rule is not None else self._book.unknown
        return own if own.grave else self._book.unknown

    def _redirects(self, script: Script, judged: Judged) -> None:
        for how, target in script.redirects:
            written = ">" in how
            if target.kind is not Kind.STATIC:
                judged.risks.append(self._book.unknown)
            if target.dynamic and written:
                self._cannot_read(judged)
            if target.value not in self._book.places.devices and not how.endswith("&"):
                judged.risks.append(self._book.risks["write" if written else "read"])
                judged.risks += self._places.risks_at(target, written=written, path=target.kind is Kind.STATIC)


def _first(words: Sequence[Word], at: int) -> bool:
    """Whether a word is the program itself: `.` anywhere else is a folder."""
    return all(word.value in {"command", "builtin"} for word in words[:at])


def _texts(rule: InterpreterRule, words: Sequence[Word], stdin: str | None, *, alone: bool) -> Iterator[Text]:
    """The texts that an interpreter runs when it is called with these words."""
    rest = words[1:]
    if rule.rest:
        yield Text(None if any(word.dynamic for word in rest) else " ".join(word.value for word in rest))
    if rule.each:
        for word in rest:
            yield Text(None if word.dynamic else word.value.partition("=")[2] or word.value)
    if rest and _takes_text(rest[-1], rule.text):
        yield Text(None)  # what follows comes from elsewhere, as with `xargs sh -c`
    behind = [at for at, word in enumerate(rest) if flagged(word, rule.text)]
    for at in behind[:1]:
        for word in (rest[at], *rest[at + 1 :]):
            yield from _behind(word, first=word is rest[at])
    operands = [word for word in rest if not word.value.startswith("-") and not word.value.startswith("/dev/")]
    if rule.input and alone and not behind and not operands:
        yield Text(stdin)


def _behind(word: Word, *, first: bool) -> Iterator[Text]:
    """The texts behind a flag such as `-c`: the words after it, or what is joined to it."""
    if first:
        joined = word.value.partition("=")[2] if word.value.startswith("--") else word.value[2:]
        if _SEVERAL.search(joined):
            yield Text(None if word.dynamic else joined)
    elif not word.value.startswith(("-", "+")) or word.dynamic:
        yield Text(None if word.dynamic else word.value)


def _takes_text(flag: Word, wanted: Sequence[str]) -> bool:
    """`-m`, `--message`, and `-am`, whose last letter takes the value."""
    if not flagged(flag, wanted) or "=" in flag.value:
        return False
    return flag.value.startswith("--") or any(flag.value[-1] == short[1] for short in wanted if len(short) == 2)
