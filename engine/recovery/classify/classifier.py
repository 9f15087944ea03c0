"""From what is known of a failure to its class: pure, by weighted rules, the highest score decides.

Facts score above texts, except for the texts whose weight states that they are truer than a status which is known to
lie (a spend limit comes as HTTP 400, an overload as 500). A learned rule decides where no fact does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import cache
from typing import Protocol

import msgspec

from engine.base.clock import Clock, SystemClock
from engine.base.errors import ErrorClass, ErrorKind, QuarterdeckError, SessionLost, TurnFailed
from engine.base.text import one_line
from engine.recovery.classify.evidence import Evidence, of_outcome
from engine.recovery.classify.noise import reporting_lines
from engine.recovery.classify.outcome_errors import outcome_error
from engine.recovery.classify.retry_after import delay_in
from engine.recovery.classify.rule_index import RuleIndex, Scores, higher
from engine.recovery.classify.rules import ErrorSeverity, ErrorType, Rule, StrategyWord, shipped_rules
from engine.sessions.outcome import Ended, Outcome

HEALTHY, UNKNOWN = "healthy", "unknown"
"""The names in place of a rule's: nothing failed, or nothing states why."""
SAID = 500
"""Characters that are kept of the line that reports an error."""
_DECIDES = 50.0
"""A fact that scores less (a bare exit code) leaves the decision to a learned rule."""
_LEARNED_CONFIDENCE = 0.9
_PRIORITY = {None: 5, ErrorSeverity.CRITICAL: 1, ErrorSeverity.HIGH: 2, ErrorSeverity.MEDIUM: 3, ErrorSeverity.LOW: 4}
_REMEDY = {
    ErrorType.AUTH: "Sign in with `claude login`, or set ANTHROPIC_API_KEY; `quarterdeck doctor` checks it.",
    ErrorType.RESOURCE: "The API or this machine lacks capacity, quota or credit: wait, or lower the load.",
    ErrorType.NETWORK: "Check the network and `credential.base_url`.",
    ErrorType.TIMEOUT: "It was too slow: try again later, or allow more time.",
    ErrorType.INTERNAL: "The failure is not in the request: try again later, and look at the log.",
    ErrorType.VALIDATION: "Change the request, the model or the profile: the same one will fail again.",
    ErrorType.PROCESS: "The conversation can be resumed; `quarterdeck doctor` checks the agent's program.",
}


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """The class of an error, what follows from it, and the rule that decided."""

    type: ErrorType
    severity: ErrorSeverity | None = None
    category: str = ""
    description: str = ""
    retryable: bool | None = None
    retry_after_s: float | None = None
    priority: int = 5
    """1 is dealt with first."""
    strategy: StrategyWord = StrategyWord.NONE
    confidence: float = 1.0
    rule: str = HEALTHY


Classify = Callable[[Evidence], Classification]


class Corrections(Protocol):
    """What operators have taught."""

    def match(self, text: str) -> Rule | None:
        """The learned rule for a text."""


class Classifier:
    """Rules compiled once; a decision takes some hundreds of microseconds and changes nothing but the caches inside."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        clock: Clock,
        zone: tzinfo | None = None,
        corrections: Corrections | None = None,
    ) -> None:
        self._index = RuleIndex(rules)
        self._clock = clock
        self._zone = zone
        self._corrections = corrections

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force, without the learned ones."""
        return self._index.rules

    def classify(self, known: Evidence) -> Classification:
        """The class of what is known; type `none` when nothing failed."""
        succeeded = known.failed is False
        text = reporting_lines(known.stderr if succeeded else known.text, failed=known.failed is True)
        by_facts = {} if succeeded else self._index.by_facts(known)
        by_text = self._index.by_text(text, known) if text else {}
        if not succeeded and (taught := self._taught(known.text, by_facts)) is not None:
            return self._decided(taught, known, _LEARNED_CONFIDENCE)
        scores = higher(by_facts, by_text)
        if succeeded:
            scores = {number: score for number, score in scores.items() if self.rules[number].despite_success}
        return self._best(scores, known) if scores else _without_rule(known)

    def _taught(self, text: str, by_facts: Scores) -> Rule | None:
        if self._corrections is None or max(by_facts.values(), default=0.0) >= _DECIDES:
            return None
        return self._corrections.match(text)

    def _best(self, scores: Scores, known: Evidence) -> Classification:
        best = max(scores, key=lambda number: (scores[number], self.rules[number].weight))
        kind = self.rules[best].type
        rival = max((score for number, score in scores.items() if self.rules[number].type is not kind), default=0.0)
        margin = min(1.0, (scores[best] - rival) / 30.0)
        return self._decided(self.rules[best], known, scores[best] / 100.0 * (0.7 + 0.3 * margin))

    def _decided(self, rule: Rule, known: Evidence, confidence: float) -> Classification:
        if rule.type is ErrorType.NONE:
            return Classification(type=rule.type, description=rule.description, category=rule.category, rule=rule.id)
        return Classification(
            type=rule.type,
            severity=rule.severity,
            category=rule.category,
            description=rule.description,
            retryable=rule.retryable,
            retry_after_s=self._delay(known),
            priority=rule.priority or _PRIORITY[rule.severity],
            strategy=rule.strategy,
            confidence=round(min(confidence, 0.99), 2),
            rule=rule.id,
        )

    def _delay(self, known: Evidence) -> float | None:
        if known.retry_after_s is not None:
            return known.retry_after_s
        if known.resets_at is not None:
            return max(0.0, known.resets_at - self._clock.wall())
        return delay_in(known.text, self._clock.wall(), self._zone)


