"""How a request ends without an answer: what its caller gets, and what is recorded."""

from __future__ import annotations

import asyncio

from engine.base.errors import DeadlinePassed, ErrorKind, QuarterdeckError, TurnInterrupted
from engine.base.text import one_line
from engine.dispatch.active_request import ActiveRequest
from engine.events.types import RequestEnded
from engine.requests import Answer


def ended_by(active: ActiveRequest, error: BaseException) -> BaseException:
    """What the caller gets for what ended the request."""
    ending = active.ending
    if ending.fault is not None and isinstance(error, asyncio.CancelledError):
        _uncancel(active)
        return ending.fault
    if ending.cancelled_by and isinstance(error, QuarterdeckError | asyncio.CancelledError):
        _uncancel(active)
        return TurnInterrupted(f"The request was cancelled by {ending.cancelled_by}.", remedy="Send the prompt again.")
    limit = active.request.deadline
    if isinstance(error, TimeoutError) and limit is not None:
        return DeadlinePassed(f"The request's deadline of {limit:g} s passed.", remedy="Allow more time.")
    return error


def interrupted(active: ActiveRequest, error: QuarterdeckError) -> TurnInterrupted:
    """Whatever ended the attempt, the request ends with it: a person interrupted its turn."""
    sentence = f"The turn was interrupted by {active.ending.interrupted_by}."
    made = TurnInterrupted(sentence, remedy="Send the prompt again to go on.")
    return made.changed(partial=error.partial or "".join(active.text))


def end_event(active: ActiveRequest, answer: Answer | None, error: BaseException | None, now: float) -> RequestEnded:
    """The record of a request's end."""
    kind, code, sentence = _recorded(error)
    return RequestEnded(
        request=active.request.id,
        user=active.request.user,
        ok=answer is not None,
        duration=now - active.began,
        queued=active.waiting.seconds,
        attempts=_attempts(active, error),
        cached=answer is not None and answer.cached,
        kind=kind,
        code=code,
        error=sentence,
    )


def _attempts(active: ActiveRequest, error: BaseException | None) -> int:
    """Those that were made: a refusal that came before it had a session is none."""
    return active.retry.attempts - (active.refused(error) and active.retry.attempts > 0)


def _uncancel(active: ActiveRequest) -> None:
    """The caller's task goes on: the cancellation was meant for the request alone."""
    if active.task is not None:
        active.task.uncancel()


def _recorded(error: BaseException | None) -> tuple[str, str, str]:
    """Kind, code and sentence of what ended a request."""
    if error is None:
        return "", "", ""
    if isinstance(error, TurnInterrupted):
        return "", error.code, one_line(error.message)
    if isinstance(error, QuarterdeckError):
        return error.kind.value, error.code, one_line(error.message)
    if isinstance(error, asyncio.CancelledError):
        return "", "cancelled", "the caller left"
    return ErrorKind.INTERNAL.value, QuarterdeckError.code, one_line(f"the engine failed: {error!r}")
