"""What a request may do, in one declared word: the rules of risks.toml, read once and applied without I/O."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase, translate
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from engine.approvals import operands
from engine.approvals.operands import Carried, CarrierRule, FolderRule, Folders, TextRule, WordKind, flagged
from engine.approvals.shell import Kind, Word

UNKNOWN = "?"
"""The word for what no rule knows."""
_DEEPEST, _LONGEST = 64, 1024
"""Parts and characters of a path that are looked at; a longer one is unknown."""
_LONGEST_TEXT, _MOST_NAMES = 8192, 64
"""Characters of a text, and names in it, that are looked at."""
_NAMES = re.compile(r"(?<![\w.*/~-])(?:~/|/([\w.]+)/)[\w./@%+*?-]+")
_LITERALS = re.compile(r"""(["'`])([^"'`\s]+)\1""")
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "libexec", "."})
_MOST_WORDS, _MOST_ARGUMENTS = 512, 64
"""Words among which hidden programs are looked for, and how many of those that follow one are its own."""


class Risk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of harm. `rank` counts from 0, the worst; the actions of a `loose` one need not be equal to be one."""

    word: str
    about: str
    grave: bool = False
    loose: bool = False
    rank: int = 0


class ToolRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one tool's input is read: `main` states what is done, `ignored` never matter, `content` not when loose."""

    name: str
    main: str
    kind: Literal["shell", "path", "exact"]
    risk: str = UNKNOWN
    ignored: tuple[str, ...] = ()
    content: tuple[str, ...] = ()


class ProgramRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program does when it is called in one way."""

    names: tuple[str, ...]
    risk: str
    first: tuple[str, ...] = ()
    only_with: tuple[str, ...] = msgspec.field(name="with", default=())
    also_with: tuple[str, ...] = msgspec.field(name="and", default=())
    unless: tuple[str, ...] = ()
    only: tuple[WordKind, ...] | None = None
    values: tuple[str, ...] = ()
    operand: bool = False
    least: int = 0
    text: tuple[str, ...] = ()
    says: bool = False
    like: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    data: bool = False
    reads: bool = False
    called: bool = False

    def fits(self, words: Sequence[Word]) -> bool:
        """Whether it is about these words, the first of which is the program."""
        rest = words[1:]
        if self.first and not any(_begins(rest, each.split()) for each in self.first):
            return False
        if self.only_with and not any(flagged(word, self.only_with) for word in rest):
            return False
        if self.also_with and not any(flagged(word, self.also_with) for word in rest):
            return False
        if self.only is not None and not operands.only(rest, self.only, self.values):
            return False
        if self.like and not any(re.fullmatch(each, word.value[:_LONGEST]) for word in rest for each in self.like):
            return False
        if self.operand and all(word.value.startswith("-") for word in rest):
            return False
        if self.least and _most_operands(rest) < self.least:
            return False
        return not any(flagged(word, self.unless) for word in rest)


class InterpreterRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a program takes shell code: behind the `text` flags, as the `rest` of its words, as `each`, or as input.

    With `again` the text behind a flag is words of the program itself.
    """

    names: tuple[str, ...]
    text: tuple[str, ...] = ()
    rest: bool = False
    each: bool = False
    input: bool = False
    again: bool = False


class PathRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files that are worth more than others; patterns are of whole tails of a path, in lower case."""

    risk: str
    patterns: tuple[str, ...]
    reads: bool = False


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Absolute places that are nobody's workspace and yet not outside; `roots` begin a path within a program text."""

    scratch: tuple[str, ...]
    devices: tuple[str, ...]
    roots: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    risk: tuple[Risk, ...]
    places: Places
    path: tuple[PathRule, ...]
    tool: tuple[ToolRule, ...]
    program: tuple[ProgramRule, ...]
    interpreter: tuple[InterpreterRule, ...] = ()
    carrier: tuple[CarrierRule, ...] = ()
    text: tuple[TextRule, ...] = ()
    folder: tuple[FolderRule, ...] = ()


