"""What a request asks for, normalised: two requests with equal actions may be answered as one, and no others.

Below its own workspace a path is named from there. In a loose action (one that only reads, writes in its workspace or
runs the project's own code) numbers, temporary names and declared free text are left open; nothing is left open in any
other, nor in a flag, a program's name or a path outside the workspace. A command that cannot be read for certain is
taken by its letters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import msgspec

from engine.approvals import grammar, shell
from engine.approvals.commands import CommandJudge, free_text
from engine.approvals.grammar import Script
from engine.approvals.links import names_in
from engine.approvals.operands import flagged
from engine.approvals.patterns import Names
from engine.approvals.places import Places, Resolve
from engine.approvals.risks import ProgramRule, Risk, RiskBook, ToolRule
from engine.approvals.shell import Kind, Mark, Token, Word
from engine.base.secret_text import redact
from engine.base.text import one_line

MAX_FORM = 400
"""Characters of an action that are shown; a longer one is shown cut, with its digest."""
_KEY_BYTES = 16
_LOOKED_AT = 16_384
"""Characters of an action in which secrets are looked for; many more than are shown."""
WORKSPACE = "<workspace>"
MEANS = {"<n>": "any number", "<id>": "any id", "<tmp>": "any temporary name", "<text>": "any text"}
"""What is left open, in words."""
_LETTERS = {sign: chr(0xE000 + number) for number, sign in enumerate(MEANS)}
"""What stands for a sign while secrets are looked for: one letter that no shell acts on."""
_OPEN = re.compile(
    r"(?P<tmp>(?<=/)tmp(?:\.[A-Za-z0-9]{6,12}|[a-z0-9_]{8})(?=/|$))"
    r"|(?P<id>(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])(?=[0-9a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,40}(?![0-9A-Za-z]))"
    r"|(?P<n>[0-9]+)"
)
_TEMPORARY = re.compile(r"(?P<tmp>(?<=/)tmp(?:\.[A-Za-z0-9]{6,12}|[a-z0-9_]{8})(?=/|$))")
_PLAIN = re.compile(r"[\w./@%+=:,-]+")


@dataclass(frozen=True, slots=True)
class Action:
    """One normalised action: `form` as it is shown and granted, `digest` of the whole, `opened` what it leaves open.

    One that is not `grantable` does what its letters do not tell: it is answered each time, by a person. `risks` are
    those of all parts, of which `risk` is the worst; `paths` are the words that may name files.
    """

    tool: str
    form: str
    digest: str
    risk: Risk
    opened: tuple[str, ...] = ()
    grantable: bool = True
    risks: tuple[Risk, ...] = ()
    paths: tuple[str, ...] = ()

    @property
    def all_risks(self) -> tuple[Risk, ...]:
        """Every risk of its parts, the worst first; what has a named risk does not show its harmless ones."""
        found = sorted({self.risk, *self.risks}, key=lambda risk: risk.rank)
        return tuple(risk for risk in found if not _reads(risk)) or tuple(found)

    def key(self, tenant: str) -> str:
        """The name of its group: equal for equal actions of one tenant, and for no others."""
        return _digest(f"{tenant}\0{self.tool}\0{self.digest}")

    @property
    def words(self) -> str:
        """Exactly what a grant of it allows, for a person."""
        said = ", ".join(f"{sign} {MEANS[sign]}" for sign in self.opened)
        if not self.grantable:
            said = "cannot be read for certain: no grant covers it"
        return f"{one_line(self.tool, 80)}: {self.form}" + (f"  ({said})" if said else "  (exactly this)")


def normalise(
    tool: str,
    given: bytes,
    workspace: str,
    book: RiskBook,
    resolve: Resolve | None = None,
    names: Names = names_in,
) -> Action:
    """The action behind a tool's input, a JSON object; `workspace` is the absolute folder that the agent works in.

    With `resolve` a place is what a path leads to, and a pattern is the `names` that it stands for; without it, what
    their letters say.
    """
    made = _normalised(tool, given, workspace, book, resolve, names)
    return replace(made, form=_shown(made))


def _normalised(
    tool: str, given: bytes, workspace: str, book: RiskBook, resolve: Resolve | None, names: Names
) -> Action:
    """The action with its whole form, as its digest is made of it."""
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
    ground = _Ground(workspace.rstrip("/"), book, resolve, names)
    if rule.kind == "shell":
        return ground.command(tool, main, suffix)
    if rule.kind == "path":
        return ground.file(tool, main, suffix, rule, fields)
    return _made(tool, main + suffix, book.risks[rule.risk])


class _Ground:
    """The forms of one workspace's actions."""

    def __init__(self, workspace: str, book: RiskBook, resolve: Resolve | None, names: Names) -> None:
        self._book = book
        self._places = Places(workspace, book, resolve, names)

    def command(self, tool: str, text: str, suffix: str) -> Action:
        script, tokens = grammar.read(text), shell.parse(text)
        if script is not None and tokens is not None and not _agree(script, tokens):
            script = None
        judged = CommandJudge(self._places, self._book).judge(text, script)
        if script is None or tokens is None:
            risk = self._book.worst([*judged.risks, self._book.unknown])
            made = self._finished(tool, text.strip() + suffix, risk, readable=judged.readable)
            return replace(made, risks=tuple(judged.words))
        risk = self._book.worst(judged.risks)
        opened: set[str] = set()
        form = self._form(tokens, risk, opened) + suffix
        made = self._finished(tool, form, risk, opened, readable=judged.readable)
        return replace(made, risks=tuple(judged.words))

    def _form(self, tokens: tuple[Token, ...], risk: Risk, opened: set[str]) -> str:
        calls = [(words, self._book.program(words)) for words in shell.commands(tokens)]
        free = {id(word) for words, rule in calls if rule is not None for word in free_text(words, rule)}
        fixed = {id(words[0]) for words, _rule in calls}
        fixed |= {id(word) for words, rule in calls if rule is not None for word in _fixed_values(words, rule)}
        fixed |= {id(target) for how, target in shell.targets(tokens) if how.endswith("&")}
        parts = []
        for token in tokens:
            if isinstance(token, Mark):
                parts.append(token.text)
            elif risk.loose and id(token) in free:
                opened.add("<text>")
                parts.append("<text>")
            else:
                parts.append(self._named(token, opened, loose=risk.loose and id(token) not in fixed))
        return " ".join(parts)

    def _finished(
        self, tool: str, form: str, risk: Risk, opened: set[str] | None = None, *, readable: bool = True
    ) -> Action:
        grantable = readable and not self._places.unread
        made = _made(tool, form + self._places.leading(), risk, opened, grantable=grantable)
        return replace(made, paths=self._places.named)

    def file(self, tool: str, path: str, suffix: str, rule: ToolRule, fields: Mapping[str, Any]) -> Action:
        own = self._book.risks[rule.risk]
        risks = [own, *self._places.risks_at(Word(path, path), written=not _reads(own), path=True)]
        risk = self._book.worst(risks)
        opened: set[str] = set()
        named = self._named(Word(path, path, quoted=not _PLAIN.fullmatch(path)), opened, loose=risk.loose)
        content = {key: fields[key] for key in rule.content if key in fields}
        if content and not risk.loose:
            suffix = f" with content {_digest(_json(content))}{suffix}"
        elif content:
            suffix = f" with any content{suffix}"
        return replace(self._finished(tool, named + suffix, risk, opened), risks=tuple(risks))

    def _named(self, word: Word, opened: set[str], *, loose: bool) -> str:
        """A word as its action has it; one whose value is not known stays as it was written."""
        if word.kind is not Kind.STATIC:
            return word.raw
        flag, equals, value = word.value.partition("=")
        if not (equals and flag.startswith("-")):
            flag, equals, value = "", "", word.value
        inner = self._places.inner(value)
        root, rest = (WORKSPACE, inner) if inner is not None else ("", value)
        lead = _quoted(flag + equals, word) if equals else ""
        if not loose or rest.startswith("-") or ".." in rest.split("/") or ":" in rest or "@" in rest or "~" in rest:
            return lead + root + _quoted(rest, word, alone=not root and not lead)
        pattern = _TEMPORARY if rest.startswith("/") and not root else _OPEN
        return lead + root + _masked(rest, word, pattern, opened, alone=not root and not lead)


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


