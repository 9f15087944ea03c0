"""The lines that the CLI writes, as types. docs/development/protocol.md, section 4, is their source.

Bulky parts stay `msgspec.Raw` until somebody asks; unknown fields stay in the line itself.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

_NOTHING = Raw(b"null")
_MILLISECONDS = 1e11
"""Above this a moment since 1970 is no count of seconds."""


class Message(msgspec.Struct, frozen=True, tag_field="type"):
    """Root of the typed lines."""


class ApiDelta(msgspec.Struct, frozen=True):
    """A piece of a streamed block."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class ApiEvent(msgspec.Struct, frozen=True):
    """A raw server-sent event of the Messages API."""

    type: str = ""
    index: int = 0
    delta: ApiDelta | None = None
    content_block: Raw = _NOTHING
    message: Raw = _NOTHING


class Block(msgspec.Struct, frozen=True):
    """One block of a message's content."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: Raw = _NOTHING
    tool_use_id: str = ""
    content: Raw = _NOTHING
    is_error: bool | None = None


class Body(msgspec.Struct, frozen=True):
    """The `message` of an assistant or user line; `content` is a list of blocks or one text."""

    id: str = ""
    role: str = ""
    model: str = ""
    content: Raw = _NOTHING
    usage: Raw = _NOTHING


class StreamEvent(Message, frozen=True, tag="stream_event"):
    """A partial message."""

    event: ApiEvent = msgspec.field(default_factory=ApiEvent)
    parent_tool_use_id: str | None = None
    ttft_ms: float | None = None


class Assistant(Message, frozen=True, tag="assistant"):
    """A finished block of the agent's, or a synthetic one that reports an API failure."""

    message: Body = msgspec.field(default_factory=Body)
    parent_tool_use_id: str | None = None
    session_id: str = ""
    uuid: str = ""
    error: str | None = None
    is_api_error_message: bool = False
    api_error_status: int | None = None
    api_error_type: str | None = None
    aborted: bool = False
    user_message_uuids: list[str] | None = None


class User(Message, frozen=True, tag="user"):
    """Tool results, and texts that the CLI injects."""

    message: Body = msgspec.field(default_factory=Body)
    parent_tool_use_id: str | None = None
    session_id: str = ""
    uuid: str = ""
    isReplay: bool = False  # noqa: N815 - the wire's name


class TaskEntry(msgspec.Struct, frozen=True):
    """One task that runs beside the turns."""

    task_id: str = ""
    task_type: str = ""
    description: str = ""


class TaskPatch(msgspec.Struct, frozen=True):
    """What changed of a task."""

    status: str = ""


class System(Message, frozen=True, tag="system"):
    """All `system/*` lines; a subtype's own fields are read from the line on demand."""

    subtype: str = ""
    session_id: str = ""
    status: str | None = None
    model: str | None = None
    permissionMode: str | None = None  # noqa: N815 - the wire's name
    claude_code_version: str | None = None
    attempt: int | None = None
    max_retries: int | None = None
    retry_delay_ms: float | None = None
    error_status: int | None = None
    error: str | None = None
    content: Raw = _NOTHING
    user_message_uuids: list[str] | None = None
    task_id: str = ""
    description: str = ""
    is_backgrounded: bool | None = None
    tasks: list[TaskEntry] | None = None
    patch: TaskPatch | None = None


class RateLimitInfo(msgspec.Struct, frozen=True):
    """How much of a plan's limit is used, from 0 to 1, and whether what is beyond it is paid for."""

    status: str = ""
    resetsAt: float | None = None  # noqa: N815 - the wire's name
    rateLimitType: str | None = None  # noqa: N815 - the wire's name
    utilization: float | None = None
    isUsingOverage: bool = False  # noqa: N815 - the wire's name

    @property
    def resets_at(self) -> float | None:
        """Seconds since 1970, also where the CLI wrote milliseconds; None for what is no moment."""
        if self.resetsAt is None or self.resetsAt <= 0:
            return None
        return self.resetsAt / 1000 if self.resetsAt > _MILLISECONDS else self.resetsAt


