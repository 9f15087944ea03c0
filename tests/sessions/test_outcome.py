"""A turn's outcome from recorded result frames (HAZARDS H6): subtype alone never decides."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.sessions.messages import Result
from engine.sessions.outcome import Ended, judge, judge_lost

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
    outcome = judge(msgspec.convert({"type": "result", **frame}, Result), interrupted=interrupted)
    assert outcome.ended is ended
    assert outcome.ok is (ended in {Ended.ANSWERED, Ended.REFUSED_TOOLS})


@pytest.mark.parametrize(("code", "words"), [(0, "exit 0"), (143, "exit 143"), (-9, "signal 9")])
def test_an_end_without_a_result_is_never_a_success(code: int, words: str) -> None:
    outcome = judge_lost(code, "Bun panic", "partial")
    assert not outcome.ok
    assert words in outcome.reason
    assert outcome.text == "partial"
