"""The one family of errors: each carries its cause and its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class ErrorKind(StrEnum):
    """The seven types of error."""

    NETWORK = "network"
    PROCESS = "process"
    AUTH = "auth"
    RESOURCE = "resource"
    TIMEOUT = "timeout"
    VALIDATION = "validation"
    INTERNAL = "internal"


class ErrorScope(StrEnum):
    """How far the damage of an error reaches."""

    REQUEST = "request"
    SESSION = "session"
    CREDENTIAL = "credential"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """What the classifier made of an error: the rule that decided, and what to do about it.

    `strategy` names a recovery strategy, `none` when trying again is enough; `severity` is low, medium, high or
    critical; `confidence` from 0 to 1. `said` is the line of the agent's own words that reports the error.
    """

    rule: str = ""
    category: str = ""
    severity: str = "medium"
    strategy: str = "none"
    confidence: float = 1.0
    said: str = ""


MAX_LINE, MAX_LINES = 1000, 120
"""Characters of one line of an error's sentence, and its lines: what a caller sent is named, never returned whole."""


def bounded(text: str) -> str:
    """An error's sentence with the middle of each long line, and of too many lines, left out."""
    if len(text) <= MAX_LINE:
        return text
    lines = text[: MAX_LINE * MAX_LINES * 2].split("\n")
    if len(lines) > MAX_LINES:
        half = MAX_LINES // 2
        lines = [*lines[:half], f"… ({len(lines) - 2 * half} lines left out)", *text[-MAX_LINE:].split("\n")[-half:]]
    elif len(text) > MAX_LINE * MAX_LINES * 2:
        lines[-1] += text[-MAX_LINE:]
    return "\n".join(_shortened(line) for line in lines)