class RateLimitEvent(Message, frozen=True, tag="rate_limit_event"):
    """Only with an OAuth login."""

    rate_limit_info: RateLimitInfo = msgspec.field(default_factory=RateLimitInfo)


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one turn, by class."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0

    @property
    def in_context(self) -> int:
        """Tokens that the next call begins with, where these are those of a call."""
        return self.input_tokens + self.output_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens

    def plus(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(*(mine + theirs for mine, theirs in zip(_counts(self), _counts(other), strict=True)))


def _counts(usage: Usage) -> tuple[int, ...]:
    return msgspec.structs.astuple(usage)


class ModelUsage(msgspec.Struct, frozen=True, rename="camel"):
    """What one model took since the result before; cost in US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cost_usd: float = msgspec.field(default=0.0, name="costUSD")
    context_window: int = 0


class Origin(msgspec.Struct, frozen=True):
    """Why the CLI began a turn by itself."""

    kind: str = ""


class Result(Message, frozen=True, tag="result"):
    """The one end of a turn. Never judge it by `subtype`: see outcome.py."""

    subtype: str = ""
    is_error: bool = False
    result: str | None = None
    errors: list[str] | None = None
    terminal_reason: str | None = None
    api_error_status: int | None = None
    api_error_type: str | None = None
    stop_reason: str | None = None
    num_turns: int | None = None
    duration_ms: float = 0.0
    duration_api_ms: float = 0.0
    ttft_ms: float | None = None
    usage: Usage | None = None
    total_cost_usd: float = 0.0
    modelUsage: Raw = _NOTHING  # noqa: N815 - the wire's name
    model_usage_since_last_result: dict[str, ModelUsage] | None = None
    permission_denials: list[Any] | None = None
    session_id: str = ""
    local_command: str | None = None
    startup_failure_reason: str | None = None
    user_message_uuid: str | None = None
    user_message_uuids: list[str] | None = None
    origin: Origin | None = None

    @property
    def prompts(self) -> tuple[str, ...]:
        """The user lines that this result answers, by uuid; empty for an unmarked one."""
        if self.user_message_uuids:
            return tuple(self.user_message_uuids)
        return (self.user_message_uuid,) if self.user_message_uuid else ()


class ConversationReset(Message, frozen=True, tag="conversation_reset"):
    """`/clear` went through."""

    new_conversation_id: str = ""


class CommandLifecycle(Message, frozen=True, tag="command_lifecycle"):
    """Where our user line is: queued, started, completed or cancelled."""

    command_uuid: str = ""
    state: str = ""


class ControlReply(msgspec.Struct, frozen=True):
    """The answer to a control request of ours."""

    subtype: str = ""
    request_id: str = ""
    response: Raw = _NOTHING
    error: str | None = None
    error_code: str | None = None


class ControlResponse(Message, frozen=True, tag="control_response"):
    """Envelope of a `ControlReply`."""

    response: ControlReply = msgspec.field(default_factory=ControlReply)


class ControlAsk(msgspec.Struct, frozen=True):
    """What the CLI asks of us: `can_use_tool`, `hook_callback`, `mcp_message` or something newer."""

    subtype: str = ""
    tool_name: str = ""
    input: Raw = _NOTHING
    description: str | None = None
    tool_use_id: str | None = None
    blocked_path: str | None = None
    decision_reason: str | None = None


class ControlRequest(Message, frozen=True, tag="control_request"):
    """Needs exactly one control response."""

    request_id: str = ""
    request: ControlAsk = msgspec.field(default_factory=ControlAsk)


class ControlCancel(Message, frozen=True, tag="control_cancel_request"):
    """The CLI no longer wants an answer."""

    request_id: str = ""


class KeepAlive(Message, frozen=True, tag="keep_alive"):
    """Nothing but a sign of life."""


class Unknown(msgspec.Struct, frozen=True):
    """A line of a type that this version does not know; the line itself is kept beside it."""

    type: str = ""


AnyMessage = (
    StreamEvent
    | Assistant
    | User
    | System
    | RateLimitEvent
    | Result
    | ConversationReset
    | CommandLifecycle
    | ControlResponse
    | ControlRequest
    | ControlCancel
    | KeepAlive
    | Unknown
)
