"""The errors of outcomes that need no classifier: what ended the turn is known for certain."""

from __future__ import annotations

from engine.base.errors import ErrorClass, ErrorKind, QuarterdeckError, SessionStopped, TurnFailed, TurnInterrupted
from engine.base.text import one_line
from engine.sessions.outcome import Ended, Outcome

EMPTY = "empty_answer"
"""Code of an answer without any text."""
_MAX_WORDS = 2000


def outcome_error(outcome: Outcome) -> QuarterdeckError | None:
    """The error of an outcome whose cause is certain; None for one that must be classified."""
    make = _KNOWN.get(outcome.ended)
    return make(outcome) if make is not None else None


def _interrupted(outcome: Outcome) -> QuarterdeckError:
    return _with_partial(
        TurnInterrupted("The turn was interrupted.", remedy="Send the prompt again to go on."), outcome
    )


def _stopped(outcome: Outcome) -> QuarterdeckError:
    error = SessionStopped(
        f"The session was stopped in its turn: {outcome.reason}.", remedy="The conversation can be resumed."
    )
    return _with_partial(error, outcome)


def _output_limit(outcome: Outcome) -> QuarterdeckError:
    return _failed(
        outcome,
        f"The answer reached the output limit: {one_line(outcome.reason)}",
        kind=ErrorKind.RESOURCE,
        code="output_limit",
        remedy="Raise `claude.max_tokens`, or ask for a shorter answer.",
        verdict=ErrorClass("output-limit", "limit", "low", "fail_fast"),
    )


def _not_called(outcome: Outcome) -> QuarterdeckError:
    words = outcome.reason.strip()[:_MAX_WORDS]
    if "hook" in words:
        remedy = "A hook in the settings of the workspace or of the user blocks this prompt; change it, or the prompt."
    else:
        remedy = "Send the prompt as text, or with `commands: true` for a command of the agent."
    return _failed(
        outcome,
        f"No model was called: {words}",
        kind=ErrorKind.VALIDATION,
        code="not_called",
        remedy=remedy,
        verdict=ErrorClass("not-called", "refused", "low", "fail_fast", said=one_line(words)),
    )


def _empty(outcome: Outcome) -> QuarterdeckError:
    return _failed(
        outcome,
        "The answer was empty: the agent ended the turn without any text.",
        kind=ErrorKind.INTERNAL,
        code=EMPTY,
        remedy="Send the prompt again, or word it differently.",
        verdict=ErrorClass("empty-answer", "empty", "low", "none"),
        retryable=True,
    )


def _unreadable(outcome: Outcome) -> QuarterdeckError:
    return _failed(
        outcome,
        f"The answer is lost: {outcome.reason}.",
        kind=ErrorKind.INTERNAL,
        code="unreadable_result",
        remedy="It was paid for, so it is not run again by itself; ask in the conversation to have it repeated.",
        verdict=ErrorClass("unreadable-result", "protocol", "medium", "fail_fast"),
    )


def _failed(
    outcome: Outcome,
    sentence: str,
    *,
    kind: ErrorKind,
    code: str,
    remedy: str,
    verdict: ErrorClass,
    retryable: bool = False,
) -> QuarterdeckError:
    error = TurnFailed(sentence, kind=kind, code=code, remedy=remedy, retryable=retryable)
    return _with_partial(error.changed(verdict=verdict, votes=False), outcome)


def _with_partial(error: QuarterdeckError, outcome: Outcome) -> QuarterdeckError:
    return error.changed(partial=outcome.text)


_KNOWN = {
    Ended.INTERRUPTED: _interrupted,
    Ended.STOPPED: _stopped,
    Ended.OUTPUT_LIMIT: _output_limit,
    Ended.NOT_CALLED: _not_called,
    Ended.EMPTY: _empty,
    Ended.UNREADABLE: _unreadable,
}
