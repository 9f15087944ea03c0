"""What is said of a request on its way and of its turns."""

from __future__ import annotations

from engine.events.types.base import Event


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
    """The request was answered or given up; `duration` includes the wait of `queued` seconds."""

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


class TurnStarted(Event, frozen=True):
    """A request began to run in a session."""

    request: str
    session: str
    user: str
    prompt: str
    attempt: int = 1


class TurnActivity(Event, frozen=True):
    """What the agent is doing right now, in one line."""

    session: str
    activity: str


class TurnEnded(Event, frozen=True):
    """The turn's one result; tokens and cost are this turn's alone."""

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
    """The API reported how much of a plan's limit is used up."""

    session: str
    status: str
    limit: str = ""
    resets_at: float | None = None
