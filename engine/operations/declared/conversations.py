"""Conversations: list them, show one, read its messages, fork one, archive one, delete one with its transcript."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation

State = Literal["running", "idle", "terminal", "hibernated", "archived"]
"""A turn runs in it, a session holds it, a person has it open, it has no process, or it was put away and has none."""
MAX_TITLE = 120
"""Characters of a title."""
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE)]


class ConversationRow(msgspec.Struct, kw_only=True):
    """One conversation; what is not known is empty or 0, as is `session` where it has none.

    `holder` names the terminal in which a person has it open.
    `title` is its first prompt unless it was given another, `last_words` what the agent said last; `created` and `used`
    are in seconds since 1970, `cost` in dollars.
    """

    id: str
    tenant: str
    profile: str
    state: State
    session: str
    holder: str
    directory: str
    permission_mode: str
    title: str
    user: str
    created: float
    used: float
    turns: int
    cost: float
    last_words: str


class ListConversations(PageArgs, kw_only=True, frozen=True):
    """Those of one profile, in one state, or with `q` in id, profile, directory, title, user or last words.

    Archived ones are listed when their state is asked for.
    """

    profile: str | msgspec.UnsetType = msgspec.UNSET
    state: State | msgspec.UnsetType = msgspec.UNSET
    q: Annotated[str, msgspec.Meta(max_length=200)] | msgspec.UnsetType = msgspec.UNSET


class ConversationsResult(msgspec.Struct, kw_only=True):
    """A page of conversations, the one used last first, of `total`."""

    conversations: list[ConversationRow]
    total: int


class ConversationId(msgspec.Struct, kw_only=True, frozen=True):
    """One conversation."""

    id: str


class ConversationResult(msgspec.Struct, kw_only=True):
    """One conversation."""

    conversation: ConversationRow


class ChangeConversation(msgspec.Struct, kw_only=True, frozen=True):
    """Another title for a conversation, or its place in the archive or out of it; what is left out stays."""

    id: str
    title: Title | msgspec.UnsetType = msgspec.UNSET
    archived: bool | msgspec.UnsetType = msgspec.UNSET


class ForkConversation(msgspec.Struct, kw_only=True, frozen=True):
    """A new conversation that begins with all that was said in this one; its title is this one's unless given."""

    id: str
    title: Title | msgspec.UnsetType = msgspec.UNSET


class ReadMessages(msgspec.Struct, kw_only=True, frozen=True):
    """About `limit` messages that end at byte `before` of the transcript on disk; without it, the last ones.

    Without `before`, only those come that precede message `ref`, or `until` (seconds since 1970) where it is not found.
    """

    id: str
    before: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    ref: Annotated[str, msgspec.Meta(max_length=100)] = ""
    until: float | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class Message(msgspec.Struct, kw_only=True):
    """One message as in a live transcript; `at` is in seconds since 1970, 0 where the transcript does not tell.

    `detail` is the whole input of a tool as JSON, `ref` the message's uuid.
    """

    at: float
    kind: str
    title: str
    text: str
    detail: str
    ref: str


class MessagePage(msgspec.Struct, kw_only=True):
    """Messages in order; the page before ends at byte `before`, which is 0 at the conversation's begin."""

    entries: list[Message]
    before: int


class MessagesResult(msgspec.Struct, kw_only=True):
    """A page of a conversation's messages."""

    messages: MessagePage


class ReadPrompts(PageArgs, kw_only=True, frozen=True):
    """The prompts of one conversation."""

    id: str


class KeptPrompt(msgspec.Struct, kw_only=True):
    """One prompt in a line; `number` counts from 1, `at` is in seconds since 1970, `ref` the message's uuid."""

    number: int
    at: float
    text: str
    ref: str


class KeptPromptsResult(msgspec.Struct, kw_only=True):
    """A page of a conversation's prompts, in order, of `total`."""

    prompts: list[KeptPrompt]
    total: int


class Wake(msgspec.Struct, kw_only=True):
    """What became of the wish: `awake` with a session, `waking`, or `asleep` for a reason."""

    conversation: str
    state: Literal["awake", "waking", "asleep"]
    session: str = ""
    reason: str = ""


class WakeResult(msgspec.Struct, kw_only=True):
    """What became of the wish to wake a conversation."""

    wake: Wake


class ConversationDeleted(msgspec.Struct, kw_only=True):
    """The conversation that was deleted, and whether it had a transcript."""

    deleted: str
    transcript: bool


LIST_CONVERSATIONS = Operation(
    "conversations.list",
    "GET /api/conversations",
    ListConversations,
    ConversationsResult,
    "List conversations, the one used last first.",
    columns=("id", "state", "user", "used", "turns", "cost", "title"),
    examples=("quarterdeck conversations list --state hibernated",),
)
SHOW_CONVERSATION = Operation(
    "conversations.show",
    "GET /api/conversations/{id}",
    ConversationId,
    ConversationResult,
    "Show one conversation with all its fields.",
    examples=("quarterdeck conversations show 0f8fad5b-d9cb-469f-a165-70867728950e",),
)
READ_MESSAGES = Operation(
    "conversations.messages",
    "GET /api/conversations/{id}/messages",
    ReadMessages,
    MessagesResult,
    "Read the messages of a conversation from its transcript on disk, the last page first.",
    columns=("at", "kind", "title", "text"),
    examples=("quarterdeck conversations messages 0f8fad5b-d9cb-469f-a165-70867728950e --limit 20",),
)
CHANGE_CONVERSATION = Operation(
    "conversations.update",
    "PATCH /api/conversations/{id}",
    ChangeConversation,
    ConversationResult,
    "Give a conversation another title, archive it, or bring it back.",
    Scope.OPERATOR,
    examples=(
        "quarterdeck conversations update 0f8fad5b-d9cb-469f-a165-70867728950e --title 'the flaky test'",
        "quarterdeck conversations update 0f8fad5b-d9cb-469f-a165-70867728950e --archived",
    ),
)
FORK_CONVERSATION = Operation(
    "conversations.fork",
    "POST /api/conversations/{id}/fork",
    ForkConversation,
    ConversationResult,
    "Begin a new conversation with all that was said in another one.",
    Scope.OPERATOR,
    examples=("quarterdeck conversations fork 0f8fad5b-d9cb-469f-a165-70867728950e",),
)
READ_PROMPTS = Operation(
    "conversations.prompts",
    "GET /api/conversations/{id}/prompts",
    ReadPrompts,
    KeptPromptsResult,
    "List the prompts of a conversation, as `sessions rewind` counts them.",
    columns=("number", "at", "text", "ref"),
    examples=("quarterdeck conversations prompts 0f8fad5b-d9cb-469f-a165-70867728950e",),
)
WAKE_CONVERSATION = Operation(
    "conversations.wake",
    "POST /api/conversations/{id}/wake",
    ConversationId,
    WakeResult,
    "Wake a conversation for which a prompt is expected, when no session has to end for it.",
    Scope.OPERATOR,
    sentence="{wake.conversation}: {wake.state} {wake.session}{wake.reason}",
    examples=("quarterdeck conversations wake 0f8fad5b-d9cb-469f-a165-70867728950e",),
)
DELETE_CONVERSATION = Operation(
    "conversations.delete",
    "DELETE /api/conversations/{id}",
    ConversationId,
    ConversationDeleted,
    "Delete conversations that no session holds, with their transcripts.",
    Scope.ADMIN,
    confirm="Delete conversation {id} and its transcript?",
    sentence="{id}: deleted.",
    examples=("quarterdeck conversations delete 0f8fad5b-d9cb-469f-a165-70867728950e",),
)
