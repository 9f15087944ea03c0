"""A failed attempt as recovery sees it, and what a strategy works on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.base.errors import QuarterdeckError
from engine.base.text import one_line
from engine.events.types import ErrorSeen


class TargetKind(StrEnum):
    """What a strategy works on; all who have the same trouble with the same target share one run."""

    SESSION = "session"
    CONVERSATION = "conversation"
    CREDENTIAL = "credential"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt, or the wish of a person (`by`), who has no error. Times are monotonic seconds.

    `conversation` is what the request asked for, empty for a new one; `credential` names its breaker. `began` is when
    the attempt did, `patience` the seconds that the request may be held.
    """

    id: str = ""
    error: QuarterdeckError | None = None
    request: str = ""
    session: str = ""
    conversation: str = ""
    tenant: str = ""
    profile: str = ""
    credential: str = ""
    attempt: int = 1
    began: float = 0.0
    seen: float = 0.0
    silent: float = 0.0
    patience: float = 0.0
    by: str = ""

    @property
    def reason(self) -> str:
        """Why recovery is wanted, in one line."""
        return one_line(self.error.message) if self.error is not None else f"asked for by {self.by}"

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asked to wait."""
        return self.error.retry_after if self.error is not None else None

    @property
    def classes(self) -> tuple[str, str]:
        """The class of the error, `type/category`, and its type alone; both empty without one."""
        if self.error is None:
            return "", ""
        kind = self.error.kind.value
        return f"{kind}/{self.error.verdict.category or self.error.code}", kind

    def seen_event(self, error: QuarterdeckError, *, again: bool) -> ErrorSeen:
        """The event of the failed attempt."""
        verdict = error.verdict
        return ErrorSeen(
            error=self.id,
            request=self.request,
            session=self.session,
            profile=self.profile,
            attempt=self.attempt,
            kind=error.kind.value,
            code=error.code,
            text=one_line(error.message),
            rule=verdict.rule or error.code,
            category=verdict.category or error.code,
            severity=verdict.severity,
            strategy=verdict.strategy,
            confidence=verdict.confidence,
            retryable=error.retryable,
            again=again,
            silent=self.silent,
            said=verdict.said,
        )


def target_of(target_kind: TargetKind, failure: Failure) -> str:
    """What a strategy of this aim works on: `session:…`, `conversation:…`, `profile:…`, `credential:…` or `engine`."""
    if target_kind is TargetKind.ENGINE:
        return TargetKind.ENGINE.value
    if target_kind is TargetKind.CREDENTIAL:
        return failure.credential
    if target_kind is TargetKind.CONVERSATION and failure.conversation:
        return f"conversation:{failure.conversation}"
    return f"session:{failure.session}" if failure.session else f"profile:{failure.profile}"
