"""What operators have taught: a correction makes a rule by its mined template, kept in the state folder.

A learned rule decides where no structured fact does (the classifier sees to that), and can be taken back. Another
process may teach too: a change of the file is noticed at the next match.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from engine.base.clock import Clock
from engine.base.errors import BadInput, NotFound
from engine.recovery.classify.rules import ErrorSeverity, ErrorType, Rule, StrategyWord
from engine.recovery.classify.templates import (
    ANY,
    LONGEST,
    Template,
    fits,
    fixed_words,
    generalised,
    has_substance,
    template_of,
    templates_in,
)
from engine.store.sqlite import StoreFile

MOST = 1000
"""Learned rules that are kept; one more is refused."""
_FLUSH_AT = 64
_SCHEMA = """
CREATE TABLE IF NOT EXISTS learned_rules (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    template TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    severity TEXT,
    retryable INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    example TEXT NOT NULL,
    taught_by TEXT NOT NULL,
    taught_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS rule_hits (rule TEXT PRIMARY KEY, hits INTEGER NOT NULL, last REAL NOT NULL) WITHOUT ROWID;
"""
_USUAL: dict[ErrorType, tuple[ErrorSeverity | None, bool, StrategyWord]] = {
    ErrorType.NETWORK: (ErrorSeverity.MEDIUM, True, StrategyWord.NONE),
    ErrorType.PROCESS: (ErrorSeverity.HIGH, True, StrategyWord.SESSION),
    ErrorType.AUTH: (ErrorSeverity.CRITICAL, False, StrategyWord.REAUTHENTICATE),
    ErrorType.RESOURCE: (ErrorSeverity.MEDIUM, True, StrategyWord.REDUCE_LOAD),
    ErrorType.TIMEOUT: (ErrorSeverity.MEDIUM, True, StrategyWord.NONE),
    ErrorType.VALIDATION: (ErrorSeverity.HIGH, False, StrategyWord.FAIL_FAST),
    ErrorType.INTERNAL: (ErrorSeverity.MEDIUM, False, StrategyWord.FAIL_FAST),
    ErrorType.NONE: (None, False, StrategyWord.NONE),
}


class Lesson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction: this text is an error of that type; what is left out is as usual for the type."""

    type: ErrorType
    text: str
    severity: ErrorSeverity | None = None
    retryable: bool | None = None
    strategy: StrategyWord | None = None


class LearnedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that an operator taught, and where it came from."""

    id: str
    template: str
    example: str
    taught_by: str
    taught_at: float
    rule: Rule

    @property
    def words(self) -> Template:
        """The template's words."""
        return tuple(self.template.split(" "))


class LearnedRules:
    """Owner of the learned rules and of the count of decisions by rule; used on one thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.file = StoreFile(path, "learned rules", _SCHEMA)
        self._clock = clock
        self._version = (0, -1)
        self._by_length: dict[int, list[LearnedRule]] = {}
        self._hits: Counter[str] = Counter()

    def open(self) -> None:
        """Open the file, or make it. Raises StoreUnusable."""
        self.file.open()

    def close(self) -> None:
        """Write what was counted and close the file."""
        try:
            self._flush()
        finally:
            self.file.close()

    def learn(self, lesson: Lesson, who: str) -> LearnedRule:
        """Take a correction; one like an earlier one of the same class widens that. Raises BadInput, StoreUnusable."""
        line = next((line.strip() for line in lesson.text.splitlines() if line.strip()), "")
        template = template_of(line)
        if not has_substance(template):
            remedy = "Give the whole line of the error: at least two words that stay the same."
            raise BadInput(f"{line!r} says too little to know it again.", field="text", remedy=remedy)
        severity, retryable, strategy = _USUAL[lesson.type]
        given = (
            lesson.type.value,
            lesson.severity or severity,
            retryable if lesson.retryable is None else lesson.retryable,
            lesson.strategy or strategy,
        )
        with self.file.errors():
            wider, replaced = self._widened(template, given)
            if not replaced and len(self.all()) >= MOST:
                raise BadInput(f"There are {MOST} learned rules already.", remedy="Forget some: `classify forget ID`.")
            row = (" ".join(wider), *given, line[:500], who, self._clock.wall())
            self._execute("BEGIN IMMEDIATE")
            try:
                for rule in replaced:
                    self._execute("DELETE FROM learned_rules WHERE number = ?", _number(rule.id))
                    self._execute("DELETE FROM rule_hits WHERE rule = ?", rule.id)
                self._execute(
                    "INSERT INTO learned_rules (template, type, severity, retryable, strategy, example, taught_by,"
                    " taught_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    *row,
                )
                self._execute("COMMIT")
            finally:
                if self.file.database.in_transaction:
                    self._execute("ROLLBACK")
        self._version = (0, -1)
        return next(rule for rule in self.all() if rule.words == wider)

    def forget(self, rule: str) -> None:
        """Take a learned rule back. Raises NotFound, StoreUnusable."""
        with self.file.errors():
            found = self._execute("DELETE FROM learned_rules WHERE number = ?", _number(rule)).rowcount
            self._execute("DELETE FROM rule_hits WHERE rule = ?", rule)
        self._hits.pop(rule, None)
        self._version = (0, -1)
        if not found:
            remedy = "`quarterdeck classify --rules` lists them."
            raise NotFound(f"There is no learned rule {rule!r}.", field="id", remedy=remedy)

    def all(self) -> list[LearnedRule]:
        """Every learned rule, oldest first. Raises StoreUnusable."""
        self._refresh()
        return sorted((rule for rules in self._by_length.values() for rule in rules), key=lambda rule: _number(rule.id))

    def match(self, text: str) -> Rule | None:
        """The learned rule for a text: of those that fit the one with most fixed words. Raises StoreUnusable."""
        self._refresh()
        if not self._by_length:
            return None
        fitting = [
            known
            for template in templates_in(text)
            for known in self._by_length.get(len(template), ())
            if fits(known.words, template)
        ]
        best = max(fitting, key=lambda known: len(fixed_words(known.words)), default=None)
        return best.rule if best is not None else None

    def count(self, rule: str) -> None:
        """One more decision by a rule, shipped or learned. Raises StoreUnusable."""
        self._hits[rule] += 1
        if self._hits.total() >= _FLUSH_AT:
            self._flush()

    def hits(self) -> dict[str, int]:
        """How many decisions each rule made. Raises StoreUnusable."""
        self._flush()
        with self.file.errors():
            return dict(self._execute("SELECT rule, hits FROM rule_hits ORDER BY hits DESC").fetchall())

    def _widened(self, template: Template, given: tuple[Any, ...]) -> tuple[Template, list[LearnedRule]]:
        """The template to keep, and the earlier rules that it takes the place of."""
        for known in self.all():
            if known.words == template:
                return template, [known]
        for known in self.all():
            rule = known.rule
            alike = (rule.type.value, rule.severity, rule.retryable, rule.strategy) == given
            if alike and (wider := generalised(known.words, template)) is not None:
                return wider, [other for other in self.all() if other.words in (known.words, wider)]
        return template, []

    def _refresh(self) -> None:
        version = self.file.version()
        if version == self._version:
            return
        with self.file.errors():
            rows = self._execute(
                "SELECT number, template, type, severity, retryable, strategy, example, taught_by, taught_at"
                " FROM learned_rules"
            ).fetchall()
        self._version = version
        self._by_length = {}
        for row in rows:
            known = _learned(*row)
            self._by_length.setdefault(len(known.words), []).append(known)

    def _flush(self) -> None:
        if not self._hits:
            return
        now = self._clock.wall()
        with self.file.errors():
            self.file.database.executemany(
                "INSERT INTO rule_hits VALUES (?, ?, ?) ON CONFLICT (rule) DO UPDATE"
                " SET hits = hits + excluded.hits, last = excluded.last",
                [(rule, hits, now) for rule, hits in self._hits.items()],
            )
        self._hits.clear()

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self.file.database.execute(statement, values)


def _number(rule: str) -> int:
    number = rule.removeprefix("learned-")
    return int(number) if number.isascii() and number.isdigit() and len(number) < LONGEST // 4 else -1


def _learned(
    number: int,
    template: str,
    kind: str,
    severity: str | None,
    retryable: int,
    strategy: str,
    example: str,
    taught_by: str,
    taught_at: float,
) -> LearnedRule:
    rule = Rule(
        id=f"learned-{number}",
        type=ErrorType(kind),
        category="learned",
        description=f"Taught by {taught_by}: {template.replace(ANY, '…')}",
        severity=ErrorSeverity(severity) if severity else None,
        retryable=bool(retryable),
        strategy=StrategyWord(strategy),
    )
    return LearnedRule(
        id=rule.id, template=template, example=example, taught_by=taught_by, taught_at=taught_at, rule=rule
    )