class RiskBook:
    """The rules, indexed. Its answers depend on nothing but what it is asked."""

    def __init__(self, text: str) -> None:
        rules = msgspec.convert(tomllib.loads(text), _File)
        ranked = [msgspec.structs.replace(risk, rank=rank) for rank, risk in enumerate(rules.risk)]
        self.risks = {risk.word: risk for risk in ranked}
        named = [*(r.risk for r in rules.program), *(r.risk for r in rules.path), *(r.risk for r in rules.tool)]
        if missing := set(named) - self.risks.keys():
            raise ValueError(f"the rules use {', '.join(sorted(missing))} and do not state how grave that is")
        self.places = rules.places
        self.tools = {tool.name: tool for tool in rules.tool}
        self._paths = [
            (self.risks[rule.risk], rule.reads, re.compile("|".join(map(translate, rule.patterns))))
            for rule in rules.path
        ]
        self._names = [
            (
                self.risks[rule.risk],
                rule.reads,
                [[part.strip("*") for part in each.split("/")] for each in rule.patterns],
            )
            for rule in rules.path
        ]
        self.interpreters = {name: rule for rule in rules.interpreter for name in rule.names}
        self._carriers: dict[str, list[CarrierRule]] = {}
        for carrier in rules.carrier:
            for name in carrier.names:
                self._carriers.setdefault(name, []).append(carrier)
        self._texts = {name: rule for rule in rules.text for name in rule.names}
        self._folders = {name: rule for rule in rules.folder for name in rule.names}
        self._programs: dict[str, list[ProgramRule]] = {}
        for rule in rules.program:
            for name in rule.names:
                self._programs.setdefault(name, []).append(rule)

    @property
    def unknown(self) -> Risk:
        """Nobody has said what it does."""
        return self.risks[UNKNOWN]

    def worst(self, risks: Iterable[Risk]) -> Risk:
        """The worst of them; of none, the unknown one."""
        return min(risks, key=lambda risk: risk.rank, default=self.unknown)

    def of_path(self, path: str, *, written: bool) -> Risk | None:
        """What a file makes worse; None when it is one like others."""
        parts = [part for part in path.lower().split("/") if part not in {"", "."}]
        if len(parts) > _DEEPEST or len(path) > _LONGEST:
            return self.unknown
        names = {*parts, *("/".join(parts[at:]) for at in range(len(parts)))}
        for risk, reads, pattern in self._paths:
            if (written or reads) and any(pattern.match(name) for name in names):
                return risk
        return None

    def of_pattern(self, pattern: str, *, written: bool) -> Risk | None:
        """What a file that a shell's pattern may stand for makes worse; one of nothing but `*` stands for no name."""
        parts = [part for part in pattern.lower().split("/") if part not in {"", "."}]
        if len(parts) > _DEEPEST or len(pattern) > _LONGEST:
            return self.unknown
        tails = [parts[at : at + size] for at in range(len(parts)) for size in (1, 2, 3)]
        for risk, reads, names in self._names:
            if (written or reads) and any(_may_be(tail, name) for tail in tails for name in names):
                return risk
        return None

    def named(self, text: str) -> list[Risk]:
        """What the files make worse that a program text or prose names for certain: absolute ones, and quoted ones."""
        text = text[:_LONGEST_TEXT]
        names = [found[0] for found in _NAMES.finditer(text) if found[1] is None or found[1] in self.places.roots]
        names += [found[1] for found in _LITERALS.findall(text) if "/" in found[1] or "." in found[1]]
        found = (self.of_path(name, written="/" in name) for name in names[:_MOST_NAMES])
        return [risk for risk in found if risk is not None]

    def program(self, words: Sequence[Word]) -> ProgramRule | None:
        """The rule for a command; None when nobody knows what it does."""
        name = words[0]
        if name.kind is not Kind.STATIC or "/" in name.value:
            return None
        words = self._without_folders(words)
        return next((rule for rule in self._programs.get(name.value, ()) if rule.fits(words)), None)

    def hidden(self, words: Sequence[Word], *, skip: Collection[int] = (), anywhere: bool = False) -> Risk | None:
        """The worst grave program named anywhere among words: `xargs rm`, `sudo -n git push`, `/bin/rm`.

        Programs whose names are common words count only where they are called, the first word; or `anywhere`. Words
        whose ids are to be skipped name none.
        """
        found: list[Risk] = []
        for at, word in enumerate(words[:_MOST_WORDS]):
            if id(word) not in skip and (anywhere or not at or _may_be_program(word.value)):
                found += self._grave(words[at : at + _MOST_ARGUMENTS], called=anywhere or not at)
        return self.worst(found) if found else None

    def called(self, words: Sequence[Word]) -> list[Risk]:
        """What the first of the words is when it names a grave program, also by its path."""
        return self._grave(words, called=True)

    def carried(self, words: Sequence[Word]) -> Carried | None:
        """The commands that a program runs as words of its own; None for one that nobody declared to run any."""
        rules = self._carriers.get(_basename(words[0]), ()) if words[0].kind is Kind.STATIC else ()
        return next((found for rule in rules if (found := operands.carried(rule, words)) is not None), None)

    def leaves(self, words: Sequence[Word]) -> list[Sequence[Word]]:
        """The commands that are run in the end; one whose carrier is unknown is the whole."""
        waiting, found = [words], list[Sequence[Word]]()
        for _ in range(_DEEPEST):
            if not waiting:
                return found
            call = waiting.pop()
            inner = self.carried(call)
            if inner is None or not inner.known or _basename(call[0]) in self.interpreters:
                found.append(call)
            waiting += inner.calls if inner is not None else ()
        return [words]

    def texts(self, words: Sequence[Word]) -> dict[int, TextRule]:
        """The words that are text, by their ids, with the rule that says so."""
        rule = self._texts.get(_basename(words[0]))
        return {id(word): rule for word in operands.texts(rule, words)} if rule is not None else {}

    def in_text(self, text: str, rule: TextRule) -> list[Risk]:
        """What the files make worse that a text names."""
        if rule.code:
            return self.named(text)
        special = self.of_path(text, written=False) if rule.names_files else None
        return [special] if special is not None else []

    def folders(self, words: Sequence[Word], carried: Carried | None) -> Folders:
        """The folders that a command starts from, by the words that are its own."""
        rule = self._folders.get(_basename(words[0]))
        if rule is None:
            return Folders()
        if carried is None:
            return operands.folders(rule, words)
        found = operands.folders(rule, [words[0], *carried.own])
        return Folders(found.entered, found.stays or not carried.known)

    def _without_folders(self, words: Sequence[Word]) -> Sequence[Word]:
        rule = self._folders.get(_basename(words[0]))
        return operands.without_folders(rule, words) if rule is not None and rule.leading else words

    def _grave(self, words: Sequence[Word], *, called: bool) -> list[Risk]:
        """The grave risks of a program and what follows it; `called` where it is one for certain."""
        rules = [rule for rule in self._programs.get(_basename(words[0]), ()) if called or not rule.called]
        if not rules:
            return []
        call = self._without_folders(words)
        graves = [(self.risks[rule.risk], rule) for rule in rules]
        return [risk for risk, rule in graves if risk.grave and rule.fits(call)]


