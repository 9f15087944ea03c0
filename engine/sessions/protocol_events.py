"""What the protocol machine tells its owner, one value for each thing that happened on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Raw

from engine.events import types as ev
from engine.sessions.messages import Assistant, ControlReply, Result, Usage


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes that must be written to the process."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Replied:
    """A control request of ours was answered, or a note of ours taken, whose id is that of the reply."""

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
class BlockOpened:
    """The main agent begins to write: `kind` is assistant, think or tool, `title` the tool's name."""

    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class BlockGrew:
    """A piece of the block that is open: text, thought, or a tool's input as JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class BlockClosed:
    """Nothing is being written: the block is whole, or was dropped, or is `lost` with its turn, for this reason."""

    lost: str = ""


@dataclass(frozen=True, slots=True)
class ActivityChanged:
    """What the agent does now, in one line."""

    activity: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A line of the transcript: `kind` is user, assistant, think, tool, result, error or note.

    `detail` is the whole input of a tool as JSON, `ref` the uuid of the line that it came in.
    """

    kind: str
    title: str
    text: str
    detail: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """The turn in flight used a tool; an empty name stands for a line that could not be read."""

    tool: str


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """The agent does not run as it was started: another model or permission mode."""

    what: str


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
    """The agent no longer asks, and why where that is not its own matter."""

    permission: str
    why: str = ""


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
    """A plan's limit: `resets_at` in seconds since 1970, `used` from 0 to 1; `overage` is paid for beyond."""

    status: str
    limit: str
    resets_at: float | None
    used: float | None = None
    overage: bool = False


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn's result; `text` is all that was written in it, `failure` its last message if that was an error.

    `answered` states whether a model sent any message, `model` and `usage` are those of the last one. `resets_at` is
    when the plan's limit ends that refused a call of it, in seconds since 1970.
    """

    result: Result
    interrupted: bool
    text: str = ""
    failure: Assistant | None = None
    answered: bool = False
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    resets_at: float | None = None


@dataclass(frozen=True, slots=True)
class TurnSteered:
    """What the CLI did for our turn has ended, which goes on with the prompt `uuid`; None for an unread result."""

    uuid: str
    result: Result | None


@dataclass(frozen=True, slots=True)
class ReplyPending:
    """The CLI works on a control request of ours: life, and no progress of the turn."""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The CLI works on our prompt now; it may have queued behind a turn of the CLI's own."""


@dataclass(frozen=True, slots=True)
class TurnCancelled:
    """The CLI dropped our prompt because of an interrupt; no result follows. `partial` had streamed."""

    partial: str = ""


@dataclass(frozen=True, slots=True)
class TurnCompleting:
    """The CLI states that it is done with our prompt; its result should be here."""


@dataclass(frozen=True, slots=True)
class TurnUnreadable:
    """The line that was to end our turn could not be read; `partial` had streamed."""

    reason: str
    partial: str = ""


@dataclass(frozen=True, slots=True)
class ForeignTurnBegan:
    """The CLI began a turn by itself: it answers no prompt of ours."""


@dataclass(frozen=True, slots=True)
class ForeignTurnEnded:
    """A turn that the CLI began ended; None when its result could not be read."""

    result: Result | None


@dataclass(frozen=True, slots=True)
class Task:
    """One task that the agent runs beside its turns."""

    id: str
    description: str


@dataclass(frozen=True, slots=True)
class TasksChanged:
    """The background tasks that are alive now."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class ReplyUnreadable:
    """The reply to a control request of ours could not be read."""

    request_id: str


@dataclass(frozen=True, slots=True)
class ProtocolError:
    """A line that is not of the protocol."""

    reason: str
    excerpt: str


Fact = (
    Send
    | Replied
    | TextDelta
    | PartialDropped
    | BlockOpened
    | BlockGrew
    | BlockClosed
    | ActivityChanged
    | MessageReceived
    | ToolUsed
    | AgentChanged
    | ToolEnded
    | PermissionWanted
    | PermissionWithdrawn
    | ConversationNamed
    | RetryReported
    | LimitReported
    | ReplyPending
    | TurnSteered
    | TurnStarted
    | TurnCancelled
    | TurnCompleting
    | TurnUnreadable
    | TurnFinished
    | ForeignTurnBegan
    | ForeignTurnEnded
    | TasksChanged
    | ReplyUnreadable
    | ProtocolError
)


def event_of(session: str, fact: Fact) -> ev.AnyEvent | None:
    """The event that reports a fact; None for one that concerns the session alone."""
    match fact:
        case ActivityChanged(activity):
            return ev.TurnActivity(session=session, activity=activity)
        case RetryReported(attempt, delay, status, error):
            return ev.ApiRetry(session=session, attempt=attempt, delay=delay, status=status, error=error)
        case LimitReported(status, limit, resets_at, used, overage):
            return ev.RateLimited(
                session=session, status=status, limit=limit, resets_at=resets_at, used=used, overage=overage
            )
        case ProtocolError(reason, excerpt):
            return ev.ProtocolFault(session=session, reason=reason, excerpt=excerpt)
        case _:
            return None