def _reads(risk: Risk) -> bool:
    return risk.word == "read"


def _agree(script: Script, tokens: tuple[Token, ...]) -> bool:
    """Whether both readers found the same commands."""
    plain = [[word.value for word in words] for words in shell.commands(tokens)]
    return plain == [[word.value for word in call.words] for call in script.calls]


def _made(tool: str, form: str, risk: Risk, opened: set[str] | None = None, *, grantable: bool = True) -> Action:
    signs = tuple(sign for sign in MEANS if sign in (opened or ()))
    return Action(tool, form, _digest(form), risk, signs, grantable)


def _shown(made: Action) -> str:
    """A form as it is shown and recorded: its secrets hidden, and a long one cut, with its digest."""
    seen = _redacted(made.form[:_LOOKED_AT]).replace("\n", " ⏎ ")
    if len(seen) > MAX_FORM or len(made.form) > _LOOKED_AT:
        size = len(made.form)
        return f"{one_line(seen[: MAX_FORM - 80], MAX_FORM - 80)} … ({size} characters, {made.digest})"
    return one_line(seen, MAX_FORM)


def _redacted(form: str) -> str:
    """A form without its secrets, also where their digits are left open."""
    if any(letter in form for letter in _LETTERS.values()):
        return redact(form)
    for sign, letter in _LETTERS.items():
        form = form.replace(sign, letter)
    form = redact(form)
    for sign, letter in _LETTERS.items():
        form = form.replace(letter, sign)
    return form


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).hexdigest()
