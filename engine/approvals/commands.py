"""What a shell text may do: each command that it runs is judged, also those in texts that its commands run as code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.approvals import grammar, shell
from engine.approvals.grammar import Call, Script
from engine.approvals.operands import Carried, Folders, flagged, takes_next
from engine.approvals.places import Places
from engine.approvals.risks import InterpreterRule, ProgramRule, Risk, RiskBook
from engine.approvals.shell import Kind, Word

OPAQUE = "opaque"
"""The word for what cannot be read: no grant covers it."""
PIPED = "pipe to shell"
"""The word for a shell that runs what it reads from its input."""
_DEEPEST, _MOST_TEXTS, _MOST_CHARACTERS = 8, 64, 2 * shell.LONGEST
"""Texts within texts, texts in all and their characters, that are read; more of them cannot be read."""
_MOST_WORDS = 512
_QUOTED = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_SEVERAL = re.compile(r"[\s;|&()]")
_PATH_BEGINS = ("/", "./", "../", "~")
_BLANK = re.compile(r"\s")
_NUMBERED = re.compile(r"\d+-?|-")
_LOOKS_PROGRAM = re.compile(r"[\w./-]+")


@dataclass(slots=True)
class Judged:
    """The risks of a command's parts, and whether all that it runs could be read."""

    risks: list[Risk] = field(default_factory=list)
    readable: bool = True
    words: set[Risk] = field(default_factory=set)
    """Every risk of every part, not the worst of each alone."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a command runs as shell code; None when it is made while the command runs."""

    value: str | None


def free_text(words: Sequence[Word], rule: ProgramRule) -> list[Word]:
    """The words that are free text by the rule; never one that looks like a flag or a path."""
    if rule.says:
        chosen = list(words[1:])
    else:
        chosen = [word for flag, word in pairwise(words[1:]) if takes_next(flag, rule.text)]
    return [word for word in chosen if word.kind is Kind.STATIC and not word.value.startswith(("-", "/", "~"))]


class CommandJudge:
    """The judge of one action's text."""

    def __init__(self, places: Places, book: RiskBook) -> None:
        self._places = places
        self._book = book
        self._texts = 0
        self._characters = 0
        self._met: set[Risk] = set()

    def judge(self, text: str, script: Script | None) -> Judged:
        """The risks of a text that was read as `script`, None when it could not be read."""
        judged = Judged()
        self._text(text, script, judged, 0)
        judged.words = self._met | set(judged.risks)
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
                judged.risks.append(self._prefixed(call))
            self._redirects(script, judged)

    def _cannot_read(self, judged: Judged) -> None:
        judged.readable = False
        judged.risks.append(self._book.risks[OPAQUE])

    def _call(self, call: Call, judged: Judged, depth: int) -> None:
        judged.risks.append(self._prefixed(call))
        if judged.risks[-1].word == OPAQUE:
            self._cannot_read(judged)
        program = call.program
        if not program:
            return
        leaves = self._book.leaves(program)
        careful = any(self._is_careful(leaf) for leaf in leaves) or self._is_grave(program)
        if not all(each[0].names for each in (program, *leaves)) or (careful and any(w.dynamic for w in program[1:])):
            self._cannot_read(judged)
        if any(self._may_run_text(leaf) for leaf in leaves):
            self._nested(call, judged, depth, patterns=self._patterns(leaves), careful=careful)

    def _is_grave(self, words: Sequence[Word]) -> bool:
        rule = self._book.program(words)
        return rule is not None and self._book.risks[rule.risk].grave

    def _is_careful(self, words: Sequence[Word]) -> bool:
        """Whether a word that is made while it runs makes the whole unreadable."""
        return self._book.program(words) is None or self._is_grave(words)

    def _may_run_text(self, words: Sequence[Word]) -> bool:
        """Whether a command may run a text among its words as code."""
        rule = self._book.program(words)
        return rule is None or not (rule.data or self._book.risks[rule.risk].loose)

    def _prefixed(self, call: Call) -> Risk:
        """The risk of a command and of the assignments before it; nobody knows what those change."""
        if not call.program or not call.assigned:
            return self._own(call.words)
        return self._book.worst([self._own(call.words[: call.assigned]), self._own(call.program)])

    def _own(self, words: Sequence[Word], level: int = 0) -> Risk:
        """The risk of a command by its words, and of those that it runs as words of its own."""
        book, rule = self._book, self._book.program(words)
        carried = book.carried(words) if level < _DEEPEST else Carried(known=False)
        folders = book.folders(words, carried)
        found = self._entered(folders)
        with self._places.within(folders):
            rest: Sequence[Word] = words[1:]
            if carried is not None and carried.known:
                inner = [self._own(call, level + 1) for call in carried.calls]
                # What `docker exec` runs is a process, whatever it is.
                found += [*book.called(words), *(risk for risk in inner if rule is None or risk != book.unknown)]
                rest = carried.own
            elif rule is None or not (rule.data or book.risks[rule.risk].loose):
                found += self._hidden(words, rule, anywhere=carried is not None)
            entered = {id(word) for word in folders.entered}
            found += self._words(words, [word for word in rest if id(word) not in entered], rule)
        found.append(book.risks[rule.risk] if rule is not None else book.unknown)
        self._met.update(found)
        return book.worst(found)

    def _entered(self, folders: Folders) -> list[Risk]:
        """What the folders make worse that a command starts from, each seen from the one before it."""
        found: list[Risk] = []
        for at, word in enumerate(folders.entered):
            with self._places.within(Folders(folders.entered[:at])):
                found += self._at(word, written=False)
            found += [self._book.unknown] if word.kind is not Kind.STATIC else []
        return found

    def _hidden(self, words: Sequence[Word], rule: ProgramRule | None, *, anywhere: bool) -> list[Risk]:
        """The program among words that may be run by what is not harmless: `sudo rm`, `frob git push`."""
        texts = self._book.texts(words)
        hidden = self._book.hidden(words, skip=texts if rule is None else {*texts, id(words[0])}, anywhere=anywhere)
        return [hidden] if hidden is not None else []

    def _words(self, words: Sequence[Word], rest: Sequence[Word], rule: ProgramRule | None) -> list[Risk]:
        """What the places make worse that a command's own words name."""
        book = self._book
        texts = book.texts(words)
        free = {id(word) for word in free_text(words, rule)} if rule is not None else set()
        written = rule is None or not (rule.reads or rule.risk == "read")
        found: list[Risk] = []
        for word in rest:
            if rule is not None and (
                word.kind is Kind.UNKNOWN or (word.kind is Kind.GLOB and "/." in f"/{word.value}")
            ):
                found.append(book.unknown)
            if id(word) in texts:
                found += book.in_text(word.value, texts[id(word)])
            elif rule is None and word.quoted and not _may_be_path(word.value):
                found += book.named(word.value)
            elif id(word) not in free:
                found += self._at(word, written=written)
        return found

    def _at(self, word: Word, *, written: bool) -> list[Risk]:
        return self._places.risks_at(word, written=written)

    def _patterns(self, calls: Sequence[Sequence[Word]]) -> set[int]:
        """The ids of the words that are no code at all."""
        return {word for words in calls for word, rule in self._book.texts(words).items() if not rule.code}

    def _nested(self, call: Call, judged: Judged, depth: int, *, patterns: set[int], careful: bool) -> None:
        """Judge the texts that a command, or a command among its words (`env … bash -c …`), runs as code."""
        words, declared = call.program, False
        for at, word in enumerate(words[:_MOST_WORDS]):
            rule = self._book.interpreters.get(word.value.rpartition("/")[2])
            if rule is None or id(word) in patterns or (word.value in {".", "source"} and not _first(words, at)):
                continue
            declared = True
            if len(words) > _MOST_WORDS or not self._within_bounds(""):
                self._cannot_read(judged)
                return
            if careful and call.stdin is None and _reads_input(rule, words[at + 1 :]):
                self._met.add(self._book.risks[PIPED])
            for text in _texts(rule, self._to_run(rule, words[at:]), call.stdin, alone=careful):
                self._run(text, judged, depth)
        if not declared and careful:
            self._suspect([word for word in words if id(word) not in patterns], judged)

    def _to_run(self, rule: InterpreterRule, words: Sequence[Word]) -> Sequence[Word]:
        """The words without the flags and operands before the command that an interpreter takes as its `rest`."""
        carried = self._book.carried(words) if rule.rest else None
        if carried is None or not carried.known:
            return words
        return [words[0], *(word for call in carried.calls for word in call)]

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
            if how.endswith("&") and _NUMBERED.fullmatch(target.value):
                continue  # another descriptor
            written = ">" in how
            if target.kind is not Kind.STATIC:
                judged.risks.append(self._book.unknown)
            if target.dynamic and written:
                self._cannot_read(judged)
            if target.value not in self._book.places.devices:
                judged.risks.append(self._book.risks["write" if written else "read"])
                judged.risks += self._places.risks_at(target, written=written, path=True)


