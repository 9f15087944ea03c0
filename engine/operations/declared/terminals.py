"""Conversations in the agent's own terminal: lend one to a process of this machine, and take it back."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import Operation


class OpenConversation(msgspec.Struct, kw_only=True, frozen=True):
    """One conversation, and the process that runs its terminal: the caller's own, on the engine's machine.

    Without a `process` it is refused with the command to run there.
    """

    id: str
    process: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


class TerminalCommand(msgspec.Struct, kw_only=True):
    """How the terminal is started: `argv` without a shell in `cwd`, with `environment` and no other variable.

    `terminal` names it when it is returned.
    """

    terminal: str
    conversation: str
    argv: list[str]
    cwd: str
    environment: dict[str, str]


class TerminalResult(msgspec.Struct, kw_only=True):
    """The terminal that a conversation is lent to."""

    command: TerminalCommand


class ReturnConversation(msgspec.Struct, kw_only=True, frozen=True):
    """One conversation, from whatever terminal has it or only from the one that is named."""

    id: str
    terminal: Annotated[str, msgspec.Meta(max_length=100)] = ""


class ConversationReturned(msgspec.Struct, kw_only=True):
    """The conversation, and who had it; nobody did where `holder` is empty."""

    returned: str
    holder: str


OPEN_CONVERSATION = Operation(
    "conversations.open",
    "POST /api/conversations/{id}/terminal",
    OpenConversation,
    TerminalResult,
    "Open a conversation in the agent's own terminal; no request runs in it until that is closed.",
    Scope.ADMIN,
    examples=("quarterdeck conversations open 0f8fad5b-d9cb-469f-a165-70867728950e",),
)
RETURN_CONVERSATION = Operation(
    "conversations.return",
    "DELETE /api/conversations/{id}/terminal",
    ReturnConversation,
    ConversationReturned,
    "Take a conversation back from a terminal; the program in it is ended.",
    Scope.OPERATOR,
    confirm="Take conversation {id} back? The program that has it open is ended.",
    sentence="{id}: returned.",
    examples=("quarterdeck conversations return 0f8fad5b-d9cb-469f-a165-70867728950e",),
)
