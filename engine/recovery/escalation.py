"""Which strategy a failure calls for, and which comes after it when it does not help. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from engine.recovery.classify.rules import StrategyWord
from engine.recovery.failure import Failure

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
"""Failures that one level may not prevent before the next level is taken."""


@dataclass(frozen=True, slots=True)
class EscalationState:
    """How far a failing request has escalated: its class's strategy, the level it is at, the failures at that level.

    `why` states why recovery gave the request up; empty while it has not.
    """

    first: str = PLAIN_RETRY
    level: str = PLAIN_RETRY
    tries: int = 0
    why: str = ""

    def validate(self) -> None:
        """Raises AssertionError where the state contradicts itself; for tests."""
        assert self.level in levels_from(self.first), f"{self.level!r} is no level above {self.first!r}"  # noqa: S101
        assert self.tries >= 0, self  # noqa: S101
        assert self.tries <= TRIES or self.level not in ESCALATION, "it should have escalated"  # noqa: S101


def levels_from(first: str) -> list[str]:
    """The levels of a failure whose class calls for the strategy `first`, in their order."""
    levels = [first]
    while levels[-1] in ESCALATION:
        levels.append(ESCALATION[levels[-1]])
    return levels if levels[-1] in {FAIL_FAST, PLAIN_RETRY} else [*levels, PLAIN_RETRY]


def strategy_for(failure: Failure, own: Mapping[str, str]) -> str:
    """The strategy of a failure's class: `own` maps `type/category` or a type to one, and comes first."""
    for name in failure.classes:
        if name in own:
            return own[name]
    word = failure.error.verdict.strategy if failure.error is not None else PLAIN_RETRY
    return BY_WORD.get(word, PLAIN_RETRY)


def next_level(state: EscalationState, first: str, able: Callable[[str], bool]) -> EscalationState:
    """The level for one more failure; escalates when the present level had its tries or is not able to act."""
    if first != state.first:
        state = EscalationState(first, first)
    level, tries = state.level, state.tries
    if tries >= TRIES and level in ESCALATION:
        level, tries = ESCALATION[level], 0
    while level in ESCALATION and not able(level):
        level, tries = ESCALATION[level], 0
    return EscalationState(first, level, tries + 1)


def strategy_at(level: str, able: Callable[[str], bool]) -> str:
    """The strategy to run at a level; the plain retry where the level's own cannot act."""
    return level if level in {PLAIN_RETRY, FAIL_FAST} or able(level) else PLAIN_RETRY


def escalate(state: EscalationState, why: str) -> EscalationState:
    """The next level at once, because the run of this one failed; gives up with `why` at the last level."""
    level = ESCALATION.get(state.level, PLAIN_RETRY)
    return replace(state, level=level, tries=1, why=why if level == FAIL_FAST else state.why)
