"""What the protocol machine tells its owner, one value for each thing that happened on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Raw

from engine.sessions.messages import ControlReply, Result


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes that must be written to the process."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Replied:
    """A control request of ours was answered."""

    reply: ControlReply


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class PartialDropped:
    """The last `size` characters of the streamed text will be sent again: forget them."""

    size: int


@dataclass(frozen=True, slots=True)
class ActivityChanged:
    """What the agent does now, in one line."""

    activity: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the transcript: `kind` is user, assistant, think, tool, result, error or note."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """A tool that was really used gave its result; `text` is what it said."""

    tool: str
    failed: bool
    text: str


@dataclass(frozen=True, slots=True)
class PermissionWanted:
    """The agent may not go on before it is answered."""

    permission: str
    tool: str
    input: Raw
    summary: str


@dataclass(frozen=True, slots=True)
class PermissionWithdrawn:
    """The agent no longer asks."""

    permission: str


@dataclass(frozen=True, slots=True)
class ConversationNamed:
    """The conversation that the process holds from now on."""

    conversation: str


@dataclass(frozen=True, slots=True)
class RetryReported:
    """The CLI met an API failure and will try again by itself in `delay` seconds."""

    attempt: int
    delay: float
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class LimitReported:
    """How a plan's limit stands; `resets_at` is in seconds since 1970."""

    status: str
    limit: str
    resets_at: float | None


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn's result."""

    result: Result
    interrupted: bool


@dataclass(frozen=True, slots=True)
class FaultSeen:
    """A line that is not of the protocol."""

    reason: str
    excerpt: str


Fact = (
    Send
    | Replied
    | TextDelta
    | PartialDropped
    | ActivityChanged
    | Said
    | ToolEnded
    | PermissionWanted
    | PermissionWithdrawn
    | ConversationNamed
    | RetryReported
    | LimitReported
    | TurnFinished
    | FaultSeen
)
