"""What a request may do, in one declared word: the rules of risks.toml, read once and applied without I/O."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase, translate
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from engine.approvals.shell import Kind, Word

UNKNOWN = "?"
"""The word for what no rule knows."""
_LONG_FLAG = 2
_DEEPEST, _LONGEST = 64, 1024
"""Parts and characters of a path that are looked at; a longer one is unknown."""
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
    """How one tool's input is read: `main` says what is done, `ignored` never matter, `content` not when loose."""

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
    unless: tuple[str, ...] = ()
    operand: bool = False
    least: int = 0
    text: tuple[str, ...] = ()
    says: bool = False
    like: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    def fits(self, words: Sequence[Word]) -> bool:
        """Whether it is about these words, the first of which is the program."""
        rest = words[1:]
        if self.first and not any(_begins(rest, each.split()) for each in self.first):
            return False
        if self.only_with and not any(flagged(word, self.only_with) for word in rest):
            return False
        if self.like and not any(re.fullmatch(each, word.value[:_LONGEST]) for word in rest for each in self.like):
            return False
        if self.operand and all(word.value.startswith("-") for word in rest):
            return False
        if self.least and _most_operands(rest) < self.least:
            return False
        return not any(flagged(word, self.unless) for word in rest)


class InterpreterRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a program takes shell code: behind the `text` flags, as the `rest` of its words, as `each`, or as input."""

    names: tuple[str, ...]
    text: tuple[str, ...] = ()
    rest: bool = False
    each: bool = False
    input: bool = False


class PathRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files that are worth more than others; patterns are of whole tails of a path, in lower case."""

    risk: str
    patterns: tuple[str, ...]
    reads: bool = False


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Absolute places that are nobody's workspace and yet not outside."""

    scratch: tuple[str, ...]
    devices: tuple[str, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    risk: tuple[Risk, ...]
    places: Places
    path: tuple[PathRule, ...]
    tool: tuple[ToolRule, ...]
    program: tuple[ProgramRule, ...]
    interpreter: tuple[InterpreterRule, ...] = ()


class RiskBook:
    """The rules, indexed. Its answers depend on nothing but what it is asked."""

    def __init__(self, text: str) -> None:
        rules = msgspec.convert(tomllib.loads(text), _File)
        ranked = [msgspec.structs.replace(risk, rank=rank) for rank, risk in enumerate(rules.risk)]
        self.risks = {risk.word: risk for risk in ranked}
        named = [*(r.risk for r in rules.program), *(r.risk for r in rules.path), *(r.risk for r in rules.tool)]
        if missing := set(named) - self.risks.keys():
            raise ValueError(f"the rules use {', '.join(sorted(missing))} and do not say how grave that is")
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

    def program(self, words: Sequence[Word]) -> ProgramRule | None:
        """The rule for a command; None when nobody knows what it does."""
        name = words[0]
        if name.kind is not Kind.STATIC or "/" in name.value:
            return None
        return next((rule for rule in self._programs.get(name.value, ()) if rule.fits(words)), None)

    def hidden(self, words: Sequence[Word]) -> Risk | None:
        """The worst grave program named anywhere among words: `xargs rm`, `sudo -n git push`, `/bin/rm`."""
        found: list[Risk] = []
        for at, word in enumerate(words[:_MOST_WORDS]):
            name = word.value.rpartition("/")[2]
            call = words[at : at + _MOST_ARGUMENTS]
            found += [self.risks[rule.risk] for rule in self._programs.get(name, ()) if self._grave(rule, call)]
        return self.worst(found) if found else None

    def _grave(self, rule: ProgramRule, words: Sequence[Word]) -> bool:
        return self.risks[rule.risk].grave and rule.fits(words)


def _may_be(pattern: Sequence[str], name: Sequence[str]) -> bool:
    """Whether a pattern may stand for a name, part by part."""
    return len(pattern) == len(name) and all(
        not literal or (part.strip("*") and fnmatchcase(literal, part))
        for part, literal in zip(pattern, name, strict=True)
    )


def flagged(word: Word, flags: Sequence[str]) -> bool:
    """Whether a word is one of these flags: shortened, joined with its value, or among other letters."""
    return any(_is_flag(word.value, flag) for flag in flags)


def _is_flag(value: str, flag: str) -> bool:
    if flag.startswith("--") and len(flag) > _LONG_FLAG:
        name = value.partition("=")[0]
        return name == flag or (len(name) > _LONG_FLAG and name.startswith("--") and flag.startswith(name))
    if flag.startswith("-") and len(flag) == _LONG_FLAG and flag != "--":
        return value.startswith("-") and not value.startswith("--") and flag[1] in value[1:]
    return value == flag


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
