"""A turn's outcome from recorded result frames (docs/development/hazards.md, H6): subtype alone never decides."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.recovery.breakers.guard import blamed_scope
from engine.recovery.classify.classifier import error_of
from engine.sessions.messages import Assistant, Result
from engine.sessions.outcome import Ended, Outcome, Written, judge, judge_lost

FRAMES: list[tuple[dict[str, Any], bool, Ended]] = [
    ({"subtype": "success", "terminal_reason": "completed", "result": "hi"}, False, Ended.ANSWERED),
    (
        {"subtype": "success", "is_error": True, "api_error_status": 529, "terminal_reason": "api_error"},
        False,
        Ended.API_FAILED,
    ),
    (
        {"subtype": "success", "is_error": True, "terminal_reason": "api_error", "result": "ECONNRESET"},
        False,
        Ended.API_FAILED,
    ),
    ({"subtype": "success", "is_error": True, "terminal_reason": "prompt_too_long"}, False, Ended.FAILED),
    ({"subtype": "success", "permission_denials": [{"tool_name": "Bash"}]}, False, Ended.REFUSED_TOOLS),
    (
        {"subtype": "error_during_execution", "is_error": True, "terminal_reason": "aborted_tools"},
        True,
        Ended.INTERRUPTED,
    ),
    (
        {"subtype": "error_during_execution", "is_error": True, "terminal_reason": "aborted_streaming"},
        False,
        Ended.INTERRUPTED,
    ),
    ({"subtype": "error_during_execution", "is_error": True}, True, Ended.INTERRUPTED),
    ({"subtype": "error_during_execution", "is_error": True, "errors": ["boom"]}, False, Ended.FAILED),
    ({"subtype": "error_max_turns", "terminal_reason": "max_turns"}, False, Ended.CAPPED),
    ({"subtype": "error_max_budget_usd", "is_error": True}, False, Ended.CAPPED),
    ({"subtype": "error_max_structured_output_retries", "is_error": False}, False, Ended.FAILED),
    ({"subtype": "success", "startup_failure_reason": "bad flag"}, False, Ended.FAILED),
]


@pytest.mark.parametrize(("frame", "interrupted", "ended"), FRAMES)
def test_frames(frame: dict[str, Any], interrupted: bool, ended: Ended) -> None:
    outcome = judge(msgspec.convert({"type": "result", **frame}, Result), Written(), interrupted=interrupted)
    assert outcome.ended is ended
    assert outcome.ok is (ended in {Ended.ANSWERED, Ended.REFUSED_TOOLS})


def _judged(written: Written, **frame: Any) -> Outcome:
    return judge(msgspec.convert({"type": "result", "subtype": "success", **frame}, Result), written, interrupted=False)


@pytest.mark.parametrize("result", [None, "", "\n\n"])
def test_text_that_was_written_is_the_answer_where_the_result_has_none(result: str | None) -> None:
    outcome = _judged(Written("the answer is 42", answered=True), result=result, num_turns=3)
    assert (outcome.ended, outcome.text) == (Ended.ANSWERED, "the answer is 42")


@pytest.mark.parametrize("result", [None, "", " "])
def test_no_text_at_all_is_an_empty_answer(result: str | None) -> None:
    assert _judged(Written(answered=True), result=result, num_turns=2).ended is Ended.EMPTY
    assert _judged(Written(), result=result).ended is Ended.EMPTY


@pytest.mark.parametrize("words", ["", "blocked by hook: no", "/memory isn't available in this environment."])
def test_a_turn_that_called_no_model_is_no_answer_but_for_a_command(words: str) -> None:
    outcome = _judged(Written(), result=words, num_turns=0)
    assert outcome.ended is Ended.NOT_CALLED
    assert words in outcome.reason
    assert _judged(Written(commands=True), result=words, num_turns=0).ok


def test_a_last_message_that_is_an_error_fails_the_turn_whatever_the_result_says() -> None:
    failure = Assistant(error="overloaded", api_error_status=529, is_api_error_message=True)
    outcome = _judged(Written(failure=failure), result="API Error: 529 Overloaded", num_turns=1)
    assert (outcome.ended, outcome.api_error_status) == (Ended.API_FAILED, 529)


@pytest.mark.parametrize("marked", [True, False])
def test_the_output_limit_is_final_and_names_its_setting(marked: bool) -> None:
    words = "API Error: Claude's response exceeded the 32000 output token maximum."
    written = Written("half an ans", Assistant(error="max_output_tokens") if marked else None, answered=True)
    outcome = _judged(written, is_error=True, result=words, terminal_reason="api_error", num_turns=4)
    error = error_of(outcome)
    assert (error.code, error.retryable, error.partial) == ("output_limit", False, "half an ans")
    assert "claude.max_tokens" in error.remedy
    assert not blamed_scope(error)


@pytest.mark.parametrize(("code", "words"), [(0, "exit 0"), (143, "exit 143"), (-9, "signal 9")])
def test_an_end_without_a_result_is_never_a_success(code: int, words: str) -> None:
    outcome = judge_lost(code, "Bun panic", "partial")
    assert not outcome.ok
    assert words in outcome.reason
    assert outcome.text == "partial"
