"""What a request asks for, normalised: two requests with equal actions may be answered as one, and no others.

Below its own workspace a path is told from there. In a loose action (one that only reads, writes in its workspace or
runs the project's own code) numbers, temporary names and declared free text are left open; nothing is left open in any
other, nor in a flag, a program's name or a path outside the workspace. A command that cannot be read for certain is
taken by its letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import msgspec

from engine.approvals import shell
from engine.approvals.risks import ProgramRule, Risk, RiskBook, ToolRule, flagged
from engine.approvals.shell import Kind, Mark, Token, Word
from engine.sessions.summaries import one_line

MAX_FORM = 400
"""Characters of an action that are shown; a longer one is shown cut, with its digest."""
MAX_RESOLVED = 64
"""Paths of one action whose links are followed; more of them are unknown."""
_LONGEST_PATH = 1024
_KEY_BYTES = 16
WORKSPACE = "<workspace>"
MEANS = {"<n>": "any number", "<id>": "any id", "<tmp>": "any temporary name", "<text>": "any text"}
"""What is left open, in words."""
_OPEN = re.compile(
    r"(?P<tmp>(?<=/)tmp(?:\.[A-Za-z0-9]{6,12}|[a-z0-9_]{8})(?=/|$))"
    r"|(?P<id>(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])(?=[0-9a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,40}(?![0-9A-Za-z]))"
    r"|(?P<n>[0-9]+)"
)
_TEMPORARY = re.compile(r"(?P<tmp>(?<=/)tmp(?:\.[A-Za-z0-9]{6,12}|[a-z0-9_]{8})(?=/|$))")
_PLAIN = re.compile(r"[\w./@%+=:,-]+")
_LOOKS_PROGRAM = re.compile(r"[\w./-]+")


@dataclass(frozen=True, slots=True)
class Action:
    """One normalised action: `form` as it is shown and granted, `digest` of the whole, `opened` what it leaves open."""

    tool: str
    form: str
    digest: str
    risk: Risk
    opened: tuple[str, ...] = ()

    def key(self, tenant: str) -> str:
        """The name of its group: equal for equal actions of one tenant, and for no others."""
        return _digest(f"{tenant}\0{self.tool}\0{self.digest}")

    @property
    def words(self) -> str:
        """Exactly what a grant of it allows, for a person."""
        said = ", ".join(f"{sign} {MEANS[sign]}" for sign in self.opened)
        return f"{one_line(self.tool, 80)}: {self.form}" + (f"  ({said})" if said else "  (exactly this)")


Resolve = Callable[[str], str]
"""Where an absolute path leads once the links in its existing part are followed."""


def normalise(tool: str, given: bytes, workspace: str, book: RiskBook, resolve: Resolve | None = None) -> Action:
    """The action behind a tool's input, a JSON object; `workspace` is the absolute folder that the agent works in.

    With `resolve` a place is what a path leads to; without it, what the path says.
    """
    try:
        fields = msgspec.json.decode(given)
    except msgspec.DecodeError:
        fields = None
    rule = book.tools.get(tool)
    if not isinstance(fields, dict):
        return _made(tool, given.decode("utf-8", "replace"), book.unknown)
    if rule is None or not isinstance(main := fields.get(rule.main), str) or not main:
        return _made(tool, _json(fields), book.unknown)
    more = {
        key: value
        for key, value in fields.items()
        if key not in {rule.main, *rule.ignored, *rule.content} and value not in (None, False, "")
    }
    suffix = f" with {_json(more)}" if more else ""
    ground = _Ground(workspace.rstrip("/"), book, resolve)
    if rule.kind == "shell":
        return ground.command(tool, main, suffix)
    if rule.kind == "path":
        return ground.file(tool, main, suffix, rule, fields)
    return _made(tool, main + suffix, book.risks[rule.risk])


class _Ground:
    """The workspace, and what is worth more than other files."""

    def __init__(self, workspace: str, book: RiskBook, resolve: Resolve | None) -> None:
        self._workspace = workspace
        self._book = book
        self._resolve = resolve if workspace else None
        self._root = resolve(workspace) if resolve is not None and workspace else workspace
        self._base = workspace
        self._left = MAX_RESOLVED
        self._leads: dict[str, str] = {}

    def command(self, tool: str, text: str, suffix: str) -> Action:
        tokens = shell.parse(text)
        if tokens is None:
            # By its letters, and as bad as the worst program that it may name.
            loosely = [Word(part, part) for part in _LOOKS_PROGRAM.findall(text[: shell.LONGEST])]
            return _made(tool, text.strip() + suffix, self._book.hidden(loosely) or self._book.unknown)
        calls = [(words, self._book.program(words)) for words in shell.commands(tokens)]
        found = self._redirected(tokens)
        for words, rule in calls:
            found.append(self._call(words, rule))
            self._enter(words)
        if self._base != self._workspace:  # a redirection behind a `cd` starts from there
            found += self._redirected(tokens)
        risk = self._book.worst(found)
        free = {id(word) for words, rule in calls if rule is not None for word in _free_text(words, rule)}
        fixed = {id(words[0]) for words, _rule in calls}
        fixed |= {id(word) for words, rule in calls if rule is not None for word in _fixed_values(words, rule)}
        fixed |= {id(target) for how, target in shell.targets(tokens) if how.endswith("&")}
        opened: set[str] = set()
        parts = []
        for token in tokens:
            if isinstance(token, Mark):
                parts.append(token.text)
            elif risk.loose and id(token) in free:
                opened.add("<text>")
                parts.append("<text>")
            else:
                parts.append(self._told(token, opened, loose=risk.loose and id(token) not in fixed))
        return _made(tool, " ".join(parts) + suffix + self._leading(), risk, opened)

    def file(self, tool: str, path: str, suffix: str, rule: ToolRule, fields: Mapping[str, Any]) -> Action:
        own = self._book.risks[rule.risk]
        risk = self._book.worst([own, *self._at(Word(path, path), written=not _reads(own))])
        opened: set[str] = set()
        told = self._told(Word(path, path, quoted=not _PLAIN.fullmatch(path)), opened, loose=risk.loose)
        content = {key: fields[key] for key in rule.content if key in fields}
        if content and not risk.loose:
            suffix = f" with content {_digest(_json(content))}{suffix}"
        elif content:
            suffix = f" with any content{suffix}"
        return _made(tool, told + suffix + self._leading(), risk, opened)

    def _call(self, words: list[Word], rule: ProgramRule | None) -> Risk:
        book = self._book
        if rule is None:
            # A quoted word is more likely a pattern or a program text than a path.
            found = [risk for word in words[1:] if not word.quoted for risk in self._at(word, written=True)]
            return book.worst([book.hidden(words) or book.unknown, *found])
        own = book.risks[rule.risk]
        free = {id(word) for word in _free_text(words, rule)}
        # What is not harmless by itself may run another: `sudo rm`, `docker exec x git push`.
        carried = book.hidden(words[1:]) if not own.loose else None
        found = [own, *([carried] if carried is not None else [])]
        for word in words[1:]:
            if word.kind is Kind.UNKNOWN or (word.kind is Kind.GLOB and "/." in f"/{word.value}"):
                found.append(book.unknown)
            if id(word) not in free:
                found += self._at(word, written=not _reads(own))
        return book.worst(found)

    def _redirected(self, tokens: tuple[Token, ...]) -> list[Risk]:
        found: list[Risk] = []
        for how, target in shell.targets(tokens):
            written = ">" in how
            if target.kind is not Kind.STATIC:
                found.append(self._book.unknown)
            if target.value not in self._book.places.devices and not how.endswith("&"):
                found.append(self._book.risks["write" if written else "read"])
                found += self._at(target, written=written)
        return found

    def _at(self, word: Word, *, written: bool) -> list[Risk]:
        """What the place that a word names makes worse."""
        text = word.value.partition("=")[2] or word.value
        if text.startswith("-") and "/" in text:
            text = text[text.index("/") :]
        special = self._book.of_path(self._inner(text) or text, written=written)
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
        inner = _below(place, self._root)
        special = self._book.of_path(inner or place, written=written)
        found = [special] if special is not None else []
        known = (*self._book.places.scratch, *self._book.places.devices)
        if inner is None and not text.startswith("/dev/") and all(_below(place, each) is None for each in known):
            found.append(self._book.risks["outside"])
        if found and not place.endswith(text.removeprefix("./")):
            self._leads[text] = place
        return found

    def _leading(self) -> str:
        """Where links lead, as a part of the action: a grant is not for the same names after a link has moved."""
        return "".join(f" ({one_line(text)} leads to {place})" for text, place in self._leads.items())

    def _enter(self, words: Sequence[Word]) -> None:
        """Follow `cd DIR`: what comes after it starts from there."""
        if words[0].value in {"cd", "pushd"} and len(words) == 2 and words[1].kind is Kind.STATIC:
            self._base = f"{self._base}/{words[1].value}" if not words[1].value.startswith("/") else words[1].value

    def _outside(self, text: str) -> bool:
        if "://" in text:
            return False
        if ".." in text.split("/") or text.startswith("~") or ":/" in text:
            return True
        if not text.startswith("/") or text in self._book.places.devices or self._inner(text) is not None:
            return False
        return not any(text == place or text.startswith(place + "/") for place in self._book.places.scratch)

    def _inner(self, path: str) -> str | None:
        """The part of an absolute path below the workspace; None when it is not below it."""
        if not self._workspace or ".." in path.split("/"):
            return None
        if path == self._workspace:
            return ""
        return path[len(self._workspace) :] if path.startswith(self._workspace + "/") else None

    def _told(self, word: Word, opened: set[str], *, loose: bool) -> str:
        """A word as its action has it; one whose value is not known stays as it was written."""
        if word.kind is not Kind.STATIC:
            return word.raw
        flag, equals, value = word.value.partition("=")
        if not (equals and flag.startswith("-")):
            flag, equals, value = "", "", word.value
        inner = self._inner(value)
        root, rest = (WORKSPACE, inner) if inner is not None else ("", value)
        lead = _quoted(flag + equals, word) if equals else ""
        if not loose or rest.startswith("-") or ".." in rest.split("/") or ":" in rest or "@" in rest or "~" in rest:
            return lead + root + _quoted(rest, word, alone=not root and not lead)
        pattern = _TEMPORARY if rest.startswith("/") and not root else _OPEN
        return lead + root + _masked(rest, word, pattern, opened, alone=not root and not lead)


def _below(path: str, root: str) -> str | None:
    """The part of a path below a folder, empty for the folder itself, None when it is not below it."""
    if path == root:
        return ""
    return path[len(root) :] if path.startswith(f"{root}/") else None


def _fixed_values(words: Sequence[Word], rule: ProgramRule) -> list[Word]:
    """The words that are, or hold, values of the flags that are never left open."""
    after = [word for flag, word in pairwise(words[1:]) if flagged(flag, rule.fixed)]
    return after + [word for word in words[1:] if flagged(word, rule.fixed)]


def _masked(text: str, word: Word, pattern: re.Pattern[str], opened: set[str], *, alone: bool) -> str:
    parts, at = [], 0
    for found in pattern.finditer(text):
        sign = f"<{found.lastgroup}>"
        opened.add(sign)
        parts += [_quoted(text[at : found.start()], word), sign]
        at = found.end()
    return "".join([*parts, _quoted(text[at:], word, alone=alone and not parts)])


def _quoted(text: str, word: Word, *, alone: bool = False) -> str:
    """A literal piece: a word that was quoted stays so, however it was quoted, and no sign can be forged with it."""
    if not word.quoted or (not text and not alone):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _free_text(words: Sequence[Word], rule: ProgramRule) -> list[Word]:
    """The words that are free text by the rule; never one that looks like a flag or a path."""
    if rule.says:
        chosen = list(words[1:])
    else:
        chosen = [word for flag, word in pairwise(words[1:]) if _takes_text(flag, rule.text)]
    return [word for word in chosen if word.kind is Kind.STATIC and not word.value.startswith(("-", "/", "~"))]


def _takes_text(flag: Word, wanted: Sequence[str]) -> bool:
    """`-m`, `--message`, and `-am`, whose last letter takes the value."""
    if not flagged(flag, wanted) or "=" in flag.value:
        return False
    return flag.value.startswith("--") or any(flag.value[-1] == short[1] for short in wanted if len(short) == 2)


def _reads(risk: Risk) -> bool:
    return risk.word == "read"


def _made(tool: str, form: str, risk: Risk, opened: set[str] | None = None) -> Action:
    digest = _digest(form)
    seen = form.replace("\n", " ⏎ ")
    shown = one_line(seen, MAX_FORM)
    if len(seen) > MAX_FORM:
        shown = f"{one_line(seen[: MAX_FORM - 80], MAX_FORM - 80)} … ({len(form)} characters, {digest})"
    return Action(tool, shown, digest, risk, tuple(sign for sign in MEANS if sign in (opened or ())))


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).hexdigest()
