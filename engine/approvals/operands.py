"""What the words behind a program are, by the rules of risks.toml: flags, texts, folders, or a command that it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from engine.approvals.shell import Kind, Word

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_LONG_FLAG = 2
_ENDS_OF_EXEC = frozenset({";", "+"})

WordKind = Literal["flags", "assignments"]


class CarrierRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a program takes a command that it runs, as words of its own.

    It stands behind the `first` words, the flags (`values` take the next word, `switches` do not; a short entry is one
    or more letters), the assignments where it takes any, and so many operands; or behind each flag of `behind`.
    """

    names: tuple[str, ...]
    first: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    operands: int = 0
    assignments: bool = False
    behind: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class TextRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which words of a program are text: no paths and no commands. `code` is a program, which may name places.

    With `names_files` it is the name, or a part of it, of files that are looked for.

    Text stands behind the flags of `behind` and `also`, and in the first operand where `operand` is set and no flag of
    `behind` or `unless` is there; `all` operands of some are text. `values` take the next word, which is none.
    """

    names: tuple[str, ...]
    behind: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    operand: bool = False
    all: bool = False
    code: bool = False
    names_files: bool = False


class FolderRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which flags make a program start from another folder, as `git -C` does.

    With `stays` some of its words start from where it was called. What a rule says about the program also holds behind
    these flags and the `switches`, where they stand before everything else and `leading` is set.
    """

    names: tuple[str, ...]
    flags: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    operands: bool = False
    stays: bool = False
    leading: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """The commands that a program runs, and the words that are its own; not `known` when that is unknown."""

    calls: tuple[Sequence[Word], ...] = ()
    own: tuple[Word, ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders that a program starts from, in the order that it enters them."""

    entered: tuple[Word, ...] = ()
    stays: bool = False


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


def takes_next(flag: Word, wanted: Sequence[str]) -> bool:
    """`-m`, `--message`, and `-am`, whose last letter takes the next word as its value."""
    if not flagged(flag, wanted) or "=" in flag.value:
        return False
    if flag.value.startswith("--"):
        return True
    return any(flag.value[-1] == short[1] if len(short) == _LONG_FLAG else flag.value == short for short in wanted)


def only(words: Sequence[Word], kinds: Sequence[WordKind], values: Sequence[str]) -> bool:
    """Whether the words are of these kinds alone; those that `values` take count to their flags."""
    owed = False
    for word in words:
        if owed:
            owed = False
        elif word.value.startswith(("-", "+")):
            if "flags" not in kinds:
                return False
            owed = takes_next(word, values)
        elif "assignments" not in kinds or not ASSIGNMENT.match(word.value):
            return False
    return True


def carried(rule: CarrierRule, words: Sequence[Word]) -> Carried | None:
    """The commands that a program runs when it is called with these words; None when it runs none of them."""
    rest = words[1:]
    if any(flagged(word, rule.unless) for word in rest[:1]):
        return None
    if rule.behind:
        return _behind(rule, words)
    at = 1
    if rule.first:
        while at < len(words) and words[at].value.startswith("-") and (size := _flag_words(rule, words[at].value)):
            at += size
        size = next((len(each.split()) for each in rule.first if _begins(words[at:], each.split())), 0)
        if not size:
            return None
        at += size
    begin = _begin(rule, words, at)
    if begin is None:
        return Carried(own=tuple(rest), known=False)
    calls = (words[begin:],) if begin < len(words) else ()
    return Carried(calls, tuple(words[1:begin]))


def _begin(rule: CarrierRule, words: Sequence[Word], at: int) -> int | None:
    """Where the command begins; None when a flag is not declared or a word is made while it runs."""
    flags, operands = True, rule.operands
    while at < len(words):
        word = words[at]
        if flags and word.value == "--":
            flags = False
            at += 1
        elif flags and len(word.value) > 1 and word.value.startswith("-"):
            size = _flag_words(rule, word.value)
            if not size or any(each.dynamic and not each.quoted for each in words[at : at + size]):
                return None
            at += size
        elif rule.assignments and (word.value == "-" or ASSIGNMENT.match(word.value)):
            at += 1
        elif operands:
            if word.kind is not Kind.STATIC and word.dynamic and not word.quoted:
                return None  # it may be several words, or none
            operands -= 1
            at += 1
        else:
            return at
    return at


def _flag_words(rule: CarrierRule, value: str) -> int:
    """How many words a flag takes with its value; 0 when it is not declared."""
    if value.startswith("--"):
        name, equals, _ = value.partition("=")
        if name in rule.values:
            return 1 if equals else 2
        return int(name in rule.switches)
    if value in rule.values or value in rule.switches:
        return 2 if value in rule.values else 1
    for at, letter in enumerate(value[1:], 2):
        if _has_letter(rule.values, letter):
            return 1 if at < len(value) else 2
        if not _has_letter(rule.switches, letter):
            return 0
    return 1


def _has_letter(flags: Sequence[str], letter: str) -> bool:
    return any(letter in flag[1:] for flag in flags if not flag.startswith("--"))


def _behind(rule: CarrierRule, words: Sequence[Word]) -> Carried:
    """The commands behind flags such as `-exec`, each up to its end."""
    calls: list[Sequence[Word]] = []
    own: list[Word] = []
    at = 1
    while at < len(words):
        own.append(words[at])
        at += 1
        if own[-1].value in rule.behind:
            end = next((end for end in range(at, len(words)) if words[end].value in _ENDS_OF_EXEC), len(words))
            calls += [words[at:end]] if end > at else []
            at = end + 1
    return Carried(tuple(calls), tuple(own))


def texts(rule: TextRule, words: Sequence[Word]) -> Iterator[Word]:
    """The words that are text; what may be a path as well is none."""
    wanted = (*rule.behind, *rule.also)
    takes_operand = rule.operand and not any(flagged(word, (*rule.behind, *rule.unless)) for word in words[1:])
    flags, owed = True, ""
    for word in words[1:]:
        if owed:
            if owed == "text":
                yield word
            owed = ""
        elif flags and word.value == "--":
            flags = False
        elif flags and len(word.value) > 1 and word.value.startswith("-"):
            if _starts_with_flag(word.value, wanted):
                yield word
            elif _ends_with_flag(rule, word.value, wanted):
                owed = "text"
            elif takes_next(word, rule.values):
                owed = "value"
        elif rule.all or (takes_operand and word.kind is Kind.STATIC):
            takes_operand = False
            yield word
        elif rule.code and not rule.operand:
            return  # what follows is another program's
        else:
            takes_operand = False


def _starts_with_flag(value: str, flags: Sequence[str]) -> bool:
    """Whether a text is joined to its flag: `-ep`, `--expression=p`."""
    if value.startswith("--"):
        return "=" in value and any(_is_flag(value, flag) for flag in flags if flag.startswith("--"))
    return any(value.startswith(flag) and len(value) > len(flag) for flag in flags if len(flag) == _LONG_FLAG)


def _ends_with_flag(rule: TextRule, value: str, flags: Sequence[str]) -> bool:
    """Whether the next word is the text: behind `-e`, `--expression`, `-ne`; not behind `-fe`, a file named `e`."""
    if value in flags:
        return True
    if value.startswith("--"):
        return any(_is_flag(value, flag) for flag in flags)
    taken = {flag[1] for flag in (*flags, *rule.values, *rule.unless) if len(flag) == _LONG_FLAG}
    return f"-{value[-1]}" in flags and not taken.intersection(value[1:-1]) and value[1:].isalnum()


def folders(rule: FolderRule, words: Sequence[Word]) -> Folders:
    """The folders that a program starts from; where a flag may mean something else, it also starts from the old one."""
    found: list[Word] = []
    owed = begun = False
    stays = rule.stays
    for word in words[1:]:
        if owed:
            found.append(word)
            owed = False
        elif takes_next(word, rule.flags):
            owed = True
            stays = stays or (rule.leading and begun)
        elif (joined := _joined(rule, word.value)) is not None:
            found.append(Word(joined, joined, word.kind, word.quoted))
            stays = stays or (rule.leading and begun)
        elif rule.operands:
            if word.value.startswith(("-", "(", "!")):
                break
            found.append(word)
        elif not word.value.startswith("-"):
            begun = True
    return Folders(tuple(found), stays)


def _joined(rule: FolderRule, value: str) -> str | None:
    """The folder that is joined to its flag."""
    name, equals, folder = value.partition("=")
    if equals and name.startswith("--") and any(_is_flag(name, flag) for flag in rule.flags):
        return folder
    short = next((flag for flag in rule.flags if len(flag) == _LONG_FLAG and value.startswith(flag)), None)
    return value[_LONG_FLAG:].removeprefix("=") if short is not None and len(value) > _LONG_FLAG else None


def without_folders(rule: FolderRule, words: Sequence[Word]) -> Sequence[Word]:
    """The words without the flags for folders, and the switches, that stand before everything else."""
    at = 1
    while at < len(words):
        if takes_next(words[at], rule.flags) and words[at].value in rule.flags:
            at += 2
        elif words[at].value in rule.switches or _joined(rule, words[at].value) is not None:
            at += 1
        else:
            break
    return [words[0], *words[at:]] if at > 1 else words


def _begins(words: Sequence[Word], wanted: Sequence[str]) -> bool:
    return len(words) >= len(wanted) and all(
        word.kind is Kind.STATIC and word.value == each for word, each in zip(words, wanted, strict=False)
    )
