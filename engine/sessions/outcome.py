"""What a turn came to, judged from all the facts and never from `subtype` or the exit code alone (HAZARDS H6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engine.sessions.messages import Result, Usage

_OURS = frozenset({"aborted_streaming", "aborted_tools"})
_CAPS = frozenset({"max_turns", "budget_exhausted", "blocking_limit"})


class Ended(StrEnum):
    """The ways a turn ends."""

    ANSWERED = "answered"
    REFUSED_TOOLS = "refused_tools"
    INTERRUPTED = "interrupted"
    CAPPED = "capped"
    API_FAILED = "api_failed"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one turn with the facts it rests on."""

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
    stderr: str = ""

    @property
    def ok(self) -> bool:
        """Whether the caller has an answer; refused tools are an answer that names the refusals."""
        return self.ended in {Ended.ANSWERED, Ended.REFUSED_TOOLS}


def judge(result: Result, *, interrupted: bool) -> Outcome:
    """The verdict on a turn that ended with a result line; `interrupted` says that we asked for its end."""
    ended, reason = _ending(result, interrupted)
    return Outcome(
        ended=ended,
        text=result.result or "",
        reason=reason,
        api_error_status=result.api_error_status,
        api_error_type=result.api_error_type,
        terminal_reason=result.terminal_reason,
        denials=len(result.permission_denials or ()),
        usage=result.usage or Usage(),
    )


def judge_lost(exit_code: int | None, stderr: str, partial: str) -> Outcome:
    """The verdict on a turn whose process ended without a result; a negative code is a signal's number."""
    return Outcome(
        ended=Ended.LOST,
        text=partial,
        reason=f"the process ended ({how_exited(exit_code)}) without a result",
        exit_code=exit_code,
        stderr=stderr,
    )


def how_exited(exit_code: int | None) -> str:
    """An exit code for people: `exit 1`, `signal 9`."""
    if exit_code is None:
        return "no exit code"
    return f"exit {exit_code}" if exit_code >= 0 else f"signal {-exit_code}"


def _ending(result: Result, interrupted: bool) -> tuple[Ended, str]:
    reason = result.terminal_reason or ""
    said = "; ".join(result.errors or ()) or result.result or reason or result.subtype
    if reason in _OURS or (interrupted and result.subtype == "error_during_execution"):
        return Ended.INTERRUPTED, "interrupted" if interrupted else f"aborted: {said}"
    if reason in _CAPS or result.subtype in {"error_max_turns", "error_max_budget_usd"}:
        return Ended.CAPPED, said
    if result.is_error and (result.api_error_status is not None or reason == "api_error"):
        return Ended.API_FAILED, said
    if result.is_error or result.startup_failure_reason:
        return Ended.FAILED, said
    if result.subtype.startswith("error"):
        return Ended.FAILED, said
    if result.permission_denials:
        return Ended.REFUSED_TOOLS, f"{len(result.permission_denials)} tool uses were denied"
    return Ended.ANSWERED, reason or "completed"