def _may_be_program(text: str) -> bool:
    """Whether an operand may name a program: a bare name, or one in a folder of programs."""
    return "/" not in text or text.rsplit("/", 2)[-2] in _PROGRAM_FOLDERS


def _basename(word: Word) -> str:
    return word.value.rpartition("/")[2]


def _may_be(pattern: Sequence[str], name: Sequence[str]) -> bool:
    """Whether a pattern may stand for a name, part by part."""
    return len(pattern) == len(name) and all(
        not literal or (part.strip("*") and fnmatchcase(literal, part))
        for part, literal in zip(pattern, name, strict=True)
    )


def _most_operands(words: Sequence[Word]) -> int:
    """How many operands the words may be at most, as far as that is known: a pattern may stand for two."""
    return sum(1 + (word.kind is not Kind.STATIC) for word in words if not word.value.startswith("-"))


def _begins(words: Sequence[Word], wanted: Sequence[str]) -> bool:
    return len(words) >= len(wanted) and all(
        word.kind is Kind.STATIC and word.value == each for word, each in zip(words, wanted, strict=False)
    )


@cache
def shipped_risks() -> RiskBook:
    """The rules that come with Quarterdeck."""
    return RiskBook((files("engine.approvals") / "risks.toml").read_text(encoding="utf-8"))
