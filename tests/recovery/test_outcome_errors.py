"""The errors of outcomes whose cause is certain: their code, whether to try again, and a remedy that fits."""

from __future__ import annotations

import pytest

from engine.recovery.classify.outcome_errors import outcome_error
from engine.sessions.outcome import Ended, Outcome


@pytest.mark.parametrize(
    ("ended", "reason", "code", "retryable", "remedy"),
    [
        (Ended.INTERRUPTED, "", "interrupted", False, "Send the prompt again"),
        (Ended.STOPPED, "by ana", "session_stopped", True, "can be resumed"),
        (Ended.OUTPUT_LIMIT, "32000 tokens", "output_limit", False, "`claude.max_tokens`"),
        (Ended.NOT_CALLED, "blocked by a hook", "not_called", False, "A hook in the settings"),
        (Ended.NOT_CALLED, "/theme is off", "not_called", False, "`commands: true`"),
        (Ended.EMPTY, "", "empty_answer", True, "word it differently"),
        (Ended.UNREADABLE, "the line was cut", "unreadable_result", False, "It was paid for"),
    ],
)
def test_an_outcome_has_its_error(ended: Ended, reason: str, code: str, retryable: bool, remedy: str) -> None:
    error = outcome_error(Outcome(ended, text="", reason=reason))
    assert error is not None
    assert (error.code, error.retryable) == (code, retryable)
    assert remedy in error.remedy
    assert reason in error.message


def test_other_outcomes_are_left_to_the_classifier() -> None:
    assert outcome_error(Outcome(Ended.API_FAILED, text="", reason="529")) is None
