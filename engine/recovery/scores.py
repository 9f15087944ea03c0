"""The compiled rules: which of them evidence speaks for, and how strongly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.recovery.facts import Evidence
from engine.recovery.patterns import Letters, Patterns, letters_of
from engine.recovery.reports import reports_failure
from engine.recovery.rules import Only, Rule
from engine.recovery.said import Fact, stated_in
from engine.recovery.words import Phrases, words_of

Scores = dict[int, float]
"""The score of rules by their number."""
_SAID_LESS = 12.0
"""A fact that only a text states scores so much less than one that is known."""
_MORE, _MORE_MOST = 1.0, 4.0
"""What every further sign of a rule adds, and how much all together may."""
_SAYS, _NAMES, _UNLESS = range(3)
_ONLY: dict[Only, Callable[[Evidence], bool]] = {
    Only.NO_API_TYPE: lambda known: known.api_type is None and known.failed is True and '_error"' not in known.text,
    Only.EXIT_ZERO: lambda known: known.exit_code == 0,
    Only.FAILED: lambda known: known.failed is True,
}


class RuleIndex:
    """Rules compiled once: one index over all phrases, one over all facts."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        listed = [
            (phrase, number, part)
            for number, rule in enumerate(rules)
            for part, phrases in enumerate((rule.says, rule.names, rule.unless))
            for phrase in phrases
        ]
        self._phrases = Phrases([phrase for phrase, _, _ in listed])
        self._owners = [(number, part) for _, number, part in listed]
        self._patterns = Patterns([pattern for rule in rules for pattern in rule.patterns])
        self._pattern_owners = [number for number, rule in enumerate(rules) for _ in rule.patterns]
        self._by_fact: dict[Fact, list[int]] = {}
        for number, rule in enumerate(rules):
            for fact in rule.facts():
                self._by_fact.setdefault(fact, []).append(number)

    def by_facts(self, known: Evidence) -> Scores:
        """What the known facts speak for."""
        facts: tuple[tuple[str, str | int | None], ...] = (
            ("status", known.status),
            ("api_type", known.api_type),
            ("assistant", known.assistant),
            ("errno", known.errno),
            ("exit_code", known.exit_code),
            ("signal", known.signal),
            ("terminal", known.terminal),
            ("startup", known.startup),
        )
        return self._scored(((kind, value) for kind, value in facts if value is not None), known, 0.0)

    def by_text(self, text: str, known: Evidence) -> Scores:
        """What a text speaks for: by its phrases, its patterns and the facts that it states."""
        reports = known.failed is True or reports_failure(text)
        letters = letters_of(text)
        signs, barred = self._signs(text, letters, reports=reports)
        scores = {
            number: self.rules[number].weight + min(_MORE_MOST, _MORE * (count - 1))
            for number, count in signs.items()
            if number not in barred and self._applies(number, known)
        }
        if not reports:
            return scores
        stated = self._scored(stated_in(text, letters.lowered), known, _SAID_LESS)
        return higher(scores, {number: score for number, score in stated.items() if number not in barred})

    def _signs(self, text: str, letters: Letters, *, reports: bool) -> tuple[dict[int, int], set[int]]:
        signs: dict[int, int] = {}
        barred: set[int] = set()
        for phrase in self._phrases.find(words_of(text)):
            number, part = self._owners[phrase]
            if part == _UNLESS:
                barred.add(number)
            elif part == _SAYS or reports:
                signs[number] = signs.get(number, 0) + 1
        for pattern in self._patterns.find(text, letters):
            number = self._pattern_owners[pattern]
            signs[number] = signs.get(number, 0) + 1
        return signs, barred

    def _scored(self, facts: Iterable[Fact], known: Evidence, less: float) -> Scores:
        return {
            number: self.rules[number].fact_weight - less
            for fact in facts
            for number in self._by_fact.get(fact, self._by_fact.get(_family(fact), ()))
            if self._applies(number, known)
        }

    def _applies(self, number: int, known: Evidence) -> bool:
        return all(_ONLY[only](known) for only in self.rules[number].only)


def higher(one: Scores, other: Scores) -> Scores:
    """The higher score of each rule."""
    return {number: max(one.get(number, 0.0), other.get(number, 0.0)) for number in one | other}


def _family(fact: Fact) -> Fact:
    """A status without rules of its own falls back on its hundred (418 on 4), an exit code other than 0 on 1."""
    match fact:
        case "status", int(status):
            return "status", status // 100
        case "exit_code", int(code) if code:
            return "exit_code", 1
    return fact