def _shortened(line: str) -> str:
    if len(line) <= MAX_LINE:
        return line
    head, tail = line[: MAX_LINE // 2], line[-(MAX_LINE // 2 - 40) :]
    return f"{head} … ({len(line) - len(head) - len(tail)} characters left out) … {tail}"


class QuarterdeckError(Exception):
    """Root of every error that leaves a part of the engine.

    `message` is one sentence for a person, `remedy` the setting or command that helps,
    `code` a stable name for programs, `retry_after` seconds or None, `field` the input at fault. What a caller sent
    and is named in them is cut to a bound here, for every way in which an error leaves.
    """

    kind: ErrorKind = ErrorKind.INTERNAL
    code: str = "internal"
    retryable: bool = False
    scope: ErrorScope = ErrorScope.REQUEST
    http_status: int = 500
    verdict: ErrorClass = ErrorClass()
    given_up: str = ""
    """Why no other attempt was made."""
    acted: bool = False
    """Whether the failed turn had used tools that a second run would use again."""
    partial: str = ""
    """What there was of the answer."""
    votes: bool = True
    """Whether it says anything about the health of the API or the session; breakers count only those that do."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        retry_after: float | None = None,
        field: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        self.message = bounded(message)
        super().__init__(self.message)
        self.remedy = bounded(remedy)
        self.retry_after = retry_after
        self.field = bounded(field) if field is not None else None
        if retryable is not None:
            self.retryable = retryable

    def changed(self, **facts: Any) -> Self:
        """A copy with other facts about the same failure: an error itself never changes once it was raised."""
        if unknown := [name for name in facts if not hasattr(self, name)]:
            raise TypeError(f"{type(self).__name__} has no {unknown[0]}")
        made = type(self).__new__(type(self), *self.args)
        made.__dict__.update(self.__dict__ | facts)
        made.__cause__, made.__suppress_context__ = self.__cause__, self.__suppress_context__
        return made.with_traceback(self.__traceback__)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip() if self.remedy else self.message

    def as_dict(self) -> dict[str, Any]:
        """The error as the API's failure envelope."""
        body: dict[str, Any] = {"success": False, "error": self.message, "code": self.code, "kind": self.kind.value}
        if self.field is not None:
            body["field"] = self.field
        if self.remedy:
            body["remedy"] = self.remedy
        if self.given_up:
            body["given_up"] = self.given_up
        if self.partial:
            body["partial"] = self.partial
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
        return body


def internal_error(error: BaseException) -> QuarterdeckError:
    """An error that no part of the engine foresaw, as its callers read it."""
    return QuarterdeckError(f"The engine failed: {error!r}.", remedy="Report it, with the engine's log.")


class BadInput(QuarterdeckError):
    """What was asked cannot be done as it was written."""

    kind, code, http_status = ErrorKind.VALIDATION, "bad_input", 400


MAX_PROBLEMS = 100
"""Problems that the message of a SettingsError names."""


class SettingsError(BadInput):
    """One or more settings are wrong; `problems` names every one of them, the message the first hundred."""

    code = "bad_settings"

    def __init__(self, problems: list[str], *, remedy: str = "", field: str | None = None) -> None:
        shown = problems[:MAX_PROBLEMS]
        more = len(problems) - len(shown)
        super().__init__("\n".join([*shown, f"… and {more} more."] if more else shown), remedy=remedy, field=field)
        self.problems = problems


class NotFound(BadInput):
    """No such session, conversation, profile or request."""

    code, http_status = "not_found", 404


class Forbidden(QuarterdeckError):
    """The caller may not do this."""

    kind, code, http_status = ErrorKind.AUTH, "forbidden", 403


class BackendMissing(QuarterdeckError):
    """The agent's program is not on this machine."""

    kind, code, scope, http_status = ErrorKind.PROCESS, "backend_missing", ErrorScope.ENGINE, 503


class NotSignedIn(QuarterdeckError):
    """There is no credential for the agent, so no work is started."""

    kind, code, scope, http_status = ErrorKind.AUTH, "not_signed_in", ErrorScope.CREDENTIAL, 503


class StartFailed(QuarterdeckError):
    """A session's process did not come up."""

    kind, code, scope, http_status = ErrorKind.PROCESS, "start_failed", ErrorScope.SESSION, 503
    verdict = ErrorClass("start-failed", "start", "high", "process")


class SessionLost(QuarterdeckError):
    """The session's process ended in the middle of a turn."""

    kind, code, scope, http_status = ErrorKind.PROCESS, "session_lost", ErrorScope.SESSION, 503
    verdict = ErrorClass("session-lost", "crash", "high", "session")
    retryable = True


class SessionStopped(SessionLost):
    """Somebody ended the session in the middle of a turn; the turn may go on in another one."""

    code = "session_stopped"
    verdict = ErrorClass("session-stopped", "stopped", "low", "session")


class ConversationHeld(QuarterdeckError):
    """Another process may still write the conversation."""

    kind, code, scope, http_status = ErrorKind.RESOURCE, "conversation_held", ErrorScope.SESSION, 409
    verdict = ErrorClass("conversation-held", "held", "medium", "resource")


class SessionBusy(QuarterdeckError):
    """The session does something else now, or nothing that what was asked could be done to."""

    kind, code, scope, http_status = ErrorKind.RESOURCE, "session_busy", ErrorScope.SESSION, 409
    retryable = True


class ConversationAsleep(QuarterdeckError):
    """The conversation has no process that could be asked."""

    kind, code, scope, http_status = ErrorKind.RESOURCE, "conversation_asleep", ErrorScope.SESSION, 409


class ConversationChanged(QuarterdeckError):
    """The conversation is no longer what the caller takes it for."""

    kind, code, scope, http_status = ErrorKind.VALIDATION, "conversation_changed", ErrorScope.SESSION, 409


class AgentRefused(QuarterdeckError):
    """The agent did not do what it was asked beside its turns."""

    kind, code, scope, http_status = ErrorKind.PROCESS, "agent_refused", ErrorScope.SESSION, 502


class VerbUnknown(AgentRefused):
    """The agent's CLI does not know the request."""

    code = "verb_unknown"


class DeadlinePassed(QuarterdeckError):
    """A clock of the request ran out; `clock` names the turn's clock where it was one of those."""

    kind, code, http_status = ErrorKind.TIMEOUT, "deadline_passed", 504
    verdict = ErrorClass("deadline-passed", "deadline")
    clock = ""


class Overloaded(QuarterdeckError):
    """The engine sheds load: the queue is full, the breaker is open, or it drains."""

    kind, code, http_status = ErrorKind.RESOURCE, "overloaded", 503
    retryable = True


class QueueFull(Overloaded):
    """The request was dropped by the queue's rules; `retry_after` is when there should be room."""

    code, http_status = "queue_full", 429


class BreakerOpen(Overloaded):
    """A breaker lets no call through; `retry_after` is when it may, None when only a person can say so.

    `parked` states that it waits for a limit to reset, so that a patient request may wait for it.
    """

    retryable = False
    parked = False


class TurnFailed(QuarterdeckError):
    """The agent ended the turn with an error; `kind` is its type."""

    code, http_status = "turn_failed", 502

    def __init__(self, message: str, *, kind: ErrorKind, code: str | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.kind = kind
        if code is not None:
            self.code = code


class TurnInterrupted(QuarterdeckError):
    """Somebody interrupted the turn."""

    code, http_status = "interrupted", 409

    def as_dict(self) -> dict[str, Any]:
        """Without a type of error: a person wanted it to end."""
        body = super().as_dict()
        del body["kind"]
        return body


class NoEngine(QuarterdeckError):
    """No engine answers where one was expected."""

    kind, code, http_status = ErrorKind.NETWORK, "no_engine", 503
