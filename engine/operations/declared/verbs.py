"""What an agent is asked beside its turns, and what is done to a running one: question, steering, going back, reading.

`id` names a session, or the conversation that one holds.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.sessions import SessionId
from engine.operations.operation import Operation

LONGEST_QUESTION = 10_000
LONGEST_NOTE = 100_000
LONGEST_PROMPT = 1_000_000
MAX_STEER_BODY = 4 * 1024**2
Seconds = Annotated[float, msgspec.Meta(ge=1, le=600)]
"""Seconds that the agent gets for its answer."""


class SideQuestion(msgspec.Struct, kw_only=True, frozen=True):
    """A question to an agent in the midst of its work; nothing of it stays in its conversation."""

    id: str
    question: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_QUESTION)]
    timeout: Seconds = 60.0


class SideAnswer(msgspec.Struct, kw_only=True):
    """What the agent answered."""

    session: str
    question: str
    text: str


class SideAnswerResult(msgspec.Struct, kw_only=True):
    """The answer to a side question."""

    answer: SideAnswer


class Steer(msgspec.Struct, kw_only=True, frozen=True):
    """Another prompt for a turn that runs."""

    id: str
    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_PROMPT)]


class SteeredTurn(msgspec.Struct, kw_only=True):
    """The session and the request whose turn goes on with another prompt."""

    session: str
    request: str


class SteeredResult(msgspec.Struct, kw_only=True):
    """The turn that was steered."""

    steered: SteeredTurn


class AddNote(msgspec.Struct, kw_only=True, frozen=True):
    """What an agent is to know with its next prompt."""

    id: str
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NOTE)]


class AddedNote(msgspec.Struct, kw_only=True):
    """The conversation that a note was added to; `waits` while the turn that runs has to end first."""

    session: str
    conversation: str
    waits: bool


class AddedNoteResult(msgspec.Struct, kw_only=True):
    """The note that was added."""

    note: AddedNote


class Rewind(msgspec.Struct, kw_only=True, frozen=True):
    """Before which prompt a conversation goes back: its number, counted from 1, or its message."""

    id: str
    prompt: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    message: Annotated[str, msgspec.Meta(max_length=100)] = ""


class RewoundConversation(msgspec.Struct, kw_only=True):
    """Where a conversation went back to: `text` is the prompt that was cut off first, `prompts` counts those left."""

    session: str
    conversation: str
    message: str
    text: str
    prompts: int


class RewoundResult(msgspec.Struct, kw_only=True):
    """The conversation that went back."""

    rewound: RewoundConversation


class ChangedFile(msgspec.Struct, kw_only=True):
    """One file that differs from the last commit."""

    path: str
    status: str
    added: int
    removed: int
    is_binary: bool
    is_untracked: bool


class WorkspaceDiff(msgspec.Struct, kw_only=True):
    """How a session's workspace differs from its last commit.

    `text` is a unified diff, to which untracked files contribute their names (`?? name`); `omitted` counts the files
    and `cut` the lines that are left out of it.
    """

    session: str
    cwd: str
    files: list[ChangedFile]
    added: int
    removed: int
    omitted: int
    cut: int
    text: str


class WorkspaceDiffResult(msgspec.Struct, kw_only=True):
    """The changes of a workspace."""

    diff: WorkspaceDiff


class ExportedConversation(msgspec.Struct, kw_only=True):
    """A conversation as text, and what a file of it may be called."""

    session: str
    conversation: str
    filename: str
    text: str


class ExportResult(msgspec.Struct, kw_only=True):
    """An exported conversation."""

    export: ExportedConversation


SIDE_QUESTION = Operation(
    "sessions.side_question",
    "POST /api/sessions/{id}/side-question",
    SideQuestion,
    SideAnswerResult,
    "Ask an agent what it does, also in the midst of a turn; nothing of it stays in its conversation.",
    Scope.OPERATOR,
    duration="timeout",
    confirm="Ask the agent of {id}? The answer is a call of its model.",
    sentence="{answer.text}",
    asks_agent=True,
    examples=("quarterdeck sessions side-question k7f003 'What are you doing?'",),
)
STEER_SESSION = Operation(
    "sessions.steer",
    "POST /api/sessions/{id}/steer",
    Steer,
    SteeredResult,
    "Send another prompt into a running turn: it ends what it does and goes on with that.",
    Scope.OPERATOR,
    max_body=MAX_STEER_BODY,
    confirm="Send this into the running turn of {id}?",
    sentence="{id}: steered; request {steered.request} goes on with it.",
    asks_agent=True,
    examples=("quarterdeck sessions steer k7f003 'Leave the tests alone.'",),
)
ADD_NOTE = Operation(
    "sessions.note",
    "POST /api/sessions/{id}/note",
    AddNote,
    AddedNoteResult,
    "Add a note to a conversation without a turn: the agent reads it with its next prompt.",
    Scope.OPERATOR,
    max_body=MAX_STEER_BODY,
    confirm="Add this note to the conversation of {id}? Its agent reads it with the next prompt.",
    sentence="{id}: noted; the agent reads it with the next prompt.",
    asks_agent=True,
    examples=("quarterdeck sessions note k7f003 'The release is on Friday.'",),
)
REWIND_SESSION = Operation(
    "sessions.rewind",
    "POST /api/sessions/{id}/rewind",
    Rewind,
    RewoundResult,
    "Go back to before a prompt: it and all that followed are cut off; files stay as they are.",
    Scope.OPERATOR,
    confirm="Go back in {id}? The prompt and all that followed are cut off; files stay as they are.",
    sentence="{id}: went back; prompts left: {rewound.prompts}. Cut off: {rewound.text}",
    asks_agent=True,
    examples=("quarterdeck sessions rewind k7f003 --prompt 3",),
)
WORKSPACE_DIFF = Operation(
    "sessions.diff",
    "GET /api/sessions/{id}/diff",
    SessionId,
    WorkspaceDiffResult,
    "Show how the workspace of a session differs from its last commit.",
    sentence="{diff.text}",
    asks_agent=True,
    examples=("quarterdeck sessions diff k7f003",),
)
EXPORT_CONVERSATION = Operation(
    "sessions.export",
    "GET /api/sessions/{id}/export",
    SessionId,
    ExportResult,
    "Write the conversation of a session as text.",
    sentence="{export.text}",
    asks_agent=True,
    examples=("quarterdeck sessions export k7f003",),
)
