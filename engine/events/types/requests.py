"""What is said of a request on its way and of its turns."""

from __future__ import annotations

from enum import StrEnum

from engine.events.types.base import Event


class RequestEnding(StrEnum):
    """How a request ended; each ended request is exactly one of these, wherever it is counted.

    Answered: its caller has an answer, also from the cache. Refused: no attempt was made, because the request could not
    be done as it was written, the engine takes no work (an open breaker, a full queue, a drain), or its deadline passed
    before a session was free. Cancelled: its
    caller left, or a person stopped or interrupted it. Failed: every other end, after one attempt or more.
    """

    ANSWERED = "answered"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


ENDED_BY_PEOPLE = frozenset({"interrupted", "stopped", "abandoned"})
"""Outcomes of turns that people and callers ended."""
CANCELLED_CODES = frozenset({"cancelled", "interrupted", "session_stopped"})
"""Codes of errors by which people and callers end requests."""


class RequestQueued(Event, frozen=True):
    """A request entered the queue."""

    request: str
    user: str
    tenant: str
    profile: str
    priority: str
    prompt: str = ""


class RequestWaiting(Event, frozen=True):
    """For what the request waits now; empty when it runs."""

    request: str
    reason: str


class RequestRetrying(Event, frozen=True):
    """An attempt failed and another will follow in `delay` seconds."""

    request: str
    attempt: int
    delay: float
    kind: str
    reason: str


class RequestEnded(Event, frozen=True):
    """The request was answered or given up; `duration` includes the wait of `queued` seconds.

    `attempts` is 0 when none was made: an attempt is a try to run a turn, not a refusal and no wait at a breaker.
    """

    request: str
    user: str
    ok: bool
    duration: float
    queued: float = 0.0
    attempts: int = 1
    cached: bool = False
    kind: str = ""
    code: str = ""
    error: str = ""

    @property
    def outcome(self) -> RequestEnding:
        """The one of the four that it is."""
        if self.ok:
            return RequestEnding.ANSWERED
        if self.code in CANCELLED_CODES:
            return RequestEnding.CANCELLED
        return RequestEnding.FAILED if self.attempts else RequestEnding.REFUSED

    @property
    def excused(self) -> bool:
        """Whether it counts for no availability: cancelled, or the request's own fault."""
        return not self.ok and (self.outcome is RequestEnding.CANCELLED or self.kind == "validation")


class TurnStarted(Event, frozen=True):
    """A request began to run in a session."""

    request: str
    session: str
    user: str
    prompt: str
    attempt: int = 1


class TurnSteered(Event, frozen=True):
    """Somebody sent another prompt into a running turn, which goes on with that."""

    session: str
    by: str
    prompt: str


class TurnActivity(Event, frozen=True):
    """What the agent is doing right now, in one line."""

    session: str
    activity: str


class TurnProgress(Event, frozen=True):
    """How far the agent is with what it writes now, at most once a second a session.

    `words` and `tokens` (estimated) are those of the text, thought or tool input under way for `seconds`, `rate` is in
    tokens a second since the event before.
    """

    session: str
    words: int
    tokens: int
    seconds: float
    rate: float


class TurnEnded(Event, frozen=True):
    """The turn's one result; tokens and cost are this turn's alone.

    `for_person` seconds of `duration` it waited for people to answer approvals, in `tools` further seconds a tool ran.
    After it `context` tokens are in use of the `context_window` that `model` has; 0 is not known.
    """

    request: str
    session: str
    ok: bool
    outcome: str
    duration: float
    ttft: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: float = 0.0
    kind: str = ""
    error: str = ""
    tokens_cache_written: int = 0
    for_person: float = 0.0
    tools: float = 0.0
    model: str = ""
    context: int = 0
    context_window: int = 0

    @property
    def failed(self) -> bool:
        """Whether it ended badly, and nobody wanted it to end."""
        return not self.ok and self.outcome not in ENDED_BY_PEOPLE


class ForeignTurnEnded(Event, frozen=True):
    """A turn that the agent began by itself ended; it answers no request, and its tokens and cost are its own."""

    session: str
    conversation: str
    ok: bool
    text: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_cache_written: int = 0
    cost: float = 0.0


class ApiRetry(Event, frozen=True):
    """The CLI reports that the API refused and that it will try again."""

    session: str
    attempt: int
    delay: float
    status: int | None = None
    error: str = ""


class RateLimited(Event, frozen=True):
    """How much of a plan's limit is `used`, from 0 to 1, and when it resets in seconds since 1970, None while unknown.

    `status` is the API's: allowed, allowed_warning or rejected; `overage` states that what is beyond is paid for.
    """

    session: str
    status: str
    limit: str = ""
    resets_at: float | None = None
    used: float | None = None
    overage: bool = False
