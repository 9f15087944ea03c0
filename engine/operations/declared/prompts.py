"""Prompts: send one, list those on their way, cancel one."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation

MAX_PROMPT_BODY = 10 * 1024**2


class RequestRow(msgspec.Struct, kw_only=True):
    """One request that is waiting or running; `position` in the queue from 1, 0 for none; 0 as time is not known."""

    id: str
    user: str
    tenant: str
    profile: str
    priority: str
    prompt: str
    queued_at: float
    session: str
    attempts: int
    retry_at: float
    waits_for: str
    position: int
    expected_at: float


class PromptAnswer(msgspec.Struct, kw_only=True):
    """The result of a request; times in seconds, cost in US dollars, `denials` counts refused tool uses.

    `cwd` is the directory that its conversation works in.
    """

    request: str
    text: str
    conversation: str
    session: str
    duration: float
    queued: float
    attempts: int
    cached: bool
    cwd: str
    denials: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    tokens_cache_written: int
    cost: float
    simulated: bool


class SendPrompt(msgspec.Struct, kw_only=True, frozen=True):
    """One prompt. `stream` answers with server-sent events, `wait: false` with the id at once."""

    prompt: str
    id: str = ""
    conversation: str = ""
    user: str = ""
    profile: str = "default"
    priority: str = "medium"
    deadline: float | None = None
    cacheable: bool = False
    cache_ttl: float | None = None
    cache_tags: tuple[str, ...] = ()
    idempotent: bool = False
    commands: bool = False
    permission_timeout: float | None = None
    cwd: str = ""
    stream: bool = False
    wait: bool = True


class SentPrompt(msgspec.Struct, kw_only=True):
    """The request that a prompt became; with `wait: false` nothing but its id."""

    request: str
    text: str | msgspec.UnsetType = msgspec.UNSET
    conversation: str | msgspec.UnsetType = msgspec.UNSET
    session: str | msgspec.UnsetType = msgspec.UNSET
    duration: float | msgspec.UnsetType = msgspec.UNSET
    queued: float | msgspec.UnsetType = msgspec.UNSET
    attempts: int | msgspec.UnsetType = msgspec.UNSET
    cached: bool | msgspec.UnsetType = msgspec.UNSET
    cwd: str | msgspec.UnsetType = msgspec.UNSET
    denials: int | msgspec.UnsetType = msgspec.UNSET
    tokens_in: int | msgspec.UnsetType = msgspec.UNSET
    tokens_out: int | msgspec.UnsetType = msgspec.UNSET
    tokens_cached: int | msgspec.UnsetType = msgspec.UNSET
    tokens_cache_written: int | msgspec.UnsetType = msgspec.UNSET
    cost: float | msgspec.UnsetType = msgspec.UNSET
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class SentPromptResult(msgspec.Struct, kw_only=True):
    """The answer, or the id to read it with later."""

    prompt: SentPrompt


class PromptsResult(msgspec.Struct, kw_only=True):
    """A page of the requests on their way, of `total`."""

    prompts: list[RequestRow]
    total: int


class PromptId(msgspec.Struct, kw_only=True, frozen=True):
    """One request."""

    id: str


class PromptStatus(msgspec.Struct, kw_only=True):
    """A request on its way, or how one ended that was sent with `wait: false`: by `answer` or by `error`."""

    id: str
    state: str | msgspec.UnsetType = msgspec.UNSET
    ended_at: float | msgspec.UnsetType = msgspec.UNSET
    answer: PromptAnswer | msgspec.UnsetType = msgspec.UNSET
    error: dict[str, str | float | bool | None] | msgspec.UnsetType = msgspec.UNSET
    user: str | msgspec.UnsetType = msgspec.UNSET
    tenant: str | msgspec.UnsetType = msgspec.UNSET
    profile: str | msgspec.UnsetType = msgspec.UNSET
    priority: str | msgspec.UnsetType = msgspec.UNSET
    prompt: str | msgspec.UnsetType = msgspec.UNSET
    queued_at: float | msgspec.UnsetType = msgspec.UNSET
    session: str | msgspec.UnsetType = msgspec.UNSET
    attempts: int | msgspec.UnsetType = msgspec.UNSET
    retry_at: float | msgspec.UnsetType = msgspec.UNSET
    waits_for: str | msgspec.UnsetType = msgspec.UNSET


class PromptResult(msgspec.Struct, kw_only=True):
    """One request."""

    prompt: PromptStatus


class Cancelled(msgspec.Struct, kw_only=True):
    """The request that was cancelled."""

    cancelled: str


SEND_PROMPT = Operation(
    "prompts.send",
    "POST /api/prompts",
    SendPrompt,
    SentPromptResult,
    "Answer a prompt: whole, as a stream, or later.",
    Scope.OPERATOR,
    stream=True,
    max_body=MAX_PROMPT_BODY,
    command="run",
    examples=("quarterdeck run 'say hello'",),
)
LIST_PROMPTS = Operation(
    "prompts.list",
    "GET /api/prompts",
    PageArgs,
    PromptsResult,
    "List the requests on their way, the longest first.",
    command="queue list",
    examples=("quarterdeck queue list",),
)
SHOW_PROMPT = Operation(
    "prompts.show",
    "GET /api/prompts/{id}",
    PromptId,
    PromptResult,
    "Show one request on its way, or how one ended that nobody waited for.",
    command="queue show",
    examples=("quarterdeck queue show 4f1c09aa12cd",),
)
CANCEL_PROMPT = Operation(
    "prompts.cancel",
    "DELETE /api/prompts/{id}",
    PromptId,
    Cancelled,
    "Cancel requests, waiting or running; their callers get an error.",
    Scope.OPERATOR,
    command="queue cancel",
    sentence="Cancelled {id}.",
    examples=("quarterdeck queue cancel 4f1c09aa12cd",),
)