def _may_be_path(text: str) -> bool:
    """Whether a quoted word may be a path: prose and programs have blanks."""
    return not _BLANK.search(text) or (text.startswith(_PATH_BEGINS) and "\n" not in text)


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
    if rest and takes_next(rest[-1], rule.text):
        yield Text(None)  # what follows comes from elsewhere, as with `xargs sh -c`
    behind = [at for at, word in enumerate(rest) if flagged(word, rule.text)]
    for at in behind[:1]:
        yield from _again(rule, words[0], rest[at:]) if rule.again else _behind(rest[at], rest[at + 1 :], rule)
    if alone and _reads_input(rule, rest):
        yield Text(stdin)


def _reads_input(rule: InterpreterRule, rest: Sequence[Word]) -> bool:
    """Whether an interpreter called with these words runs what it reads from its input."""
    operands = [word for word in rest if not word.value.startswith("-") and not word.value.startswith("/dev/")]
    return rule.input and not operands and not any(flagged(word, rule.text) for word in rest)


def _behind(flag: Word, rest: Sequence[Word], rule: InterpreterRule) -> Iterator[Text]:
    """The texts behind a flag such as `-c`: the words after it, and what is joined to it."""
    joined = _joined(flag.value, rule.text)
    if _SEVERAL.search(joined):
        yield Text(None if flag.dynamic else joined)
    for word in rest:
        if not word.value.startswith(("-", "+")) or word.dynamic:
            yield Text(None if word.dynamic else word.value)


def _again(rule: InterpreterRule, program: Word, words: Sequence[Word]) -> Iterator[Text]:
    """The text behind a flag such as `env -S`, as words of the program."""
    joined = _joined(words[0].value, rule.text)
    text, rest = (words[0], words[1:]) if joined else (words[1] if len(words) > 1 else words[0], words[2:])
    quoted = " ".join(shlex.quote(word.value) for word in rest)
    value = f"{shlex.quote(program.value)} {joined or text.value} {quoted}"
    yield Text(None if any(word.dynamic for word in words) else value)


def _joined(flag: str, flags: Sequence[str]) -> str:
    """What is joined to a flag: `--command=x`, `-Sx`; nothing behind several letters such as `-lc`."""
    if flag.startswith("--"):
        return flag.partition("=")[2]
    return flag[2:] if flag[:2] in flags else ""
