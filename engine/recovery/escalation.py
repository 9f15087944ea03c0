"""Which strategy a failure asks for, and which comes after it when it does not help. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.recovery.classify.rules import StrategyWord
from engine.recovery.failure import EscalationState, Failure

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


def strategy_for(trouble: Failure, own: Mapping[str, str]) -> str:
    """The strategy that a failure asks for: `own` maps `type/category` or a type to one, and comes first."""
    for name in trouble.classes:
        if name in own:
            return own[name]
    word = trouble.error.verdict.strategy if trouble.error is not None else PLAIN_RETRY
    return BY_WORD.get(word, PLAIN_RETRY)


def next_level(case: EscalationState, asked: str, able: Callable[[str], bool]) -> str:
    """The strategy for this failure of the case's request; climbs when its rung has had its tries."""
    if asked != case.asked:
        case.asked, case.rung, case.tries = asked, asked, 0
    if case.tries >= TRIES and case.rung in ESCALATION:
        case.rung, case.tries = ESCALATION[case.rung], 0
    while case.rung in ESCALATION and not able(case.rung):
        case.rung, case.tries = ESCALATION[case.rung], 0
    case.tries += 1
    return case.rung if case.rung in {PLAIN_RETRY, FAIL_FAST} or able(case.rung) else PLAIN_RETRY


def escalate(case: EscalationState) -> str:
    """The rung above, at once: the run of this one failed. Empty where the ladder has none."""
    case.rung, case.tries = ESCALATION.get(case.rung, PLAIN_RETRY), 1
    return case.rung