@cache
def _shipped() -> Classifier:
    return Classifier(shipped_rules(), clock=SystemClock())


def error_of(outcome: Outcome, classify: Classify | None = None) -> QuarterdeckError:
    """The error of an outcome that is no answer; by the shipped rules unless `classify` has others."""
    return _error_of(outcome, classify or _shipped().classify).changed(acted=outcome.acted)


def _error_of(outcome: Outcome, classify: Classify) -> QuarterdeckError:
    if (known := outcome_error(outcome)) is not None:
        return known
    found = classify(of_outcome(outcome))
    error = _lost(outcome, found) if outcome.ended is Ended.LOST else _failed(outcome, found)
    return error.changed(verdict=replace(verdict_of(found), said=_telling_line(outcome)))


def _telling_line(outcome: Outcome) -> str:
    """The last thing that a lost session said, the first that a failed turn did."""
    text = outcome.stderr if outcome.ended is Ended.LOST else outcome.reason
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1 if outcome.ended is Ended.LOST else 0][:SAID] if lines else ""


def verdict_of(found: Classification) -> ErrorClass:
    """What an error carries of its class."""
    return ErrorClass(
        rule=found.rule,
        category=found.category,
        severity=found.severity.value if found.severity is not None else "low",
        strategy=found.strategy.value,
        confidence=found.confidence,
    )


def _failed(outcome: Outcome, found: Classification) -> TurnFailed:
    code = f"api_{outcome.api_error_status}" if outcome.api_error_status else "turn_failed"
    remedy = _REMEDY.get(found.type, "")
    if outcome.ended is Ended.CAPPED:
        code, remedy = "capped", "Raise the cap that was set for the agent (turns or budget)."
    return TurnFailed(
        outcome.reason or "The agent ended the turn with an error and no text.",
        kind=_kind(found),
        code=code,
        retryable=bool(found.retryable),
        retry_after=found.retry_after_s,
        remedy=remedy,
    )


def _lost(outcome: Outcome, found: Classification) -> SessionLost:
    tail = one_line(outcome.stderr.strip().rpartition("\n")[2])
    said = f": {tail}" if tail else ""
    lost = SessionLost(
        f"The session was lost, {outcome.reason}{said}.",
        retryable=bool(found.retryable),
        retry_after=found.retry_after_s,
        remedy="The conversation can be resumed." if found.retryable else _REMEDY[found.type],
    )
    return lost.changed(kind=_kind(found))


def _kind(found: Classification) -> ErrorKind:
    return ErrorKind.INTERNAL if found.type is ErrorType.NONE else ErrorKind(found.type.value)


def _without_rule(known: Evidence) -> Classification:
    if known.failed is not True:
        return Classification(type=ErrorType.NONE, description="Nothing failed.")
    return Classification(
        type=ErrorType.INTERNAL,
        severity=ErrorSeverity.HIGH,
        category="unknown",
        description="It failed, and nothing that is known states why.",
        retryable=False,
        priority=_PRIORITY[ErrorSeverity.HIGH],
        strategy=StrategyWord.FAIL_FAST,
        confidence=0.2,
        rule=UNKNOWN,
    )
