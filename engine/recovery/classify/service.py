"""The engine's judgement of errors: the rules in force, what operators taught, and the count of decisions."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.base.clock import Clock
from engine.base.errors import QuarterdeckError
from engine.events.state import ErrorView
from engine.recovery.classify.classifier import Classification, Classifier, error_of
from engine.recovery.classify.evidence import Evidence
from engine.recovery.classify.learned_rules import LearnedRules
from engine.recovery.classify.rules import Rule, load_rules
from engine.sessions.outcome import Outcome
from engine.store.sqlite import StoreUnusable

FACT_DECIDES = 50.0
"""Weight from which on a fact outranks what was taught (engine/recovery/classify/classifier.py)."""
STORE = "learned.db"
"""The file of the learned rules in the state folder."""


class ClassificationService:
    """Owner of the classifier in force; a store that fails costs the learned rules and never a decision."""

    def __init__(
        self,
        own_rules: Path | None,
        learned: LearnedRules,
        clock: Clock,
    ) -> None:
        self.learned = learned
        self._clock = clock
        self._classifier = self._made(own_rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The shipped and own rules in force."""
        return self._classifier.rules

    def use(self, own_rules: Path | None) -> None:
        """Go over to another file of own rules. Raises SettingsError, and the rules in force stay."""
        self._classifier = self._made(own_rules)

    def close(self) -> None:
        """Write what was counted and close the store."""
        with contextlib.suppress(StoreUnusable):
            self.learned.close()

    def classify(self, known: Evidence) -> Classification:
        """The class of what is known; the rule that decided is counted."""
        found = self._classifier.classify(known)
        self._count(found.rule)
        return found

    def class_of(self, known: Evidence) -> Classification:
        """The same for a caller who only wants to know: no rule's count changes."""
        return self._classifier.classify(known)

    def error_of(self, outcome: Outcome) -> QuarterdeckError:
        """The error of an outcome that is no answer."""
        return error_of(outcome, self.classify)

    def fact_rule(self, error: ErrorView) -> str:
        """The rule that decided an error by a fact (a status, an errno, a signal), or nothing: it would again."""
        rule = next((each for each in self.rules if each.id == error.rule), None)
        if rule is None or not any(True for _ in rule.facts()) or rule.fact_weight < FACT_DECIDES:
            return ""
        by_text = self._classifier.classify(Evidence(text=error.said or error.text, failed=True)).rule
        status = error.code.removeprefix("api_")
        return rule.id if by_text != rule.id or status in map(str, rule.status) else ""

    def match(self, text: str) -> Rule | None:
        """The learned rule for a text; none while their store cannot be used, which the store's watch reports."""
        try:
            return self.learned.match(text)
        except StoreUnusable:
            return None

    def _count(self, rule: str) -> None:
        with contextlib.suppress(StoreUnusable):
            self.learned.count(rule)

    def _made(self, own_rules: Path | None) -> Classifier:
        return Classifier(load_rules(own_rules), clock=self._clock, corrections=self)
