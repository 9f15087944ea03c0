"""From what is known of a failed turn to the error that the caller gets. The plain version: structured facts only."""

from __future__ import annotations

from engine.errors import ErrorKind, QuarterdeckError, SessionLost, TurnFailed, TurnInterrupted
from engine.sessions.outcome import Ended, Outcome
from engine.sessions.summaries import one_line

_STATUS: dict[int, tuple[ErrorKind, bool]] = {
    400: (ErrorKind.VALIDATION, False),
    401: (ErrorKind.AUTH, False),
    402: (ErrorKind.RESOURCE, False),
    403: (ErrorKind.AUTH, False),
    404: (ErrorKind.VALIDATION, False),
    408: (ErrorKind.TIMEOUT, True),
    409: (ErrorKind.VALIDATION, True),
    413: (ErrorKind.VALIDATION, False),
    422: (ErrorKind.VALIDATION, False),
    429: (ErrorKind.RESOURCE, True),
    500: (ErrorKind.INTERNAL, True),
    502: (ErrorKind.NETWORK, True),
    503: (ErrorKind.INTERNAL, True),
    504: (ErrorKind.TIMEOUT, True),
    529: (ErrorKind.RESOURCE, True),
}
_REMEDY = {
    ErrorKind.AUTH: "Sign in with `claude login`, or set ANTHROPIC_API_KEY; `quarterdeck doctor` checks it.",
    ErrorKind.RESOURCE: "The API lacks capacity, quota or credit: wait, or lower `session_pool.max_size`.",
    ErrorKind.NETWORK: "Check the network and `credential.base_url`.",
    ErrorKind.TIMEOUT: "The API was too slow: try again later.",
    ErrorKind.INTERNAL: "The failure is not on this side: try again later.",
    ErrorKind.VALIDATION: "Change the request, the model or the profile: the same one will fail again.",
}


def error_of(outcome: Outcome) -> QuarterdeckError:
    """The error of an outcome that is no answer."""
    error = _error_of(outcome)
    error.acted = outcome.acted
    return error


def _error_of(outcome: Outcome) -> QuarterdeckError:
    if outcome.ended is Ended.INTERRUPTED:
        return TurnInterrupted("The turn was interrupted.", remedy="Send the prompt again to go on.")
    if outcome.ended is Ended.LOST:
        tail = one_line(outcome.stderr.strip().rpartition("\n")[2])
        said = f": {tail}" if tail else ""
        return SessionLost(f"The session was lost, {outcome.reason}{said}.", remedy="The conversation can be resumed.")
    if outcome.ended is Ended.CAPPED:
        remedy = "Raise the cap that was set for the agent (turns or budget)."
        return TurnFailed(outcome.reason, kind=ErrorKind.RESOURCE, code="capped", remedy=remedy)
    kind, retryable = _kind_of(outcome)
    return TurnFailed(
        outcome.reason or "The agent ended the turn with an error and no text.",
        kind=kind,
        code=f"api_{outcome.api_error_status}" if outcome.api_error_status else "turn_failed",
        retryable=retryable,
        remedy=_REMEDY[kind],
    )


def _kind_of(outcome: Outcome) -> tuple[ErrorKind, bool]:
    status = outcome.api_error_status
    if status is not None:
        return _STATUS.get(status, (ErrorKind.INTERNAL, status >= 500))
    if outcome.terminal_reason == "api_error":
        return _kind_of_text(outcome.reason)
    if outcome.terminal_reason in {"prompt_too_long", "image_error"}:
        return ErrorKind.VALIDATION, False
    return ErrorKind.INTERNAL, False


def _kind_of_text(text: str) -> tuple[ErrorKind, bool]:
    """Without a status only the text tells a refused login from a broken connection."""
    lowered = text.lower()
    if "api key" in lowered or "/login" in lowered or "authenticat" in lowered:
        return ErrorKind.AUTH, False
    if "timed out" in lowered or "timeout" in lowered or "idle" in lowered:
        return ErrorKind.TIMEOUT, True
    return ErrorKind.NETWORK, True
