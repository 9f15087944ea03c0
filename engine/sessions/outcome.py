"""What a turn came to, judged from all the facts and never from `subtype` or the exit code alone.

The reason is hazard H6 of docs/development/hazards.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engine.sessions.messages import Assistant, Result, Usage

_OURS = frozenset({"aborted_streaming", "aborted_tools"})
_CAPS = frozenset({"max_turns", "budget_exhausted", "blocking_limit"})
_CAP_SUBTYPES = frozenset({"error_max_turns", "error_max_budget_usd"})
_OUTPUT_LIMIT = "max_output_tokens"
_OUTPUT_LIMIT_TEXT = "output token maximum"


class Ended(StrEnum):
    """The ways a turn ends."""

    ANSWERED = "answered"
    REFUSED_TOOLS = "refused_tools"
    INTERRUPTED = "interrupted"
    CAPPED = "capped"
    OUTPUT_LIMIT = "output_limit"
    NOT_CALLED = "not_called"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    API_FAILED = "api_failed"
    FAILED = "failed"
    LOST = "lost"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Written:
    """What the lines of a turn held beside its result: all text, the last message if an error, any model's message.

    `commands` states that the request may be one of the CLI's own commands, which call no model;
    `resets_at` is when the plan's limit ends that refused a call, in seconds since 1970.
    """

    text: str = ""
    failure: Assistant | None = None
    answered: bool = False
    commands: bool = False
    resets_at: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one turn with the facts it rests on; `text` is the answer, or what there was of it."""

    ended: Ended
    text: str
    reason: str
    api_error_status: int | None = None
    api_error_type: str | None = None
    terminal_reason: str | None = None
    exit_code: int | None = None
    denials: int = 0
    acted: bool = False
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    stderr: str = ""
    resets_at: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the caller has an answer; refused tools are an answer that names the refusals."""
        return self.ended in {Ended.ANSWERED, Ended.REFUSED_TOOLS}


def judge(result: Result, written: Written, *, interrupted: bool) -> Outcome:
    """The verdict on a turn that ended with a result line; `interrupted` states that we asked for its end."""
    ended, reason = _ending(result, written, interrupted)
    failure = written.failure if ended is Ended.API_FAILED else None
    text = result.result if result.result and result.result.strip() else written.text
    return Outcome(
        ended=ended,
        text=text if ended in {Ended.ANSWERED, Ended.REFUSED_TOOLS} else written.text,
        reason=reason,
        api_error_status=result.api_error_status or (failure.api_error_status if failure is not None else None),
        api_error_type=result.api_error_type or (failure.api_error_type if failure is not None else None),
        terminal_reason=result.terminal_reason,
        denials=len(result.permission_denials or ()),
        usage=result.usage or Usage(),
        resets_at=written.resets_at,
    )


def judge_lost(exit_code: int | None, stderr: str, partial: str, stopped: str = "") -> Outcome:
    """The verdict on a turn whose process ended without a result; a negative code is a signal's number.

    `stopped` states who stopped the session and why, empty for a process that ended by itself.
    """
    reason = stopped or f"the process ended ({how_exited(exit_code)}) without a result"
    ended = Ended.STOPPED if stopped else Ended.LOST
    return Outcome(ended=ended, text=partial, reason=reason, exit_code=exit_code, stderr=stderr)


def judge_cancelled(partial: str, stopped: str = "") -> Outcome:
    """The verdict on a turn that the CLI dropped because of our interrupt; `stopped` as in `judge_lost`."""
    if stopped:
        return Outcome(ended=Ended.STOPPED, text=partial, reason=stopped)
    return Outcome(ended=Ended.INTERRUPTED, text=partial, reason="interrupted before it began")


def judge_unreadable(reason: str, partial: str) -> Outcome:
    """The verdict on a turn whose last line could not be read: it may have been paid for, so it is final."""
    return Outcome(ended=Ended.UNREADABLE, text=partial, reason=f"the agent's result could not be read: {reason}")


def how_exited(exit_code: int | None) -> str:
    """An exit code for people: `exit 1`, `signal 9`."""
    if exit_code is None:
        return "no exit code"
    return f"exit {exit_code}" if exit_code >= 0 else f"signal {-exit_code}"


def _ending(result: Result, written: Written, interrupted: bool) -> tuple[Ended, str]:
    terminal = result.terminal_reason or ""
    reason = "; ".join(result.errors or ()) or result.result or terminal or result.subtype
    if terminal in _OURS or (interrupted and result.subtype == "error_during_execution"):
        return Ended.INTERRUPTED, "interrupted" if interrupted else f"aborted: {reason}"
    if terminal in _CAPS or result.subtype in _CAP_SUBTYPES:
        return Ended.CAPPED, reason
    if found := _failed(result, written, reason):
        return found
    if not written.commands and not written.answered and result.num_turns == 0:
        return Ended.NOT_CALLED, result.result or "the agent ended the turn without calling a model"
    if result.permission_denials:
        return Ended.REFUSED_TOOLS, f"{len(result.permission_denials)} tool uses were denied"
    wordless = not ((result.result or "").strip() or written.text.strip())
    if wordless and result.num_turns != 0 and (written.answered or not written.commands):
        return Ended.EMPTY, "the agent ended the turn without any text"
    return Ended.ANSWERED, terminal or "completed"


def _failed(result: Result, written: Written, reason: str) -> tuple[Ended, str] | None:
    """The failure that a result reports, or that its last message did."""
    failure, terminal = written.failure, result.terminal_reason or ""
    if (failure is not None and failure.error == _OUTPUT_LIMIT) or (result.is_error and _OUTPUT_LIMIT_TEXT in reason):
        return Ended.OUTPUT_LIMIT, reason
    if result.is_error and (result.api_error_status is not None or terminal == "api_error"):
        return Ended.API_FAILED, reason
    if result.is_error or result.startup_failure_reason:
        return Ended.FAILED, reason
    if failure is not None:
        return Ended.API_FAILED, result.result or failure.error or reason
    if result.subtype.startswith("error"):
        return Ended.FAILED, reason
    return None
