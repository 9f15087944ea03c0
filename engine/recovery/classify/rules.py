"""The rules of the classifier: what a rule says, and how a file of rules is read and refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec

from engine.base.errors import SettingsError
from engine.recovery.classify.phrases import BadPhrase, Phrases, WordClasses
from engine.settings.dotenv import content_of

_REMEDY = "docs/classifier.md states what a rule is made of; the rules in force stay."
_FACTS = ("status", "api_type", "assistant", "errno", "exit_code", "signal", "terminal", "startup")


class ErrorType(StrEnum):
    """The seven types of error, and `none` for healthy output."""

    NETWORK = "network"
    PROCESS = "process"
    AUTH = "auth"
    RESOURCE = "resource"
    TIMEOUT = "timeout"
    VALIDATION = "validation"
    INTERNAL = "internal"
    NONE = "none"


class ErrorSeverity(StrEnum):
    """How bad it is: `critical` means that every session is hit until somebody acts."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class StrategyWord(StrEnum):
    """What recovery is to do; `none` leaves it to a plain retry, or needs nothing."""

    PROCESS = "process"
    SESSION = "session"
    RESOURCE = "resource"
    REAUTHENTICATE = "reauthenticate"
    REDUCE_LOAD = "reduce_load"
    PARK = "park"
    FAIL_FAST = "fail_fast"
    NONE = "none"


class Only(StrEnum):
    """What must hold besides for a rule to apply."""

    NO_API_TYPE = "no_api_type"
    """The API's own error body did not come through: somebody in between answered."""
    EXIT_ZERO = "exit_zero"
    """The process ended with 0."""
    FAILED = "failed"
    """The failure is a known fact, not read from a text."""


_Weight = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cause of failure, how it shows itself, and what follows from it.

    It applies when one of its facts, phrases or patterns does. `says` phrases are statements and count by themselves,
    `names` only where a failure is reported. `weight` is the score of a text, `fact_weight` that of a fact.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    type: ErrorType
    category: str
    description: str
    severity: ErrorSeverity | None = None
    retryable: bool = False
    strategy: StrategyWord = StrategyWord.NONE
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    weight: _Weight = 60.0
    fact_weight: _Weight = 80.0
    says: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    only: tuple[Only, ...] = ()
    despite_success: bool = False
    """Looked for on the stderr of a turn that succeeded: damage that its result does not show."""
    status: tuple[int, ...] = ()
    api_type: tuple[str, ...] = ()
    assistant: tuple[str, ...] = ()
    errno: tuple[str, ...] = ()
    exit_code: tuple[int, ...] = ()
    signal: tuple[str, ...] = ()
    terminal: tuple[str, ...] = ()
    startup: tuple[str, ...] = ()

    def facts(self) -> Iterable[tuple[str, str | int]]:
        """Every single fact that the rule applies to, as (kind, value)."""
        for kind in _FACTS:
            for value in getattr(self, kind):
                yield kind, value


def shipped_rules() -> tuple[Rule, ...]:
    """The rules that come with Quarterdeck."""
    source = files("engine.recovery.classify") / "rules.toml"
    return _rules_in(source.read_bytes(), "rules.toml")


def load_rules(own: Path | None) -> tuple[Rule, ...]:
    """The shipped rules and the user's; a user's rule replaces the shipped one of its id. Raises SettingsError."""
    shipped = shipped_rules()
    if own is None:
        return shipped
    try:
        raw = content_of(own)
    except OSError as error:
        raise _refusal([f"recovery.rules: {own} cannot be read: {error.strerror}."]) from error
    mine = _rules_in(raw, str(own))
    replaced = {rule.id for rule in mine}
    return (*(rule for rule in shipped if rule.id not in replaced), *mine)


def _rules_in(raw: bytes, name: str) -> tuple[Rule, ...]:
    try:
        content = tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise _refusal([f"{name} is not UTF-8 text: {error.reason} at byte {error.start}."]) from error
    except tomllib.TOMLDecodeError as error:
        raise _refusal([f"{name} is not valid TOML: {error}."]) from error
    tables = content.get("rule", [])
    strange = sorted(content.keys() - {"rule", "class"})
    if strange or not isinstance(tables, list):
        raise _refusal([f"{name}: {strange[0] if strange else 'rule'!s} is not a list of [[rule]] tables."])
    problems: list[str] = []
    classes = WordClasses(content.get("class", {}), problems, name)
    rules = [
        rule
        for number, table in enumerate(tables, 1)
        if (rule := _rule(classes.spelled_out(table), number, name, problems))
    ]
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            problems.append(f"{name}: there are two rules {rule.id}.")
        seen.add(rule.id)
    if problems:
        raise _refusal(problems)
    return tuple(rules)


def _rule(table: Any, number: int, name: str, problems: list[str]) -> Rule | None:
    known = table.get("id") if isinstance(table, dict) else None
    place = f"{name}: rule {known or f'number {number}'}"
    try:
        rule = msgspec.convert(table, Rule)
    except msgspec.ValidationError as error:
        problems.append(f"{place}: {error}.")
        return None
    found = [*_bad_patterns(rule.patterns), *_bad_phrases((*rule.says, *rule.names, *rule.unless))]
    if rule.type is not ErrorType.NONE and rule.severity is None:
        found.append("severity is missing")
    if not (rule.says or rule.names or rule.patterns or any(rule.facts())):
        found.append("it names nothing to look for (says, names, patterns or a fact)")
    problems.extend(f"{place}: {problem}." for problem in found)
    return None if found else rule


def _bad_patterns(patterns: Sequence[str]) -> Iterable[str]:
    for pattern in patterns:
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            yield f"the pattern {pattern!r} is wrong: {error}"
        else:
            if compiled.match(""):
                yield f"the pattern {pattern!r} matches everything"


def _bad_phrases(phrases: Sequence[str]) -> Iterable[str]:
    for phrase in phrases:
        try:
            Phrases([phrase])
        except BadPhrase as error:
            yield str(error)


def _refusal(problems: list[str]) -> SettingsError:
    return SettingsError(problems, remedy=_REMEDY, field="recovery.rules")
