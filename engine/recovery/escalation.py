"""Which strategy a failure asks for, and which comes after it when it does not help. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.recovery.classify.rules import StrategyWord
from engine.recovery.failure import Failure
from engine.recovery.run import EscalationState

RESUME, RESTART, CLEAN = "resume_conversation", "restart_process", "clean_resources"
REAUTHENTICATE, REDUCE_LOAD, PARK, FAIL_FAST = "reauthenticate", "reduce_load", "park", "fail_fast"
PLAIN_RETRY = ""
"""No strategy: trying again is enough."""

BY_WORD: Mapping[str, str] = {
    StrategyWord.PROCESS.value: RESTART,
    StrategyWord.SESSION.value: RESUME,
    StrategyWord.RESOURCE.value: CLEAN,
    StrategyWord.REAUTHENTICATE.value: REAUTHENTICATE,
    StrategyWord.REDUCE_LOAD.value: REDUCE_LOAD,
    StrategyWord.PARK.value: PARK,
    StrategyWord.FAIL_FAST.value: FAIL_FAST,
    StrategyWord.NONE.value: PLAIN_RETRY,
}
"""The strategy that the classifier's word stands for."""
ESCALATION: Mapping[str, str] = {RESUME: RESTART, RESTART: FAIL_FAST}
"""What comes after a strategy that did not help; after any other one the plain retry goes on by its own bounds."""
TRIES = 2
"""Failures that one rung of the ladder may not have prevented before the next one is taken."""


def strategy_for(failure: Failure, own: Mapping[str, str]) -> str:
    """The strategy that a failure asks for: `own` maps `type/category` or a type to one, and comes first."""
    for name in failure.classes:
        if name in own:
            return own[name]
    word = failure.error.verdict.strategy if failure.error is not None else PLAIN_RETRY
    return BY_WORD.get(word, PLAIN_RETRY)


def next_level(escalation: EscalationState, asked: str, able: Callable[[str], bool]) -> str:
    """The strategy for this failure of the case's request; climbs when its rung has had its tries."""
    if asked != escalation.asked:
        escalation.asked, escalation.level, escalation.tries = asked, asked, 0
    if escalation.tries >= TRIES and escalation.level in ESCALATION:
        escalation.level, escalation.tries = ESCALATION[escalation.level], 0
    while escalation.level in ESCALATION and not able(escalation.level):
        escalation.level, escalation.tries = ESCALATION[escalation.level], 0
    escalation.tries += 1
    return escalation.level if escalation.level in {PLAIN_RETRY, FAIL_FAST} or able(escalation.level) else PLAIN_RETRY


def escalate(escalation: EscalationState) -> str:
    """The rung above, at once: the run of this one failed. Empty where the ladder has none."""
    escalation.level, escalation.tries = ESCALATION.get(escalation.level, PLAIN_RETRY), 1
    return escalation.level
