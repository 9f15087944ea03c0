"""The compiled rules: which of them evidence speaks for, and how strongly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from engine.recovery.classify.evidence import Evidence
from engine.recovery.classify.noise import reports_failure
from engine.recovery.classify.patterns import Letters, Patterns, letters_of
from engine.recovery.classify.phrases import Phrases, words_of
from engine.recovery.classify.rules import Only, Rule
from engine.recovery.classify.text_facts import Fact, stated_in

Scores = dict[int, float]
"""The score of rules by their number."""
_SAID_LESS = 12.0
"""A fact that only a text states scores so much less than one that is known."""
_MORE, _MORE_MOST = 1.0, 4.0
"""What every further sign of a rule adds, and how much all together may."""
KIND_MOST = 52.0
"""A rule that weighs no more names a kind of failure; what weighs more knows a cause by its own words."""
_SAYS, _NAMES, _UNLESS = range(3)
_ONLY: dict[Only, Callable[[Evidence], bool]] = {
    Only.NO_API_TYPE: lambda known: known.api_type is None and known.failed is True and '_error"' not in known.text,
    Only.EXIT_ZERO: lambda known: known.exit_code == 0,
    Only.FAILED: lambda known: known.failed is True,
}


class _Read(NamedTuple):
    """A text as the indexes take it, and whether it has the form of a report."""

    text: str
    letters: Letters
    words: list[str]
    reports: bool


class _TextIndex:
    """The phrases and patterns of some rules, by the numbers of the rules."""

    def __init__(self, rules: dict[int, Rule]) -> None:
        listed = [
            (phrase, number, part)
            for number, rule in rules.items()
            for part, phrases in enumerate((rule.says, rule.names, rule.unless))
            for phrase in phrases
        ]
        self._phrases = Phrases([phrase for phrase, _, _ in listed])
        self._owners = [(number, part) for _, number, part in listed]
        self._patterns = Patterns([pattern for rule in rules.values() for pattern in rule.patterns])
        self._pattern_owners = [number for number, rule in rules.items() for _ in rule.patterns]

    def signs(self, read: _Read) -> tuple[dict[int, int], set[int]]:
        """How many signs of each rule stand in a text, and the rules that a word in it rules out."""
        signs: dict[int, int] = {}
        barred: set[int] = set()
        for phrase in self._phrases.find(read.words):
            number, part = self._owners[phrase]
            if part == _UNLESS:
                barred.add(number)
            elif part == _SAYS or read.reports:
                signs[number] = signs.get(number, 0) + 1
        for pattern in self._patterns.find(read.text, read.letters):
            number = self._pattern_owners[pattern]
            signs[number] = signs.get(number, 0) + 1
        return signs, barred


class RuleIndex:
    """Rules compiled once: one index over the facts, one over the texts of causes, one over those of mere kinds."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        numbered = dict(enumerate(self.rules))
        kinds = {number: rule for number, rule in numbered.items() if _is_kind(rule)}
        self._kinds = _TextIndex(kinds)
        self._causes = _TextIndex({number: rule for number, rule in numbered.items() if number not in kinds})
        self._by_fact: dict[Fact, list[int]] = {}
        for number, rule in numbered.items():
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
        """What a text speaks for: by its phrases, its patterns and the facts that it states.

        Rules of mere kinds are looked at only where no cause scores more than they could.
        """
        read = _Read(text, letters_of(text), words_of(text), known.failed is True or reports_failure(text))
        signs, barred = self._causes.signs(read)
        scores = self._weighed(signs, barred, known)
        if read.reports:
            stated = self._scored(stated_in(text, read.letters.lowered), known, _SAID_LESS)
            scores = higher(scores, {number: score for number, score in stated.items() if number not in barred})
        if max(scores.values(), default=0.0) > KIND_MOST + _MORE_MOST:
            return scores
        return higher(scores, self._weighed(*self._kinds.signs(read), known))

    def _weighed(self, signs: dict[int, int], barred: set[int], known: Evidence) -> Scores:
        return {
            number: self.rules[number].weight + min(_MORE_MOST, _MORE * (count - 1))
            for number, count in signs.items()
            if number not in barred and self._applies(number, known)
        }

    def _scored(self, facts: Iterable[Fact], known: Evidence, less: float) -> Scores:
        return {
            number: self.rules[number].fact_weight - less
            for fact in facts
            for number in self._by_fact.get(fact, self._by_fact.get(_family(fact), ()))
            if self._applies(number, known)
        }

    def _applies(self, number: int, known: Evidence) -> bool:
        only = self.rules[number].only
        return not only or all(_ONLY[each](known) for each in only)


def _is_kind(rule: Rule) -> bool:
    """Whether a rule's text only names a kind; a rule whose words bar its own facts is looked at in any case."""
    return rule.weight <= KIND_MOST and not (rule.unless and any(rule.facts()))


def higher(one: Scores, other: Scores) -> Scores:
    """The higher score of each rule."""
    if not one or not other:
        return one or other
    return {number: max(one.get(number, 0.0), other.get(number, 0.0)) for number in one | other}


def _family(fact: Fact) -> Fact:
    """A status without rules of its own falls back on its hundred (418 on 4), an exit code other than 0 on 1."""
    match fact:
        case "status", int(status):
            return "status", status // 100
        case "exit_code", int(code) if code:
            return "exit_code", 1
    return fact
